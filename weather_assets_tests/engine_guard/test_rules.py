"""What is let through, and that nothing else is."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
from hypothesis import strategies as st

from weather_assets.engine_guard.parsing import Refused
from weather_assets.engine_guard.rules import Absent, Call, Request, allowed, routes, settled
from weather_assets_tests.engine_guard.fake_engine import things
from weather_assets_tests.engine_guard.hostile import HOSTILE, PARTS
from weather_assets_tests.engine_guard.stack import (
    CREATE,
    CREATE_RANK,
    DATA,
    NEIGHBOUR,
    OWN_NAME,
    PLATFORM,
    RANK_IMAGE_ID,
    RANK_NAME,
    RANK_NETWORK,
    RAW,
    STACK,
    get,
    network,
    post,
    rank,
    run,
)

LABEL = {"weather-assets.stack": STACK.name}
THINGS = things()
CONTAINER_ID = THINGS.add("containers", OWN_NAME, Config={"Labels": LABEL})["Id"]
NETWORK_ID = THINGS.add("networks", RANK_NETWORK, Labels=LABEL)["Id"]
PLATFORM_ID = THINGS.networks[PLATFORM]["Id"]
KINDS = {"container": THINGS.containers, "network": THINGS.networks, "ranks": THINGS.networks}

_ON = f"/v1.41/containers/{OWN_NAME}"
_BY_ID = f"/containers/{CONTAINER_ID}"
_FILTER = "filters=%7B%22label%22%3A+%5B%22weather_assets.rendezvous%22%2C+%22a.b%3Dc-1%22%5D%7D"
LET_THROUGH: dict[str, tuple[Request, str]] = {
    "health": (get("/_ping"), "/_ping"),
    "health of a version": (get("/v1.41/_ping"), "/_ping"),
    "the version": (get("/version"), "/version"),
    "the engine's name": (get("/v1.44/info"), "/info"),
    "a run": (post(CREATE, run()), "/containers/create"),
    "a rank": (post(CREATE_RANK, rank()), "/containers/create"),
    "an attempt's network": (post("/v1.41/networks/create", network()), "/networks/create"),
    "a look at a container": (get(f"{_ON}/json"), f"{_BY_ID}/json"),
    "a look at a container by its id": (
        get(f"/v1.41/containers/{CONTAINER_ID}/json"),
        f"{_BY_ID}/json",
    ),
    "a start": (post(f"{_ON}/start"), f"{_BY_ID}/start"),
    "a stop": (post(f"{_ON}/stop?t=60"), f"{_BY_ID}/stop"),
    "a signal": (post(f"{_ON}/kill?signal=SIGTERM"), f"{_BY_ID}/kill"),
    "an end": (post(f"{_ON}/kill?signal=SIGKILL"), f"{_BY_ID}/kill"),
    "waiting": (post(f"{_ON}/wait?condition=removed"), f"{_BY_ID}/wait"),
    "streams": (
        post(f"{_ON}/attach?stdin=1&stdout=1&stderr=1&stream=1", upgrade="tcp"),
        f"{_BY_ID}/attach",
    ),
    "removing a container": (Request("DELETE", f"{_ON}?v=True&link=False&force=True"), _BY_ID),
    "a look at the platform's network": (
        get(f"/v1.41/networks/{PLATFORM}"),
        f"/networks/{PLATFORM_ID}",
    ),
    "a look at an attempt's network": (
        get(f"/v1.41/networks/{NETWORK_ID}"),
        f"/networks/{NETWORK_ID}",
    ),
    "connecting": (
        post(
            f"/v1.41/networks/{PLATFORM}/connect",
            {"Container": OWN_NAME, "EndpointConfig": {}},
        ),
        f"/networks/{PLATFORM_ID}/connect",
    ),
    "removing a network": (
        Request("DELETE", f"/v1.41/networks/{RANK_NETWORK}"),
        f"/networks/{NETWORK_ID}",
    ),
    "the ranks' image": (
        get(f"/v1.41/images/{STACK.rank_image}/json"),
        f"/images/{RANK_IMAGE_ID}/json",
    ),
    "one's containers": (
        get(f"/v1.41/containers/json?limit=-1&all=1&size=0&trunc_cmd=0&{_FILTER}"),
        "/containers/json",
    ),
    "one's networks": (get(f"/v1.41/networks?{_FILTER}"), "/networks"),
}


def found(kind: str, name: str) -> Mapping[str, Any] | None:
    """What an engine says; of images, of the ranks' alone, as the server does."""
    if kind == "image":
        return {"Id": RANK_IMAGE_ID} if name in (STACK.rank_image, RANK_IMAGE_ID) else None
    return KINDS[kind].get(name)


