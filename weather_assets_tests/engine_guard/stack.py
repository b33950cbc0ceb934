"""A stack on an engine that a neighbour uses too, and what its runs and ranks ask for.

Belongs here: names, and the requests that are let through. Does not belong here: any other request
(`hostile`).
"""

import json
from typing import Any

from weather_assets.engine_guard.rules import Request
from weather_assets.engine_guard.settings import Stack, Volume

STACK = Stack(
    name="guard-test",
    run_image="guard-test-platform:latest",
    rank_image="guard-test-pytorch:latest",
    networks=("guard-test_platform", "guard-test_engine"),
    volumes=(
        Volume("guard-test_data", "/data", read_only=False),
        Volume("guard-test_raw", "/data/raw", read_only=True),
    ),
)
PLATFORM, ENGINE = STACK.networks
IDENTITY = "0123456789ab-1"
RANK_NAME = f"pytorch-master-{IDENTITY}"
"""Of a rank that is to be made."""
OWN_NAME = f"pytorch-worker-1-{IDENTITY}"
"""Of one that there is."""
RANK_NETWORK = f"pytorch-ranks-{IDENTITY}"
RANK_IMAGE_ID = "sha256:" + "a" * 64
"""In the place of the id of the image that the ranks run."""

NEIGHBOUR = "guard-neighbour"
"""Name of a container, a network and a volume of someone else's."""
NEIGHBOUR_IMAGE = "guard-neighbour:latest"

LABELS = {
    "weather_assets.rendezvous": IDENTITY,
    "weather_assets.data_root": "guard-test_data",
    "dagster/run_id": "0f6c1f5e-6f0f-4b42-9d0b-2f8b6d1f7a10",
}
DATA = {"Type": "volume", "Source": "guard-test_data", "Target": "/data", "ReadOnly": False}
RAW = {"Type": "volume", "Source": "guard-test_raw", "Target": "/data/raw", "ReadOnly": True}


def run(host: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A run worker's container, with changes; a value of `...` takes a key away."""
    host_config = {
        "NetworkMode": PLATFORM,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "AutoRemove": True,
        "Init": True,
        "Mounts": [DATA, RAW],
    }
    container = {
        "Tty": False,
        "OpenStdin": False,
        "StdinOnce": False,
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Env": ["DOCKER_HOST=tcp://engine:2375", "DAGSTER_RUN_JOB_NAME=__ASSET_JOB"],
        "Cmd": ["dagster", "api", "execute_run", '{"__class__": "ExecuteRunArgs"}'],
        "Image": STACK.run_image,
        "NetworkDisabled": False,
        "HostConfig": changed(host_config, host or {}),
        "NetworkingConfig": {PLATFORM: None},
        "Labels": {"dagster/run_id": LABELS["dagster/run_id"], "dagster/job_name": "__ASSET_JOB"},
    }
    return changed(container, changes)


def rank(host: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A rank's container, with changes as of `run`."""
    host_config = {
        "Memory": 4 * 2**30,
        "MemorySwap": 4 * 2**30,
        "ShmSize": 256 * 2**20,
        "ReadonlyRootfs": True,
        "NetworkMode": RANK_NETWORK,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Tmpfs": {"/tmp": "rw,nosuid,nodev,mode=1777,size=256m"},  # noqa: S108 - as plan's
        "PidsLimit": 512,
        "AutoRemove": True,
        "Init": True,
        "NanoCpus": 10**9,
        "Mounts": [DATA],
        "DeviceRequests": [],
    }
    container = {
        "Hostname": RANK_NAME,
        "User": "10001:10001",
        "Tty": False,
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Env": ["RANK=0", "HOME=/tmp"],
        "Cmd": ["-I", "-S", "-c", "pass", "python", "-m", "weather_assets.forecasting"],
        "Image": RANK_IMAGE_ID,
        "NetworkDisabled": False,
        "Entrypoint": ["/opt/weather_assets/bin/python"],
        "HostConfig": changed(host_config, host or {}),
        "NetworkingConfig": {"EndpointsConfig": {RANK_NETWORK: {"Aliases": [RANK_NAME]}}},
        "Labels": {**LABELS, "weather_assets.rank": "0"},
    }
    return changed(container, changes)


def network(**changes: Any) -> dict[str, Any]:
    """An attempt's network, with changes as of `run`."""
    return changed({"Name": RANK_NETWORK, "Internal": True, "Labels": LABELS}, changes)


def changed(value: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Returns an object with other values; what becomes `...` is gone."""
    return {key: each for key, each in {**value, **changes}.items() if each is not ...}


CREATE = "/v1.41/containers/create"
CREATE_RANK = f"{CREATE}?name={RANK_NAME}"


def post(target: str, body: Any = None, **headers: str) -> Request:
    """A request that changes something."""
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", target, headers.get("upgrade", ""), text)


def get(target: str) -> Request:
    """A request that changes nothing."""
    return Request("GET", target)
