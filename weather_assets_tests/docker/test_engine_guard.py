"""The guard before a real engine: hostile requests change nothing, which they would without it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

import docker
import docker.errors
import pytest

from weather_assets.engine_guard.rules import Request
from weather_assets_tests.docker.container_place import (
    docker_client,
    settings_of_tests,
)
from weather_assets_tests.docker.guarded import ENGINE
from weather_assets_tests.engine_guard.hostile import HOSTILE, RAW_BYTES
from weather_assets_tests.engine_guard.running import as_bytes, asked, running_guard, status
from weather_assets_tests.engine_guard.stack import (
    CREATE,
    NEIGHBOUR,
    NEIGHBOUR_IMAGE,
    OWN_NAME,
    RANK_IMAGE_ID,
    RANK_NAME,
    RANK_NETWORK,
    STACK,
    network,
    post,
    rank,
)

VOLUMES = (*(each.name for each in STACK.volumes), "guard-test_postgres", NEIGHBOUR)
IMAGES = (STACK.run_image, STACK.rank_image, NEIGHBOUR_IMAGE)
SLEEP = ["-c", "import signal; signal.pause()"]


@pytest.fixture(scope="module")
def image_id() -> Iterator[str]:
    """The image of all containers here, under the names of the table; and what it names besides."""
    python = settings_of_tests().python
    with docker_client() as client, ExitStack() as made:
        image = client.images.get(settings_of_tests().image)
        for name in IMAGES:
            image.tag(name)
            made.callback(client.images.remove, name)
        for name in VOLUMES:
            made.callback(client.volumes.create(name).remove)
        for name in (*STACK.networks, NEIGHBOUR):
            made.callback(client.networks.create(name).remove)
        neighbour = client.containers.run(
            NEIGHBOUR_IMAGE, SLEEP, entrypoint=[python], name=NEIGHBOUR, detach=True, init=True
        )
        made.callback(neighbour.remove, force=True)
        yield str(image.id)


@pytest.fixture(scope="module")
def port(image_id: str) -> Iterator[int]:
    """A guard's port, behind which the stack of the table has one rank that runs."""
    with docker_client() as client, running_guard(STACK, ENGINE) as port:
        body = rank(Entrypoint=[settings_of_tests().python], Cmd=SLEEP, Image=image_id)
        named = json.dumps(body).replace(RANK_NAME, OWN_NAME)
        calls = [
            post("/v1.41/networks/create", network()),
            post(f"{CREATE}?name={OWN_NAME}", named.encode()),
            post(f"/v1.41/containers/{OWN_NAME}/start"),
        ]
        try:
            assert [status(asked(port, as_bytes(each))) for each in calls] == [201, 201, 204]
            yield port
        finally:
            for remove in (
                lambda: client.api.remove_container(OWN_NAME, force=True),
                lambda: client.api.remove_network(RANK_NETWORK),
            ):
                with suppress(docker.errors.NotFound):
                    remove()


def engine_state() -> Mapping[str, Any]:
    """All that there is on the engine, and how it is."""
    with docker_client() as client:
        api = client.api
        containers = {
            each["Id"]: api.inspect_container(each["Id"]) for each in api.containers(all=True)
        }
        return {
            "containers": {
                key: [found[part] for part in ("Name", "HostConfig", "RestartCount")]
                # Not all of its state, which has the time of the last health check.
                + [found["State"][part] for part in ("Status", "StartedAt", "Pid")]
                + [found["NetworkSettings"]["Networks"]]
                for key, found in containers.items()
            },
            "networks": {each["Id"]: each["Name"] for each in api.networks()},
            "volumes": sorted(each["Name"] for each in api.volumes()["Volumes"] or []),
            "images": {each["Id"]: sorted(each["RepoTags"] or []) for each in api.images(all=True)},
            "swarm": api.info()["Swarm"]["LocalNodeState"],
        }


def test_no_hostile_request_changes_anything_on_the_engine(port: int, image_id: str) -> None:
    before = engine_state()
    for what, request in HOSTILE.items():
        data = as_bytes(replace(request, body=with_image(request, image_id)))
        assert status(asked(port, data)) in (0, 403, 404), what
        assert engine_state() == before, what
    for what, data in RAW_BYTES.items():
        assert status(asked(port, data)) in (0, 403), what
    assert engine_state() == before
    assert before["containers"], "a neighbour's container and a rank"


def with_image(request: Request, image_id: str) -> bytes:
    return request.body.replace(RANK_IMAGE_ID.encode(), image_id.encode())


@pytest.mark.parametrize(
    ("what", "won"),
    [
        ("power: a folder of the host behind a volume", lambda host: "/:/host" in host["Binds"]),
        ("power: a capability as text", lambda host: host["CapAdd"] == ["SYS_ADMIN"]),
        ("json: a key with a long s", lambda host: host["Binds"] == ["/:/host"]),
        ("json: a key with a kelvin sign besides", lambda host: host["NetworkMode"] == "host"),
        ("json: a second key in other capitals", lambda host: host["Binds"] == ["/:/host"]),
        ("power: no seccomp", lambda host: "seccomp=unconfined" in host["SecurityOpt"]),
        ("power: nothing masked", lambda host: host["MaskedPaths"] == []),
    ],
)
def test_without_the_guard_the_engine_would_do_it(image_id: str, what: str, won: Any) -> None:
    request = HOSTILE[what]
    with docker_client() as client:
        url = f"{client.api.base_url}{request.target}"
        json_type = {"Content-Type": "application/json"}
        answer = client.api.post(url, data=with_image(request, image_id), headers=json_type)
        assert answer.status_code == 201, answer.text
        made = client.containers.get(answer.json()["Id"])
        try:
            assert won(made.attrs["HostConfig"])
        finally:
            made.remove()
