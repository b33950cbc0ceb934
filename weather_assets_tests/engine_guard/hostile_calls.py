"""Calls that must not reach the engine: on others' things, on one's own, and in disguise.

Belongs here: every call but making containers (`hostile_containers`). Does not belong here: who
makes them (`hostile`).
"""

import json

from weather_assets.engine_guard.rules import Request
from weather_assets_tests.engine_guard.stack import (
    CREATE,
    CREATE_RANK,
    NEIGHBOUR,
    NEIGHBOUR_IMAGE,
    OWN_NAME,
    PLATFORM,
    RANK_NAME,
    RANK_NETWORK,
    STACK,
    get,
    network,
    post,
    rank,
    run,
)

_CONNECT = f"/v1.41/networks/{RANK_NETWORK}/connect"
NETWORKS: dict[str, Request] = {
    "a network with a way out": post("/v1.41/networks/create", network(Internal=False)),
    "a network with a way out, by silence": post("/v1.41/networks/create", network(Internal=...)),
    "a network of the host's card": post(
        "/v1.41/networks/create", network(Driver="macvlan", Options={"parent": "eth0"})
    ),
    "a network with options": post(
        "/v1.41/networks/create", network(Options={"com.docker.network.bridge.name": "docker0"})
    ),
    "a network with addresses": post(
        "/v1.41/networks/create", network(IPAM={"Config": [{"Subnet": "10.0.0.0/8"}]})
    ),
    "a network of a swarm": post("/v1.41/networks/create", network(Scope="swarm", Attachable=True)),
    "a network from another": post("/v1.41/networks/create", network(ConfigFrom={"Network": "x"})),
    "a network with a service's name": post("/v1.41/networks/create", network(Name=PLATFORM)),
    "a network with other labels": post(
        "/v1.41/networks/create", network(Labels={"com.docker.compose.network": "platform"})
    ),
    "a network without labels": post("/v1.41/networks/create", network(Labels=...)),
    "a neighbour in one's own network": post(
        _CONNECT, {"Container": NEIGHBOUR, "EndpointConfig": {}}
    ),
    "oneself in the neighbour's network": post(
        f"/v1.41/networks/{NEIGHBOUR}/connect", {"Container": OWN_NAME, "EndpointConfig": {}}
    ),
    "oneself in the host's network": post(
        "/v1.41/networks/host/connect", {"Container": OWN_NAME, "EndpointConfig": {}}
    ),
    "oneself in the engine's bridge": post(
        "/v1.41/networks/bridge/connect", {"Container": OWN_NAME, "EndpointConfig": {}}
    ),
    "an alias in a network": post(
        f"/v1.41/networks/{PLATFORM}/connect",
        {"Container": OWN_NAME, "EndpointConfig": {"Aliases": ["postgres"]}},
    ),
    "a service's address in a network": post(
        f"/v1.41/networks/{PLATFORM}/connect",
        {"Container": OWN_NAME, "EndpointConfig": {"IPAMConfig": {"IPv4Address": "10.0.0.1"}}},
    ),
    "disconnecting": post(
        f"/v1.41/networks/{RANK_NETWORK}/disconnect", {"Container": OWN_NAME, "Force": True}
    ),
    "disconnecting a neighbour": post(
        f"/v1.41/networks/{NEIGHBOUR}/disconnect", {"Container": NEIGHBOUR}
    ),
    "removing the platform's network": Request("DELETE", f"/v1.41/networks/{PLATFORM}"),
    "removing the neighbour's network": Request("DELETE", f"/v1.41/networks/{NEIGHBOUR}"),
    "looking at the neighbour's network": get(f"/v1.41/networks/{NEIGHBOUR}"),
    "looking at the host's network": get("/v1.41/networks/host"),
    "removing all networks": post("/v1.41/networks/prune"),
    "all networks": get("/v1.41/networks"),
    "networks by driver": get('/v1.41/networks?filters={"driver":["bridge"]}'.replace('"', "%22")),
}

