"""Containers that must not be made, as an attacker who reached the guard would ask for them.

Belongs here: bodies of `POST /containers/create`. Does not belong here: all other calls
(`hostile_calls`), who asks for them (`hostile`).
"""

import json
from typing import Any

from weather_assets.engine_guard.rules import Request
from weather_assets_tests.engine_guard.stack import (
    CREATE,
    CREATE_RANK,
    DATA,
    ENGINE,
    LABELS,
    NEIGHBOUR,
    NEIGHBOUR_IMAGE,
    PLATFORM,
    RANK_IMAGE_ID,
    RANK_NAME,
    RANK_NETWORK,
    RAW,
    STACK,
    changed,
    post,
    rank,
    run,
)

LONG_S, KELVIN = "\u017f", "\u212a"
"""What Go's JSON decoder takes for s and k."""


def _host(**changes: Any) -> Request:
    return post(CREATE, run(changes))


def _mounted(**changes: Any) -> Request:
    return _host(Mounts=[{**DATA, **changes}])


def _said(text: str | bytes) -> Request:
    return post(CREATE, text if isinstance(text, bytes) else text.encode())


def _with_twin(key: str, value: Any) -> Request:
    """A run's container with a further key behind the others, at the top."""
    return _said(
        json.dumps(run())[:-1] + f", {json.dumps(key, ensure_ascii=False)}: {json.dumps(value)}}}"
    )


POWERS: dict[str, Request] = {
    "a folder of the host": _host(Binds=["/:/host"]),
    "a folder of the host behind a volume": _host(Binds=["guard-test_data:/x", "/:/host"]),
    "a volume of its own as a bind": _host(Binds=["guard-test_data:/x"]),
    "the engine's socket": _host(Binds=["/var/run/docker.sock:/var/run/docker.sock"]),
    "a capability": _host(CapAdd=["SYS_ADMIN"]),
    "a capability as text": _host(CapAdd="SYS_ADMIN"),
    "all capabilities": _host(CapAdd=["ALL"]),
    "the engine's capabilities": _host(CapDrop=...),
    "no capability dropped": _host(CapDrop=[]),
    "one capability dropped": _host(CapDrop=["NET_RAW"]),
    "capabilities dropped as text": _host(CapDrop="ALL"),
    "a capability dropped and added": _host(CapDrop=["ALL"], CapAdd=["SYS_PTRACE"]),
    "no seccomp": _host(SecurityOpt=["no-new-privileges:true", "seccomp=unconfined"]),
    "no AppArmor": _host(SecurityOpt=["no-new-privileges:true", "apparmor=unconfined"]),
    "no labels": _host(SecurityOpt=["no-new-privileges:true", "label=disable"]),
    "no masked paths": _host(SecurityOpt=["no-new-privileges:true", "systempaths=unconfined"]),
    "new privileges": _host(SecurityOpt=["no-new-privileges:false"]),
    "the engine's security options": _host(SecurityOpt=...),
    "nothing masked": _host(MaskedPaths=[]),
    "nothing read-only": _host(ReadonlyPaths=[]),
    "a neighbour's volumes": _host(VolumesFrom=[NEIGHBOUR]),
    "privileges": _host(Privileged=True),
    "privileges denied": _host(Privileged=False),
    "devices": _host(Devices=[{"PathOnHost": "/dev/kmsg", "PathInContainer": "/dev/kmsg"}]),
    "GPUs": _host(DeviceRequests=[{"Count": -1, "Capabilities": [["gpu"]]}]),
    "rules for devices": _host(DeviceCgroupRules=["a *:* rwm"]),
    "the host's network": _host(NetworkMode="host"),
    "a neighbour's network stack": _host(NetworkMode=f"container:{NEIGHBOUR}"),
    "a neighbour's network": _host(NetworkMode=NEIGHBOUR),
    "the engine's bridge": _host(NetworkMode="bridge"),
    "the engine's network mode": _host(NetworkMode="default"),
    "no network mode": _host(NetworkMode=...),
    "its second network at once": _host(NetworkMode=ENGINE),
    "the host's processes": _host(PidMode="host"),
    "a neighbour's processes": _host(PidMode=f"container:{NEIGHBOUR}"),
    "the host's memory": _host(IpcMode="host"),
    "shareable memory": _host(IpcMode="shareable"),
    "the host's users": _host(UsernsMode="host"),
    "the host's name": _host(UTSMode="host"),
    "another cgroup": _host(CgroupParent="/"),
    "the host's cgroups": _host(CgroupnsMode="host"),
    "another cgroup spec": _host(Cgroup=f"container:{NEIGHBOUR}"),
    "another runtime": _host(Runtime="runc"),
    "kernel settings": _host(Sysctls={"kernel.shm_rmid_forced": "1"}),
    "storage options": _host(StorageOpt={"size": "1G"}),
    "limits": _host(Ulimits=[{"Name": "nofile", "Soft": 1048576, "Hard": 1048576}]),
    "isolation": _host(Isolation="default"),
    "a log driver": _host(LogConfig={"Type": "syslog", "Config": {"syslog-address": "tcp://evil"}}),
    "a published port": _host(PortBindings={"22/tcp": [{"HostPort": "22"}]}),
    "all ports published": _host(PublishAllPorts=True),
    "never killed for want of memory": _host(OomScoreAdj=-1000),
    "memory without end": _host(OomKillDisable=True),
    "further groups": _host(GroupAdd=["0"]),
    "names of hosts": _host(ExtraHosts=["postgres:10.0.0.1"]),
    "a name server": _host(Dns=["10.0.0.1"]),
    "links": _host(Links=[f"{NEIGHBOUR}:x"]),
    "restarts": _host(RestartPolicy={"Name": "always"}),
    "not removed": _host(AutoRemove=False),
    "no init": _host(Init=False),
    "a volume driver": _host(VolumeDriver="local"),
    "a temporary file system": _host(Tmpfs={"/run": "exec"}),
    "a file with its id": _host(ContainerIDFile="/etc/cron.d/x"),
    "one for yes": _host(AutoRemove=1),
    "text for yes": _host(AutoRemove="true"),
    "nothing for yes": _host(AutoRemove=None),
}  # fmt: skip

