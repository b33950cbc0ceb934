"""What may be said of a container, a network or a connection that is made through the guard.

Belongs here: the keys that Docker's API knows and that a stack needs, each with the values that it
may have. Does not belong here: which calls there are (`rules`), how values are compared (`shapes`).

Keys are required, those that confine a container above all: what is absent would be the engine's
default. What runs inside a container (command, variables) is the caller's own business, who wins
nothing by it that it has not itself.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from weather_assets.engine_guard.parsing import Refused, json_value
from weather_assets.engine_guard.settings import NAME, Stack
from weather_assets.engine_guard.shapes import (
    Shape,
    listed,
    no,
    only,
    record,
    shown,
    text,
    whole,
    words,
    yes,
)

STACK_LABEL = "weather-assets.stack"
"""What the guard labels all that is made through it with; nobody else can."""
USER = "10001:10001"
"""The one user of the images (docker/Dockerfile). Who is named otherwise could be root."""

_IDENTITY = r"[0-9a-f]{12}-[0-9]{1,4}"
_RANK = re.compile(rf"pytorch-(?:master|worker-[1-9][0-9]{{0,3}})-({_IDENTITY})")
_RANK_NETWORK = re.compile(rf"pytorch-ranks-({_IDENTITY})")
_TEMPORARY = {"/tmp": "rw,nosuid,nodev,mode=1777,size=256m"}  # noqa: S108 - the container's own

Body = tuple[dict[str, Any], dict[str, str]]
"""A body made anew, and what it refers to, by kind."""


def container(stack: Stack, body: Any, query: Mapping[str, str]) -> Body:
    """A container that is to be made: a rank's where it has a name, else a run's."""
    name = query.get("name")
    made, references = _run(stack, body) if name is None else _rank(stack, body, name)
    made["Labels"][STACK_LABEL] = stack.name
    return made, references


def _run(stack: Stack, body: Any) -> Body:
    """A run worker's, as dagster-docker's launcher asks for it."""
    network = stack.networks[0]
    shape = {
        "Image": only(stack.run_image),
        "Cmd": words,
        "Env": words,
        "Labels": record({"dagster/run_id": text(NAME), "dagster/job_name": text(r"\w{1,128}")}),
        "HostConfig": record(
            {
                "NetworkMode": only(network),
                "Mounts": listed(_mount(stack)),
                "CapDrop": only(["ALL"]),
                "SecurityOpt": only(["no-new-privileges:true"]),
                "AutoRemove": yes,
                "Init": yes,
            }
        ),
        "NetworkingConfig": only({network: None}),
        "NetworkDisabled": no,
        "Tty": no,
        "OpenStdin": no,
        "StdinOnce": no,
        "AttachStdin": no,
        "AttachStdout": no,
        "AttachStderr": no,
    }
    made = record(shape)(body, "a run's container")
    # docker-py's way to say "as NetworkMode"; engines know no such key.
    del made["NetworkingConfig"]
    return made, {}


def _rank(stack: Stack, body: Any, name: str) -> Body:
    """A training rank's, as `weather_assets.adapters.containers.plan` makes it."""
    found = _RANK.fullmatch(name)
    if not found:
        raise Refused(f"a container named {shown(name)}; allowed are names like {_RANK.pattern}")
    network = f"pytorch-ranks-{found[1]}"
    endpoint = record({"Aliases": only([name])})
    shape = {
        "Image": text(r"sha256:[0-9a-f]{64}"),
        "Entrypoint": words,
        "Cmd": words,
        "Env": words,
        "Labels": record({**_attempt(stack, found[1]), "weather_assets.rank": text(r"\d{1,4}")}),
        "Hostname": only(name),
        "User": only(USER),
        "HostConfig": record(
            {
                "NetworkMode": only(network),
                "Mounts": listed(_mount(stack)),
                "CapDrop": only(["ALL"]),
                "SecurityOpt": only(["no-new-privileges"]),
                "ReadonlyRootfs": yes,
                "Tmpfs": only(_TEMPORARY),
                "PidsLimit": only(512),
                "ShmSize": only(256 * 2**20),
                "NanoCpus": whole(1, 10**13),
                "Memory": whole(1, 2**50),
                "MemorySwap": whole(1, 2**50),
                "DeviceRequests": only([]),
                "AutoRemove": yes,
                "Init": yes,
            }
        ),
        "NetworkingConfig": record({"EndpointsConfig": record({network: endpoint})}),
        "NetworkDisabled": no,
        "Tty": no,
        # Its input ends with its supervisor's connection, and it with its input.
        "OpenStdin": yes,
        "StdinOnce": yes,
        "AttachStdin": yes,
        "AttachStdout": yes,
        "AttachStderr": yes,
    }
    made = record(shape)(body, "a rank's container")
    return made, {"ranks": network, "image": made["Image"]}


def _mount(stack: Stack) -> Shape:
    shapes = {
        volume.name: record(
            {
                "Type": only("volume"),
                "Source": only(volume.name),
                "Target": only(volume.target),
                "ReadOnly": only(volume.read_only),
            }
        )
        for volume in stack.volumes
    }

    def check(value: Any, where: str) -> Any:
        source = value.get("Source") if isinstance(value, dict) else None
        return shapes[only(*shapes)(source, f"{where}.Source")](value, where)

    return check


def _attempt(stack: Stack, identity: str) -> dict[str, Shape]:
    """The labels of all that belongs to one attempt to train."""
    return {
        "weather_assets.rendezvous": only(identity),
        "weather_assets.data_root": only(*(volume.name for volume in stack.volumes)),
        "dagster/run_id": text(NAME),
    }


def network(stack: Stack, body: Any, query: Mapping[str, str]) -> Body:
    """A network that is to be made: an attempt's, which leads nowhere else."""
    del query
    name = body.get("Name") if isinstance(body, dict) else None
    found = _RANK_NETWORK.fullmatch(name) if isinstance(name, str) else None
    if not found:
        raise Refused(
            f"a network named {shown(name)}; allowed are names like {_RANK_NETWORK.pattern}"
        )
    shape = {
        "Name": only(name),
        "Internal": yes,
        "Labels": record(_attempt(stack, found[1])),
    }
    made = record(shape)(body, "a network")
    made["Labels"][STACK_LABEL] = stack.name
    # Engines before 25 would make a second network of a name that there is.
    return {**made, "CheckDuplicate": True}, {}


def connection(stack: Stack, body: Any, query: Mapping[str, str]) -> Body:
    """A container that is to be connected to a network."""
    del stack, query
    shape = {"Container": text(NAME), "EndpointConfig": only({})}
    made = record(shape)(body, "a connection")
    return made, {"container": made["Container"]}


def label_filter(stack: Stack) -> Shape:
    """A filter by labels, to which the stack's is added: nobody sees what is not its own."""
    label = text(r"[a-z_-]+[./][a-z_-]+(=[A-Za-z0-9_.-]*)?")

    def check(value: Any, where: str) -> str:
        filters = record({"label": listed(label)})(json_value(str(value).encode()), where)
        return json.dumps({"label": [*filters["label"], f"{STACK_LABEL}={stack.name}"]})

    return check