_ON = "/v1.41/containers/{}"
_STREAMS = "stdin=1&stdout=1&stderr=1&stream=1"
_REMOVE = "v=True&link=False&force=True"
NEIGHBOURS: dict[str, Request] = {
    f"{what} the neighbour": Request(r.method, r.target.replace("{}", NEIGHBOUR), r.upgrade, r.body)
    for what, r in {
        "looking at": get(f"{_ON}/json"),
        "starting": post(f"{_ON}/start"),
        "stopping": post(f"{_ON}/stop?t=1"),
        "killing": post(f"{_ON}/kill?signal=SIGKILL"),
        "waiting for": post(f"{_ON}/wait?condition=removed"),
        "attaching to": post(f"{_ON}/attach?{_STREAMS}", upgrade="tcp"),
        "removing": Request("DELETE", f"{_ON}?{_REMOVE}"),
        "restarting": post(f"{_ON}/restart"),
        "pausing": post(f"{_ON}/pause"),
        "unpausing": post(f"{_ON}/unpause"),
        "renaming": post(f"{_ON}/rename?name=x"),
        "changing": post(f"{_ON}/update", {"Memory": 0}),
        "a command in": post(f"{_ON}/exec", {"Cmd": ["sh"]}),
        "files out of": get(f"{_ON}/archive?path=/"),
        "files into": Request("PUT", f"{_ON}/archive?path=/", body=b"x"),
        "all of": get(f"{_ON}/export"),
        "an image of": post(f"/v1.41/commit?container={NEIGHBOUR}"),
        "lines of": get(f"{_ON}/logs?stdout=1"),
        "processes of": get(f"{_ON}/top"),
        "numbers of": get(f"{_ON}/stats"),
        "changes of": get(f"{_ON}/changes"),
        "a web socket to": get(f"{_ON}/attach/ws?{_STREAMS}"),
        "resizing": post(f"{_ON}/resize?h=1&w=1"),
    }.items()
}  # fmt: skip
OWN: dict[str, Request] = {
    f"{what} one's own": Request(r.method, r.target.replace("{}", OWN_NAME), r.upgrade, r.body)
    for what, r in {
        "a command in": post(f"{_ON}/exec", {"Cmd": ["sh"], "Privileged": True}),
        "files out of": get(f"{_ON}/archive?path=/"),
        "files into": Request("PUT", f"{_ON}/archive?path=/etc", body=b"x"),
        "all of": get(f"{_ON}/export"),
        "an image of": post(f"/v1.41/commit?container={OWN_NAME}&repo={STACK.rank_image}"),
        "changing": post(f"{_ON}/update", {"RestartPolicy": {"Name": "always"}}),
        "renaming": post(f"{_ON}/rename?name=postgres"),
        "a stop signal to": post(f"{_ON}/kill?signal=SIGSTOP"),
        "a signal without a name to": post(f"{_ON}/kill"),
        "powers at the start of": post(f"{_ON}/start", {"Binds": ["/:/host"], "Privileged": True}),
        "detaching keys for": post(f"{_ON}/start?detachKeys=ctrl-a"),
        "no time for": post(f"{_ON}/stop?t=-1"),
        "a while without end for": post(f"{_ON}/stop?t=99999999999"),
        "the next exit of": post(f"{_ON}/wait?condition=next-exit"),
        "old lines of": post(f"{_ON}/attach?{_STREAMS}&logs=1", upgrade="tcp"),
        "attaching without a change of protocol to": post(f"{_ON}/attach?{_STREAMS}"),
        "attaching by HTTP/2 to": post(f"{_ON}/attach?{_STREAMS}", upgrade="h2c"),
        "attaching by web socket to": post(f"{_ON}/attach?{_STREAMS}", upgrade="websocket"),
        "attaching by two protocols to": post(f"{_ON}/attach?{_STREAMS}", upgrade="tcp, h2c"),
        "attaching with a body to": post(f"{_ON}/attach?{_STREAMS}", b"x", upgrade="tcp"),
        "links of": Request("DELETE", f"{_ON}?v=True&link=True&force=True"),
    }.items()
}