MOUNTS: dict[str, Request] = {
    "a mounted folder of the host": _mounted(Type="bind", Source="/"),
    "a mounted folder of the host, by its volume": _mounted(Type="bind", Source="guard-test_data"),
    "a named pipe": _mounted(Type="npipe"),
    "a mounted file system in memory": _host(Mounts=[{"Type": "tmpfs", "Target": "/run"}]),
    "a cluster's volume": _mounted(Type="cluster"),
    "a type in other capitals": _mounted(Type="Volume"),
    "a neighbour's volume": _mounted(Source=NEIGHBOUR),
    "the stack's database": _mounted(Source="guard-test_postgres"),
    "a volume without a name": _mounted(Source=""),
    "a folder as a volume": _mounted(Source="/"),
    "a way out of the volumes": _mounted(Source="../guard-test_data"),
    "a volume in another place": _mounted(Target="/etc"),
    "raw files to write": _host(Mounts=[DATA, {**RAW, "ReadOnly": False}]),
    "raw files to write, by silence": _host(Mounts=[DATA, changed(RAW, {"ReadOnly": ...})]),
    "a volume that is a folder of the host": _mounted(
        VolumeOptions={"DriverConfig": {"Name": "local", "Options": {"o": "bind", "device": "/"}}}
    ),
    "a part of a volume": _mounted(VolumeOptions={"Subpath": "../../.."}),
    "propagation": _mounted(BindOptions={"Propagation": "rshared"}),
    "a mount that is text": _host(Mounts=["/:/host"]),
    "mounts that are no list": _host(Mounts={"0": DATA}),
    "a mount hidden in a list": _host(Mounts=[[{**DATA, "Type": "bind", "Source": "/"}]]),
}

