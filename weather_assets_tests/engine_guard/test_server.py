"""The guard between real clients and an engine that only remembers."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import docker
import docker.errors
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test, instance_for_test
from dagster_docker import DockerRunLauncher

from weather_assets.adapters.containers.backend import ContainerBackend
from weather_assets.adapters.containers.settings import ContainerSettings
from weather_assets.adapters.ranks.protocol import RankLaunchError, RankSpec
from weather_assets.engine_guard.settings import Stack
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.engine_guard.fake_engine import FakeEngine
from weather_assets_tests.engine_guard.hostile import HOSTILE, RAW_BYTES
from weather_assets_tests.engine_guard.running import as_bytes, asked, running_guard, status
from weather_assets_tests.engine_guard.stack import (
    CREATE,
    IDENTITY,
    NEIGHBOUR,
    OWN_NAME,
    RANK_NAME,
    RANK_NETWORK,
    STACK,
    post,
    run,
)

COMPOSE = Path(__file__).resolve().parents[2] / "docker" / "compose.yaml"
OWN = {"weather-assets.stack": STACK.name}
PING = b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with FakeEngine(tmp_path / "engine.sock") as engine:
        yield engine


@pytest.fixture
def port(engine: FakeEngine) -> Iterator[int]:
    with running_guard(STACK, engine.path) as port:
        yield port


@pytest.fixture
def client(port: int) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=f"tcp://127.0.0.1:{port}", timeout=10)
    yield client
    client.close()


def variables(service: str) -> Mapping[str, str]:
    """A service's variables in the compose file, for the stack of these tests."""
    text = COMPOSE.read_text(encoding="utf-8")
    filled = text.replace("${STACK}", STACK.name).replace("${TAG}", "latest")
    return yaml.safe_load(filled)["services"][service]["environment"]


# -- what the stack does ---------------------------------------------------------------------------


def test_the_compose_file_names_this_stack() -> None:
    assert Stack.from_environment(variables("engine")) == STACK