_FILTERED = "/v1.41/containers/json?all=1&limit=-1&size=0&trunc_cmd=0"
LISTS: dict[str, Request] = {
    "all containers": get("/v1.41/containers/json"),
    "all containers, also those that ended": get(_FILTERED),
    "containers by name": get(f"{_FILTERED}&filters=%7B%22name%22%3A%5B%22x%22%5D%7D"),
    "containers by an old form": get(
        f"{_FILTERED}&filters=%7B%22label%22%3A%7B%22a%2Fb%22%3Atrue%7D%7D"
    ),
    "containers by two filters": get(
        f"{_FILTERED}&filters=%7B%22label%22%3A%5B%5D%7D&filters=%7B%7D"
    ),
    "containers by a filter twice in itself": get(
        f"{_FILTERED}&filters=%7B%22label%22%3A%5B%5D%2C%22label%22%3A%5B%5D%7D"
    ),
    "containers by a filter in other capitals": get(
        f"{_FILTERED}&filters=%7B%22Label%22%3A%5B%5D%7D"
    ),
    "containers by no JSON": get(f"{_FILTERED}&filters=label"),
    "containers with sizes": get(_FILTERED.replace("size=0", "size=1") + "&filters=%7B%7D"),
    "containers since one": get(f"{_FILTERED}&since=x&filters=%7B%22label%22%3A%5B%5D%7D"),
    "images": get("/v1.41/images/json"),
    "volumes": get("/v1.41/volumes"),
    "events": get("/v1.41/events"),
    "events of the stack": get("/v1.41/events?filters=%7B%22label%22%3A%5B%22a%2Fb%22%5D%7D"),
    "disk": get("/v1.41/system/df"),
}  # fmt: skip

ELSEWHERE: dict[str, Request] = {
    "a build": post("/v1.41/build?remote=https://example.org/x.git"),
    "a pull": post("/v1.41/images/create?fromImage=alpine&tag=latest"),
    "an import": post("/v1.41/images/create?fromSrc=-&repo=guard-test-pytorch", b"x"),
    "a push": post(f"/v1.41/images/{STACK.rank_image}/push"),
    "a load": post("/v1.41/images/load", b"x"),
    "images as a file": get(f"/v1.41/images/get?names={NEIGHBOUR_IMAGE}"),
    "an image as a file": get(f"/v1.41/images/{STACK.rank_image}/get"),
    "an image's history": get(f"/v1.41/images/{STACK.rank_image}/history"),
    "the neighbour's image": get(f"/v1.41/images/{NEIGHBOUR_IMAGE}/json"),
    "an image by a way round": get(f"/v1.41/images/x/../{NEIGHBOUR_IMAGE}/json"),
    "a tag": post(f"/v1.41/images/{NEIGHBOUR_IMAGE}/tag?repo=guard-test-pytorch&tag=latest"),
    "removing an image": Request("DELETE", f"/v1.41/images/{NEIGHBOUR_IMAGE}"),
    "removing the ranks' image": Request("DELETE", f"/v1.41/images/{STACK.rank_image}"),
    "removing all images": post("/v1.41/images/prune"),
    "searching images": get("/v1.41/images/search?term=x"),
    "a registry's word": get("/v1.41/distribution/alpine/json"),
    "a login": post("/v1.41/auth", {"username": "x", "password": "x"}),
    "a volume": post("/v1.41/volumes/create", {"Name": "x"}),
    "a volume that leads to the host": post(
        "/v1.41/volumes/create",
        {"Name": "guard-test_data", "DriverOpts": {"type": "none", "o": "bind", "device": "/"}},
    ),
    "the neighbour's volume": get(f"/v1.41/volumes/{NEIGHBOUR}"),
    "removing the neighbour's volume": Request("DELETE", f"/v1.41/volumes/{NEIGHBOUR}?force=1"),
    "removing the stack's volume": Request("DELETE", "/v1.41/volumes/guard-test_data?force=1"),
    "removing all volumes": post("/v1.41/volumes/prune"),
    "removing all containers": post("/v1.41/containers/prune"),
    "a command": post("/v1.41/exec/0123456789ab/start", {"Detach": True}),
    "a session": post("/session", upgrade="h2c"),
    "gRPC": post("/grpc", upgrade="h2c"),
    "a swarm": post("/v1.41/swarm/init", {"ListenAddr": "0.0.0.0:2377"}),
    "another's swarm": post("/v1.41/swarm/join", {"RemoteAddrs": ["10.0.0.1"]}),
    "a service": post("/v1.41/services/create", {"TaskTemplate": {}}),
    "nodes": get("/v1.41/nodes"),
    "tasks": get("/v1.41/tasks"),
    "secrets": get("/v1.41/secrets"),
    "a secret": post("/v1.41/secrets/create", {"Name": "x", "Data": "eA=="}),
    "configs": get("/v1.41/configs"),
    "plugins": get("/v1.41/plugins"),
    "a plugin": post("/v1.41/plugins/pull?remote=vieux/sshfs", []),
    "a plugin's powers": post("/v1.41/plugins/x/set", ["DEBUG=1"]),
    "a checkpoint": post(f"/v1.41/containers/{OWN_NAME}/checkpoints", {"CheckpointDir": "/etc"}),
    "its debugger": get("/debug/pprof/cmdline"),
    "its metrics": get("/metrics"),
    "its root": get("/"),
}  # fmt: skip

