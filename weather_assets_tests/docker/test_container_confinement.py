"""What a rank in a container can do and see, as it finds itself, and as the engine describes it."""

from typing import Any

import pytest

from weather_assets.adapters.ranks.gang import launched_gang
from weather_assets.adapters.ranks.protocol import RankEvent
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets_tests.docker.container_place import ContainerPlace, docker_client

LOOK = """
import json, os, time
from pathlib import Path
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())

def attempt(action):
    try:
        action()
    except OSError as error:
        return error.strerror
    return "done"

print(json.dumps({
    "event": "looked",
    "environment": dict(os.environ),
    "user": [os.getuid(), os.getgid()],
    "capabilities": status["CapEff"].strip(),
    "new_privileges": status["NoNewPrivs"].strip(),
    "write_root": attempt(lambda: Path("/probe").touch()),
    "write_temporary": attempt(lambda: Path("/tmp/probe").touch()),
    "write_data": attempt(lambda: Path(os.environ["DATA"], "probe").touch()),
    "engine_socket": Path("/var/run/docker.sock").exists(),
}))
print('{"event": "started"}', flush=True)
while not Path(os.environ["DATA"], "seen").exists():
    time.sleep(0.05)
print('{"event": "finished"}')
"""


@pytest.fixture
def seen(place: ContainerPlace, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a rank saw, and under `engine` how the engine described its container."""
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not for ranks")
    seen: dict[str, Any] = {}

    def keep(event: RankEvent) -> None:
        if event.name == "launched":
            seen["description"] = dict(event.fields)
        if event.name == "started":
            with docker_client() as client:
                name = str(seen["description"]["container"])
                seen["engine"] = client.api.inspect_container(name)
                (network,) = seen["engine"]["NetworkSettings"]["Networks"]
                seen["network"] = client.api.inspect_network(network)
            (place.directory / "seen").touch()
        if event.name == "looked":
            seen.update(event.fields)

    with launched_gang(
        (place.containers.python, "-c", LOOK),
        environment={"DATA": place.directory_there},
        settings=GangSettings(world_size=1, max_relaunches=0),
        backend=place.backend(cpus=0.5, memory="256m"),
        on_event=keep,
    ) as ranks:
        ranks.finish()
    return seen


def test_a_rank_is_nobody_with_one_folder(seen: dict[str, Any]) -> None:
    assert seen["user"] == [1000, 1000]
    assert int(seen["capabilities"], 16) == 0
    assert seen["new_privileges"] == "1"
    assert seen["write_root"] == "Read-only file system"
    assert (seen["write_temporary"], seen["write_data"]) == ("done", "done")
    assert seen["engine_socket"] is False
    assert "AZURE_CLIENT_SECRET" not in seen["environment"]
    assert seen["environment"]["LOCAL_WORLD_SIZE"] == "1"


def test_a_container_is_labelled_limited_and_described(
    place: ContainerPlace, seen: dict[str, Any]
) -> None:
    engine, description = seen["engine"], seen["description"]
    host = engine["HostConfig"]
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (5 * 10**8, 2**28, 2**28)
    assert (host["AutoRemove"], host["Privileged"], host["Binds"]) == (True, False, None)
    assert [mount["Destination"] for mount in engine["Mounts"]] == [place.directory_there]
    assert seen["network"]["Internal"] is True
    labels = engine["Config"]["Labels"]
    identity = seen["environment"]["WEATHER_ASSETS_RENDEZVOUS"]
    assert labels["weather_assets.rendezvous"] == identity
    assert (labels["weather_assets.rank"], labels["dagster/run_id"]) == ("0", place.run_id)
    assert labels["weather_assets.data_root"] == place.directory_there
    assert description["container"] == f"pytorch-master-{identity}"
    assert engine["Id"].startswith(description["container_id"])
    assert description["image_digest"] == engine["Image"]
    assert (description["cpus"], description["memory"]) == ("0.5", "256m")
    with docker_client() as client:
        assert description["engine"] == client.info()["Name"]
    assert place.survivors() == []