@pytest.fixture
def launched(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[dg.DagsterInstance, str]]:
    """A run of the compose file's container context, launched through the guard."""
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
    for secret in ("POSTGRES_PASSWORD", "_SPARK_AUTH_SECRET", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(secret, "secret")
    launcher = yaml.safe_load((COMPOSE.parent / "dagster.yaml").read_text("utf-8"))["run_launcher"]
    code = variables("code")
    origin = JobPythonOrigin(
        "__ASSET_JOB",
        RepositoryPythonOrigin(
            sys.executable,
            ModuleCodePointer("weather_assets.definitions", "defs"),
            container_image=code["DAGSTER_CURRENT_IMAGE"],
            container_context=json.loads(code["DAGSTER_CONTAINER_CONTEXT"]),
        ),
    )
    with instance_for_test(overrides={"run_launcher": launcher}) as instance:
        made = create_run_for_test(instance, job_name="__ASSET_JOB", job_code_origin=origin)
        instance.run_launcher.launch_run(LaunchRunContext(made, workspace=None))
        yield instance, made.run_id


def test_a_run_is_launched_looked_after_and_stopped(
    launched: tuple[dg.DagsterInstance, str], engine: FakeEngine
) -> None:
    instance, run_id = launched
    launcher = instance.run_launcher
    assert isinstance(launcher, DockerRunLauncher)
    record = instance.get_run_by_id(run_id)
    assert record is not None
    assert launcher.check_run_worker_health(record).status == WorkerStatus.RUNNING
    instance.report_run_canceling(record)
    assert launcher.terminate(run_id)
    made = record.tags["docker/container_id"]
    second = engine.things.networks[STACK.networks[1]]["Id"]
    assert engine.changes() == [
        "POST /v1.41/containers/create",
        f"POST /v1.41/networks/{second}/connect",
        f"POST /v1.41/containers/{made}/start",
        f"POST /v1.41/containers/{made}/stop?t=60",
    ]
    labels = {"dagster/run_id": run_id, "dagster/job_name": "__ASSET_JOB"}
    body = engine.asked[next(i for i, a in enumerate(engine.asked) if a.method == "POST")].body
    assert body["Labels"] == {**labels, "weather-assets.stack": STACK.name}


def test_a_run_whose_container_is_gone_is_not_found(
    launched: tuple[dg.DagsterInstance, str], engine: FakeEngine
) -> None:
    instance, run_id = launched
    engine.things.containers.clear()
    record = instance.get_run_by_id(run_id)
    assert record is not None
    health = instance.run_launcher.check_run_worker_health(record)
    assert health.status == WorkerStatus.NOT_FOUND


def backend(port: int, **changes: Any) -> ContainerBackend:
    """Ranks as a run worker of the stack has them."""
    settings: dict[str, Any] = {
        "engine": f"tcp://127.0.0.1:{port}",
        "image": STACK.rank_image,
        "data_volume": "guard-test_data",
        "user": "10001:10001",
        **changes,
    }
    return ContainerBackend(
        ContainerSettings(**settings),
        data_root=Path("/data"),
        run_id="run-1",
        run_is_over=lambda _: False,
    )


def rank_of(gang: ContainerBackend, rank: int = 0) -> RankSpec:
    return RankSpec(
        rank=rank,
        world_size=2,
        command=("python", "-m", "weather_assets.forecasting"),
        environment={"RANK": str(rank), "LOSS": "ΔL ≤ 1e-6\n"},
        rendezvous=gang.prepare(IDENTITY),
    )


def test_a_rank_is_launched_heard_signalled_and_removed(engine: FakeEngine, port: int) -> None:
    gang = backend(port)
    handle = gang.launch(rank_of(gang))
    wait_until(lambda: handle.poll() is not None, 10, "the rank to end", pause_seconds=0.01)
    assert handle.poll() == 0
    assert [line.text for line in handle.drain()] == ["line"]
    assert handle.describe()["engine"] == "fake"
    gang.clean_up(rank_of(gang).rendezvous)
    made = engine.things.containers[RANK_NAME]["Id"]
    assert engine.changes()[:5] == [
        "POST /v1.41/networks/create",
        f"POST /v1.41/containers/create?name={RANK_NAME}",
        f"POST /v1.41/containers/{made}/attach?stdin=1&stdout=1&stderr=1&stream=1",
        f"POST /v1.41/containers/{made}/wait?condition=removed",
        f"POST /v1.41/containers/{made}/start",
    ]


def test_a_ranks_input_ends_with_its_supervisor(engine: FakeEngine, port: int) -> None:
    engine.ends_at_once = False
    gang = backend(port)
    handle = gang.launch(rank_of(gang))
    handle.kill()
    assert any(each.endswith("/kill?signal=SIGKILL") for each in engine.changes())
    streams = "stdin=1&stdout=1&stderr=1&stream=1"
    attach = as_bytes(post(f"/v1.41/containers/{RANK_NAME}/attach?{streams}", upgrade="tcp"))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(attach)
        assert connection.recv(64).startswith(b"HTTP/1.1 101 UPGRADED")
        assert not engine.input_ended.is_set()
    assert engine.input_ended.wait(10)


def test_a_gang_keeps_its_image_when_the_name_moves_on(engine: FakeEngine, port: int) -> None:
    gang = backend(port)
    gang.prepare(IDENTITY)
    engine.things.images[STACK.rank_image] = {"Id": "sha256:" + "c" * 64}
    assert gang.launch(rank_of(gang)).describe()["container"] == RANK_NAME


def test_another_image_is_not_there(port: int) -> None:
    with pytest.raises(RankLaunchError, match="has no image guard-neighbour:latest: build it"):
        backend(port, image="guard-neighbour:latest").prepare(IDENTITY)


def test_what_is_left_is_found_and_removed(client: docker.DockerClient, engine: FakeEngine) -> None:
    filters = {"label": ["weather_assets.rendezvous", "dagster/run_id=run-1"]}
    assert client.api.containers(all=True, filters=filters) == []
    assert client.api.networks(filters=filters) == []
    made = engine.things.add("containers", RANK_NAME, Config={"Labels": OWN})
    kept = engine.things.add("networks", "pytorch-ranks-1", Labels=OWN)
    client.api.remove_container(made["Id"], force=True, v=True)
    client.api.remove_network(kept["Id"])
    assert engine.changes() == [
        f"DELETE /v1.41/containers/{made['Id']}?v=True&link=False&force=True",
        f"DELETE /v1.41/networks/{kept['Id']}",
    ]


# -- what nobody does ------------------------------------------------------------------------------


def test_no_hostile_request_changes_anything(engine: FakeEngine, port: int) -> None:
    engine.things.add("containers", OWN_NAME, Config={"Labels": OWN})
    engine.things.add("networks", RANK_NETWORK, Labels=OWN)
    for what, request in HOSTILE.items():
        # No answer: the guard has ended the connection of a body that is too long.
        assert status(asked(port, as_bytes(request))) in (0, 403, 404), what
        assert engine.changes() == [], what


def test_what_is_no_request_does_not_reach_the_engine(engine: FakeEngine, port: int) -> None:
    for what, data in RAW_BYTES.items():
        assert status(asked(port, data)) in (0, 403), what
        assert engine.asked == [], what


def test_a_refusal_says_why(client: docker.DockerClient) -> None:
    with pytest.raises(docker.errors.APIError) as caught:
        client.containers.create(STACK.run_image, "true", network="host")
    assert caught.value.status_code == 403
    assert "the guard of guard-test's engine refuses POST /v1.41/containers/create: " in str(
        caught.value.explanation
    )
    with pytest.raises(docker.errors.NotFound, match="No such container of the stack guard-test"):
        client.containers.get(NEIGHBOUR)


def test_a_second_request_on_a_connection_is_not_seen(engine: FakeEngine, port: int) -> None:
    hidden = as_bytes(post(CREATE, run()))
    answer = asked(port, PING + hidden)
    assert answer.count(b"HTTP/1.1") == 1
    assert engine.changes() == []


def test_no_header_is_passed_on(engine: FakeEngine, port: int) -> None:
    names = ("X-HTTP-Method-Override", "X-Registry-Auth", "Cookie", "Forwarded", "TE", "Trailer")
    lines = "".join(f"{name}: DELETE\r\n" for name in names).encode()
    assert status(asked(port, PING[:-2] + lines + b"\r\n")) == 200
    (seen,) = engine.asked
    assert set(seen.headers) == {"host", "connection", "content-length"}


def test_of_the_engine_itself_only_names_are_shown(client: docker.DockerClient) -> None:
    assert client.info() == {"Name": "fake"}
    assert client.version() == {"ApiVersion": "1.41", "Version": "20.10"}


def test_a_client_that_leaves_ends_its_call(engine: FakeEngine, port: int) -> None:
    engine.things.add("containers", OWN_NAME, Config={"Labels": OWN})
    wait = as_bytes(post(f"/v1.41/containers/{OWN_NAME}/wait?condition=removed"))
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(wait)
            assert b"200" in connection.recv(64)
    assert status(asked(port, PING)) == 200


def test_an_engine_that_is_away_is_said_so(tmp_path: Path) -> None:
    with running_guard(STACK, tmp_path / "absent") as port:
        answer = asked(port, PING)
    assert status(answer) == 502
    assert b"the Docker engine does not answer: " in answer


def test_connections_have_an_end(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weather_assets.engine_guard.server.MOST_CONNECTIONS", 3)
    monkeypatch.setattr("weather_assets.engine_guard.server.REQUEST_SECONDS", 0.5)
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    assert asked(port, PING) == b""
    for each in silent:
        each.settimeout(10)
        assert each.recv(1) == b"", "one that says nothing is not kept"
        each.close()
    assert status(asked(port, PING)) == 200


def test_a_guard_without_a_stack_says_what_it_needs() -> None:
    environment = {key: v for key, v in os.environ.items() if not key.startswith("ENGINE_GUARD")}
    done = subprocess.run(
        [sys.executable, "-m", "weather_assets.engine_guard"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ENGINE_GUARD_")
    assert "must be" in done.stderr