CONTAINERS: dict[str, Request] = {
    "root": post(CREATE, run(User="0")),
    "another image": post(CREATE, run(Image=NEIGHBOUR_IMAGE)),
    "an image of a registry": post(CREATE, run(Image="docker.io/library/alpine:latest")),
    "an image by its id": post(CREATE, run(Image=RANK_IMAGE_ID)),
    "the image without its tag": post(CREATE, run(Image=STACK.run_image.partition(":")[0])),
    "another entrypoint": post(CREATE, run(Entrypoint=["/bin/sh"])),
    "volumes without names": post(CREATE, run(Volumes={"/host": {}})),
    "a volume by a path": post(CREATE, run(Volumes={"/:/host": {}})),
    "an exposed port": post(CREATE, run(ExposedPorts={"22/tcp": {}})),
    "a health check": post(CREATE, run(Healthcheck={"Test": ["CMD-SHELL", "true"]})),
    "a hardware address": post(CREATE, run(MacAddress="02:42:ac:11:00:02")),
    "the name of a service": post(CREATE, run(Hostname="postgres")),
    "a terminal": post(CREATE, run(Tty=True)),
    "its input": post(CREATE, run(OpenStdin=True)),
    "a runtime at the top": post(CREATE, run(Runtime="runc")),
    "a stop signal": post(CREATE, run(StopSignal="SIGKILL")),
    "the label of a service": post(
        CREATE, run(Labels={**run()["Labels"], "com.docker.compose.project": STACK.name})
    ),
    "the label of another stack": post(
        CREATE, run(Labels={**run()["Labels"], "weather-assets.stack": "other"})
    ),
    "labels as a list": post(CREATE, run(Labels=["dagster/run_id=1"])),
    "a second network": post(CREATE, run(NetworkingConfig={"EndpointsConfig": {NEIGHBOUR: {}}})),
    "an alias": post(
        CREATE, run(NetworkingConfig={"EndpointsConfig": {PLATFORM: {"Aliases": ["postgres"]}}})
    ),
    "no confinement at all": post(CREATE, run(HostConfig=...)),
    "null for its confinement": post(CREATE, run(HostConfig=None)),
    "a list for its confinement": post(CREATE, run(HostConfig=[{"Privileged": True}])),
    "a command that is no text": post(CREATE, run(Cmd=[{"Binds": ["/:/host"]}])),
    "a command with a NUL": post(CREATE, run(Cmd=["a\0b"])),
    "a list": post(CREATE, [run()]),
    "nothing": post(CREATE),
    "null": post(CREATE, b"null"),
    "a run with a name": post(f"{CREATE}?name=postgres", run()),
    "a run with a rank's name": post(CREATE_RANK, run()),
    "a platform": post(f"{CREATE}?platform=linux/arm64", run()),
    "a rank without a name": post(CREATE, rank()),
    "a rank as root": post(CREATE_RANK, rank(User="0:0")),
    "a rank as the image's user": post(CREATE_RANK, rank(User=...)),
    "a rank that may write its root": post(CREATE_RANK, rank({"ReadonlyRootfs": False})),
    "a rank with privileges": post(CREATE_RANK, rank({"Privileged": True})),
    "a rank with a device": post(CREATE_RANK, rank({"Devices": [{"PathOnHost": "/dev/kmsg"}]})),
    "a rank with GPUs": post(
        CREATE_RANK, rank({"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]})
    ),
    "a rank without limits": post(CREATE_RANK, rank({"Memory": 0})),
    "a rank with all the swap": post(CREATE_RANK, rank({"MemorySwap": -1})),
    "a rank with all processes": post(CREATE_RANK, rank({"PidsLimit": -1})),
    "a rank with more memory to share": post(CREATE_RANK, rank({"ShmSize": 2**40})),
    "a rank with programs in memory": post(
        CREATE_RANK,
        rank({"Tmpfs": {"/tmp": "rw,exec,suid,dev"}}),  # noqa: S108 - the container's
    ),
    "a rank on the platform's network": post(
        CREATE_RANK,
        rank(
            {"NetworkMode": PLATFORM},
            NetworkingConfig={"EndpointsConfig": {PLATFORM: {"Aliases": [RANK_NAME]}}},
        ),
    ),
    "a rank on two networks": post(
        CREATE_RANK,
        rank(
            NetworkingConfig={
                "EndpointsConfig": {RANK_NETWORK: {"Aliases": [RANK_NAME]}, NEIGHBOUR: {}}
            }
        ),
    ),
    "a rank with an alias": post(
        CREATE_RANK,
        rank(NetworkingConfig={"EndpointsConfig": {RANK_NETWORK: {"Aliases": ["postgres"]}}}),
    ),
    "a rank with an address": post(
        CREATE_RANK,
        rank(
            NetworkingConfig={
                "EndpointsConfig": {
                    RANK_NETWORK: {
                        "Aliases": [RANK_NAME],
                        "IPAMConfig": {"IPv4Address": "10.0.0.1"},
                    }
                }
            }
        ),
    ),
    "a rank of another attempt": post(
        CREATE_RANK, rank(Labels={**LABELS, "weather_assets.rendezvous": "fedcba987654-1"})
    ),
    "a rank of another data root": post(
        CREATE_RANK, rank(Labels={**LABELS, "weather_assets.data_root": NEIGHBOUR})
    ),
    "a rank with another host name": post(CREATE_RANK, rank(Hostname="postgres")),
    "a rank from another image": post(CREATE_RANK, rank(Image="sha256:" + "0" * 64)),
    "a rank from an image's name": post(CREATE_RANK, rank(Image=STACK.rank_image)),
    "a rank with the neighbour's name": post(f"{CREATE}?name={NEIGHBOUR}", rank()),
    "a rank whose network is not there": post(
        f"{CREATE}?name=pytorch-master-ffffffffffff-9",
        json.dumps(rank(Labels={**LABELS, "weather_assets.rank": "0"}))
        .replace("0123456789ab-1", "ffffffffffff-9")
        .encode(),
    ),
}

JSON: dict[str, Request] = {
    "keys in other capitals": _said(json.dumps(run()).replace("HostConfig", "hostconfig")),
    "a folder of the host, in other capitals": _host(bINDS=["/:/host"]),
    "a second key in other capitals": _with_twin("hostConfig", {"Binds": ["/:/host"]}),
    "a second key of the same name": _with_twin("HostConfig", {"Binds": ["/:/host"]}),
    "a second key with a long s": _with_twin(f"Ho{LONG_S}tConfig", {"Privileged": True}),
    "a key with a long s": _host(**{f"Bind{LONG_S}": ["/:/host"]}),
    "a key with a long s, escaped": _said(
        json.dumps(run({"Binds": ["/:/host"]})).replace("Binds", "Bind\\u017f")
    ),
    "a key with a kelvin sign": _host(**{f"Networ{KELVIN}Mode": "host"}),
    "a key with a kelvin sign besides": _said(
        json.dumps(run()).replace('"CapDrop"', '"Networ\\u212aMode": "host", "CapDrop"')
    ),
    "a key that is escaped": _said(
        json.dumps(run({"Binds": ["/:/host"]})).replace("Binds", "\\u0042inds")
    ),
    "a key twice, deeper down": _said(
        json.dumps(run()).replace('"Init": true', '"Init": true, "Init": false')
    ),
    "a key with a space": _host(**{"Binds ": ["/:/host"]}),
    "a key with a NUL": _host(**{"Binds\0": ["/:/host"]}),
    "a key without a name": _host(**{"": True}),
    "an unknown key": _host(Anything=1),
    "UTF-16": _said(json.dumps(run()).encode("utf-16")),
    "a byte order mark": _said(b"\xef\xbb\xbf" + json.dumps(run()).encode()),
    "bytes that are no UTF-8": _said(json.dumps(run(Cmd=["X"])).encode().replace(b"X", b"\xff")),
    "a long form of UTF-8": _said(json.dumps(run(Cmd=["X"])).encode().replace(b"X", b"\xc0\xaf")),
    "half a character": _said(json.dumps(run(Cmd=["X"])).replace("X", "\\ud800")),
    "a second document": _said(json.dumps(run()) + json.dumps({"HostConfig": {"Binds": ["/:/h"]}})),
    "a comment": _said("/* */" + json.dumps(run())),
    "half a document": _said(json.dumps(run())[:-5]),
    "no number": _said(json.dumps(rank()).replace("512", "NaN")),
    "a number with a point": post(CREATE_RANK, json.dumps(rank()).replace("512", "512.0").encode()),
    "a number with an exponent": post(
        CREATE_RANK, json.dumps(rank()).replace("512", "5e2").encode()
    ),
    "a number without end": post(
        CREATE_RANK, json.dumps(rank()).replace("512", "9" * 5000).encode()
    ),
    "a number as text": post(CREATE_RANK, rank({"PidsLimit": "512"})),
    "a well without a bottom": _said("[" * 60_000 + "]" * 60_000),
    "a deep value": post(CREATE, run(Cmd=json.loads("[" * 50 + "]" * 50))),
    "a long body": post(CREATE, run(Cmd=["x" * 200_000])),
    "no JSON at all": _said("HostConfig=1"),
}