_OTHER = f"/v1.41/containers/{NEIGHBOUR}/json"
PATHS: dict[str, Request] = {
    "two slashes": get(f"/{_OTHER}"),
    "two slashes within": get(_OTHER.replace("/containers", "//containers")),
    "one folder up": get(f"/v1.41/containers/x/../{NEIGHBOUR}/json"),
    "one folder up, escaped": get(f"/v1.41/containers/%2e%2e/containers/{NEIGHBOUR}/json"),
    "a slash, escaped": get(f"/v1.41/containers%2f{NEIGHBOUR}/json"),
    "a name, escaped": get("/v1.41/containers/%67uard-neighbour/json"),
    "escaped twice": get("/v1.41/containers/%2567uard-neighbour/json"),
    "this folder": get(f"/v1.41/./containers/{NEIGHBOUR}/json"),
    "a slash at the end": post(f"/v1.41/containers/{OWN_NAME}/start/"),
    "a path behind a version": post(f"/v1.41/_ping/../containers/{NEIGHBOUR}/stop?t=1"),
    "a long name": get(f"/v1.41/containers/{'a' * 500}/json"),
    "a name that begins with a dash": get("/v1.41/containers/-x/json"),
    "a name of two dots": get("/v1.41/containers/../json"),
    "an old version": post("/v1.24/containers/create", run()),
    "the version before": post("/v1.40/containers/create", run()),
    "a version that is none": post("/v1.410/containers/create", run()),
    "a version in capitals": post("/V1.41/containers/create", run()),
    "a version with a zero": post("/v01.41/containers/create", run()),
    "two versions": get("/v1.41/v1.41/_ping"),
    "no version": post("/containers/create", run()),
    "a whole address": post(f"http://docker{CREATE}", run()),
    "an address with a user": get(f"http://x@docker{_OTHER}"),
    "a target that is a star": Request("OPTIONS", "*"),
    "a target that is a host": Request("CONNECT", "example.org:443"),
    "a backslash": get(_OTHER.replace("/json", "\\json")),
    "a parameter in the path": get(f"/v1.41/containers/{NEIGHBOUR};x=1/json"),
    "a fragment": get(f"/v1.41/_ping#/../containers/{NEIGHBOUR}/json"),
    "another method": Request("PUT", CREATE, body=json.dumps(run()).encode()),
    "a method in small letters": Request("post", CREATE, body=json.dumps(run()).encode()),
    "a method of its own": Request("POSTX", CREATE, body=json.dumps(run()).encode()),
    "heads alone": Request("HEAD", "/_ping"),
    "a body to a question": Request("GET", "/_ping", body=b"{}"),
    "a change of protocol": Request("GET", "/_ping", upgrade="h2c"),
    "a change to raw bytes": Request("GET", "/_ping", upgrade="tcp"),
}

QUERIES: dict[str, Request] = {
    "a parameter twice": post(f"{CREATE_RANK}&name={NEIGHBOUR}", rank()),
    "a parameter in other capitals": post(CREATE_RANK.replace("name", "Name"), rank()),
    "a parameter with a mark": post(CREATE_RANK.replace("name", "na%6de"), rank()),
    "an unknown parameter": post(f"{CREATE_RANK}&x=1", rank()),
    "a parameter without a name": post(f"{CREATE_RANK}&=1", rank()),
    "a parameter without a value": post(f"{CREATE_RANK}&x", rank()),
    "nothing between two marks": post(f"{CREATE_RANK}&&", rank()),
    "a semicolon": post(f"{CREATE_RANK};name={NEIGHBOUR}", rank()),
    "half an escape": post(f"{CREATE}?name=%7", rank()),
    "no UTF-8 in a parameter": post(f"{CREATE}?name=%ff", rank()),
    "a second question mark": post(f"{CREATE}?x?name={RANK_NAME}", rank()),
    "a body in the query": post(f"{CREATE}?body=%7B%7D"),
    "a method in the query": post(f"{_OTHER}?_method=DELETE"),
    "a name with a line end": post(f"{CREATE}?name={RANK_NAME}%0d%0aX:%20y", rank()),
}