def made(request: Request) -> Call:
    """Returns what goes to the engine."""
    call = allowed(request, STACK)
    references = {kind: found(kind, name) for kind, name in call.references.items()}
    return settled(call, references, STACK)


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len(HOSTILE) == sum(map(len, PARTS.values())) >= 60
    # A hostile container differs from one that is let through in what it is named for.
    assert json.loads(PARTS["power"]["the host's network"].body) == run({"NetworkMode": "host"})


@pytest.mark.parametrize("what", HOSTILE)
def test_is_refused(what: str) -> None:
    with pytest.raises(Refused):
        made(HOSTILE[what])


@pytest.mark.parametrize("what", PARTS["power"])
def test_a_refused_power_is_named(what: str) -> None:
    asked = json.loads(PARTS["power"][what].body)["HostConfig"]
    usual = run()["HostConfig"]
    (key,) = {
        key for key in {**asked, **usual} if repr(asked.get(key, ...)) != repr(usual.get(key, ...))
    }
    with pytest.raises(Refused, match=key):
        made(PARTS["power"][what])


@pytest.mark.parametrize("what", LET_THROUGH)
def test_is_let_through(what: str) -> None:
    request, path = LET_THROUGH[what]
    call = made(request)
    assert (call.route.method, call.path) == (request.method, path)
    assert request.target.startswith(call.version)


def test_every_route_is_used() -> None:
    used = {
        (made(request).route.method, made(request).route.path)
        for request, _ in LET_THROUGH.values()
    }
    assert used == {(route.method, route.path) for route in routes(STACK)}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (post(CREATE, run()), run()),
        (post(CREATE_RANK, rank()), rank()),
        (post("/v1.41/networks/create", network()), network()),
    ],
    ids=["run", "rank", "network"],
)
def test_what_is_made_is_labelled_and_else_as_asked(
    request_: Request, expected: dict[str, Any]
) -> None:
    body = dict(made(request_).body or {})
    body.pop("CheckDuplicate", None)
    if "HostConfig" in expected and expected["NetworkingConfig"] == {PLATFORM: None}:
        del expected["NetworkingConfig"]
    assert body == {**expected, "Labels": {**expected["Labels"], **LABEL}}


def test_nobody_sees_what_is_not_its_own() -> None:
    filters = quote('{"label": ["weather-assets.stack=other"]}')
    call = made(get(f"/v1.41/networks?filters={filters}"))
    labels = ["weather-assets.stack=other", f"weather-assets.stack={STACK.name}"]
    assert json.loads(call.query["filters"]) == {"label": labels}


def test_what_is_absent_and_what_is_anothers_look_alike() -> None:
    messages: list[str] = []
    for name in (NEIGHBOUR, "guard-nobodyxx"):
        with pytest.raises(Absent) as caught:
            made(get(f"/v1.41/containers/{name}/json"))
        messages.append(str(caught.value).replace(name, ""))
    assert messages[0] == messages[1]


def test_a_container_is_connected_by_its_id() -> None:
    body = {"Container": OWN_NAME, "EndpointConfig": {}}
    call = made(post(f"/v1.41/networks/{PLATFORM}/connect", body))
    assert call.body == {"Container": CONTAINER_ID, "EndpointConfig": {}}


