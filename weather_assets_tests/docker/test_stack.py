"""The container scale as its user sees it: drop a file, and it is served; drop another, again."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.models.containers import Container

from weather_assets_tests.docker.stack import Stack

SERVICES = (
    "postgres", "mlflow", "spark-master", "spark-worker-1", "spark-worker-2", "local-azure",
    "engine", "code", "daemon", "webserver",
)  # fmt: skip
REFUSED_CONTAINERS = {
    "a folder of the host": {"HostConfig": {"Binds": ["/:/host"]}},
    "a folder of the host, in other capitals": {"hostconfig": {"bINDS": ["/etc:/host:ro"]}},
    "a mounted folder of the host": {
        "HostConfig": {"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]}
    },
    "a volume that is a folder of the host": {
        "HostConfig": {
            "Mounts": [
                {
                    "Type": "volume",
                    "Target": "/host",
                    "VolumeOptions": {
                        "DriverConfig": {"Name": "local", "Options": {"o": "bind", "device": "/"}}
                    },
                }
            ]
        }
    },
    "all privileges": {"HostConfig": {"Privileged": True}},
    "more powers": {"HostConfig": {"CapAdd": ["SYS_ADMIN"]}},
    "a device": {"HostConfig": {"Devices": [{"PathOnHost": "/dev/kmsg"}]}},
    "the host's network": {"HostConfig": {"NetworkMode": "host"}},
    "the host's processes": {"HostConfig": {"PidMode": "host"}},
}
ASK_ENGINE = """
import sys, urllib.request, urllib.error
body = sys.argv[3].encode() if sys.argv[3] else None
request = urllib.request.Request("http://engine:2375" + sys.argv[2], body, method=sys.argv[1],
    headers={"Content-Type": "application/json"})
try:
    print(urllib.request.urlopen(request, timeout=20).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.fixture(scope="module")
def sample(samples: Path) -> bytes:
    return gzip.decompress((samples / "nyc-hourly-2013.csv.gz").read_bytes())


def ask_engine(stack: Stack, method: str, path: str, body: object = None) -> int:
    text = "" if body is None else json.dumps(body)
    return int(stack.execute("daemon", "python", "-c", ASK_ENGINE, method, path, text))


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


def test_the_engine_answers_what_launching_takes(stack: Stack) -> None:
    assert ask_engine(stack, "GET", "/v1.41/containers/json") == 200
    assert ask_engine(stack, "GET", f"/images/{stack.name}-pytorch:latest/json") == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/containers/CONTAINER/exec"),
        ("GET", "/containers/CONTAINER/archive?path=/"),
        ("POST", "/images/create?fromImage=alpine"),
        ("POST", "/v1.41/build"),
        ("POST", "/volumes/create"),
        ("GET", "/v1.41/secrets"),
        ("POST", "/containers/prune"),
        ("DELETE", "/volumes/VOLUME"),
    ],
)
def test_the_engine_refuses_other_calls(stack: Stack, method: str, path: str) -> None:
    there = path.replace("CONTAINER", str(stack.service("postgres").name))
    there = there.replace("VOLUME", f"{stack.name}_postgres")
    assert ask_engine(stack, method, there, {} if method == "POST" else None) == 403


@pytest.mark.parametrize("what", REFUSED_CONTAINERS)
def test_the_engine_refuses_a_container_with(stack: Stack, what: str) -> None:
    body = {"Image": f"{stack.name}-pytorch:latest", **REFUSED_CONTAINERS[what]}
    assert ask_engine(stack, "POST", "/v1.41/containers/create", body) == 403


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
