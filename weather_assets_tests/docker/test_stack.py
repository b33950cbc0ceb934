"""The container scale as its user sees it: drop a file, and it is served; drop another, again."""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.models.containers import Container

from weather_assets.engine_guard.rules import Request
from weather_assets_tests.docker.stack import Stack, StackError, left_of
from weather_assets_tests.engine_guard.hostile import HOSTILE
from weather_assets_tests.engine_guard.running import as_bytes
from weather_assets_tests.engine_guard.stack import NEIGHBOUR, PLATFORM, STACK, get

SERVICES = (
    "postgres", "mlflow", "spark-master", "spark-worker-1", "spark-worker-2", "local-azure",
    "engine", "code", "daemon", "webserver",
)  # fmt: skip
ASK_ENGINE = """
import base64, json, socket, sys
answers = {}
for what, data in json.load(open(sys.argv[1])).items():
    with socket.create_connection(("engine", 2375), timeout=20) as connection:
        answer = b""
        try:
            connection.sendall(base64.b64decode(data))
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionError:
            pass
    answers[what] = int(answer.split()[1]) if answer else 0
print(json.dumps(answers))
"""
FIND_ENGINE = "import socket, sys; sys.exit(socket.getaddrinfo('engine', 2375)[0][4][0])"


@pytest.fixture(scope="module")
def sample(samples: Path) -> bytes:
    return gzip.decompress((samples / "nyc-hourly-2013.csv.gz").read_bytes())


def ask_engine(stack: Stack, requests_: Mapping[str, Request]) -> dict[str, int]:
    """Asks the guard, from a container that may reach it, of this stack and its database.

    Returns:
        The status of each answer; 0 where there is none.
    """
    database = str(stack.service("postgres").name)

    def here(text: str) -> str:
        return text.replace(STACK.name, stack.name).replace(NEIGHBOUR, database)

    table: dict[str, str] = {}
    for what, each in requests_.items():
        body = here(each.body.decode("latin-1")).encode("latin-1")
        data = as_bytes(replace(each, target=here(each.target), body=body))
        table[what] = base64.b64encode(data).decode()
    path = stack.put("daemon", "/tmp/requests.json", json.dumps(table).encode())  # noqa: S108 - the container's own
    return json.loads(stack.execute("daemon", "python", "-c", ASK_ENGINE, path))


def key(stack: Stack) -> str:
    return stack.execute("code", "weather-assets", "endpoint", "key").strip()


def ask_endpoint(stack: Stack, rows: Any) -> requests.Response:
    return requests.post(
        f"http://127.0.0.1:{stack.azure_port}/endpoints/weather-assets/score",
        json={"rows": rows},
        headers={"Authorization": f"Bearer {key(stack)}"},
        timeout=30,
    )


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined(stack: Stack, name: str) -> None:
    container: Container = stack.service(name)
    host = container.attrs["HostConfig"]
    assert container.attrs["Config"]["User"] not in ("", "root", "0")
    assert host["CapDrop"] == ["ALL"]
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
    sources = {mount["Source"] for mount in container.attrs["Mounts"]}
    assert ("/var/run/docker.sock" in sources) == (name == "engine")
    published = [
        binding for bindings in (host["PortBindings"] or {}).values() for binding in bindings or []
    ]
    assert all(binding["HostIp"] == "127.0.0.1" for binding in published)


def test_the_guard_answers_what_launching_takes(stack: Stack) -> None:
    asked = ("/v1.41/info", f"/v1.41/images/{STACK.rank_image}/json", f"/v1.41/networks/{PLATFORM}")
    assert set(ask_engine(stack, {path: get(path) for path in asked}).values()) == {200}


def test_the_guard_lets_nothing_hostile_through(stack: Stack) -> None:
    before = left_of(stack.name)
    answers = ask_engine(stack, HOSTILE)
    assert answers.keys() == HOSTILE.keys()
    assert {what: answer for what, answer in answers.items() if answer not in (0, 403, 404)} == {}
    assert sorted(left_of(stack.name)) == sorted(before)
    assert stack.service("postgres").attrs["State"]["Status"] == "running"


def test_only_those_who_launch_reach_the_guard(stack: Stack) -> None:
    for service in ("code", "mlflow", "spark-worker-1", "local-azure"):
        with pytest.raises(StackError, match="gaierror"):
            stack.execute(service, "python", "-c", FIND_ENGINE)


def test_a_dropped_file_is_served(stack: Stack, sample: bytes) -> None:
    stack.drop("weather.csv", sample)
    run_id = stack.wait("it is live", lambda: stack.metadata("live_deployment")["run_id"])
    stack.finished(run_id)
    assert {run.status for run in stack.runs()} == {"SUCCESS"}
    assert sum("weather_checkpoint" in run.steps for run in stack.runs()) == 1
    ranks = str(stack.metadata("weather_checkpoint")["ranks"])
    assert re.search(r"pytorch-master-[0-9a-f]+-1.*sha256:", ranks)
    assert re.search(r"pytorch-worker-1-[0-9a-f]+-1.*sha256:", ranks)
    request = json.loads(stack.file("/data/registry/1/package/sample_request.json"))
    answer = ask_endpoint(stack, request["rows"])
    assert answer.status_code == 200, answer.text
    expected = json.loads(stack.file("/data/registry/1/package/sample_response.json"))
    assert answer.json()["probability"] == pytest.approx(expected["probability"], abs=1e-6)


def test_a_second_file_retrains_with_no_hand_on_it(stack: Stack, sample: bytes) -> None:
    before = stack.metadata("model_verdict")["run_id"]
    lines = sample.splitlines(keepends=True)
    stack.drop("weather.csv", b"".join(lines[:-500]))
    run_id = stack.wait(
        "the new rows are judged",
        lambda: (found := stack.metadata("model_verdict")["run_id"]) != before and found,
    )
    stack.finished(run_id)
    assert sum("weather_checkpoint" in run.steps for run in stack.runs()) == 2
    request = json.loads(stack.file("/data/registry/1/package/sample_request.json"))
    assert ask_endpoint(stack, request["rows"]).status_code == 200