def confined(body: Mapping[str, Any]) -> None:
    """Claims of a container's body that it asks for nothing of the host's; knows no rules."""
    keys = {
        "Image", "Cmd", "Env", "Entrypoint", "Labels", "HostConfig", "NetworkingConfig", "Hostname",
        "User", "NetworkDisabled", "Tty", "OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout",
        "AttachStderr",
    }  # fmt: skip
    host_keys = {
        "NetworkMode", "Mounts", "CapDrop", "SecurityOpt", "AutoRemove", "Init", "ReadonlyRootfs",
        "Tmpfs", "PidsLimit", "ShmSize", "NanoCpus", "Memory", "MemorySwap", "DeviceRequests",
    }  # fmt: skip
    host = body["HostConfig"]
    assert set(body) <= keys
    assert set(host) <= host_keys
    assert body["Labels"]["weather-assets.stack"] == STACK.name
    assert not any(key.startswith("com.docker") for key in body["Labels"])
    assert body["Image"] in (STACK.run_image, RANK_IMAGE_ID)
    assert body.get("User", "10001:10001") == "10001:10001"
    assert host.get("CapDrop") == ["ALL"]
    assert host["AutoRemove"] is host["Init"] is True
    assert host.get("SecurityOpt") in (["no-new-privileges"], ["no-new-privileges:true"])
    assert host.get("NetworkMode") in (PLATFORM, RANK_NETWORK)
    assert set(body.get("NetworkingConfig", {}).get("EndpointsConfig", {})) <= {RANK_NETWORK}
    assert not host.get("DeviceRequests")
    assert host.get("Tmpfs", {}).keys() <= {"/tmp"}  # noqa: S108 - the container's own
    assert all(mount in (DATA, RAW) for mount in host["Mounts"])
    assert body.get("Hostname", RANK_NAME) == RANK_NAME


KEYS = [
    "Binds", "CapAdd", "Privileged", "PidMode", "NetworkMode", "VolumesFrom", "Devices", "Runtime",
    "hostconfig", "Ho\u017ftConfig", "Networ\u212aMode", "HostConfig", "Mounts", "User", "Labels",
]  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["host", "/:/host", "ALL", "SYS_ADMIN", PLATFORM, RANK_NAME, "0", "bind"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def disturbed(draw: st.DrawFn) -> tuple[str, bytes]:
    """A container that is let through, with values and keys changed, added and taken away."""
    target, body = draw(st.sampled_from([(CREATE, run()), (CREATE_RANK, rank())]))
    body = json.loads(json.dumps(body))
    for _ in range(draw(st.integers(0, 3))):
        place: Any = body
        while True:
            deeper = [
                each
                for each in (place.values() if isinstance(place, dict) else place)
                if isinstance(each, dict | list)
            ]
            if not deeper or draw(st.booleans()):
                break
            place = draw(st.sampled_from(deeper))
        value = draw(VALUES)
        if isinstance(place, list):
            place.append(value)
        elif draw(st.booleans()):
            place[draw(st.sampled_from(KEYS + sorted(place)))] = value
        elif place:
            del place[draw(st.sampled_from(sorted(place)))]
    return target, json.dumps(body, ensure_ascii=draw(st.booleans())).encode(
        "utf-8", "surrogatepass"
    )


@pytest.mark.parametrize(
    "what", [f"{part}: {each}" for part in ("power", "mount") for each in PARTS[part]]
)
def test_the_claim_sees_what_a_hostile_container_wins(what: str) -> None:
    body = json.loads(HOSTILE[what].body)
    with pytest.raises(AssertionError):
        confined({**body, "Labels": {**body["Labels"], **LABEL}})


@hypothesis.settings(max_examples=600, deadline=None)
@hypothesis.given(disturbed())
def test_a_disturbed_container_is_refused_or_confined(asked: tuple[str, bytes]) -> None:
    try:
        call = made(post(*asked))
    except Refused:
        return
    confined(call.body or {})


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(
    st.sampled_from([CREATE, CREATE_RANK, "/v1.41/networks/create", "/v1.41/networks/x/connect"]),
    st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()),
)
def test_any_other_body_is_refused(target: str, body: bytes) -> None:
    with pytest.raises(Refused):
        made(post(target, body))


PIECES = [
    "/", "v1.41", "containers", "networks", "images", NEIGHBOUR, "host", "..", ".", "%2e", "%2f",
    "json", "start", "stop", "exec", "create", "?", "&", "=", "t", "1", "name", "x", ":", "@",
]  # fmt: skip
TARGETS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)


@hypothesis.settings(max_examples=600, deadline=None)
@hypothesis.given(st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"]), TARGETS)
def test_any_target_is_refused_or_ones_own(method: str, target: str) -> None:
    try:
        call = made(Request(method, f"/v1.41/{target}"))
    except Refused:
        return
    assert call.path in ("/_ping", "/version", "/info")
