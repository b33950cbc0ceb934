"""What the engine is asked for."""

import os
from pathlib import Path
from typing import Any

import pytest

from weather_assets.adapters.containers.plan import ContainerPlan, container_name
from weather_assets.adapters.containers.settings import ContainerSettings
from weather_assets.adapters.ranks.protocol import RankSpec, Rendezvous

IDENTITY = "0123456789ab-2"


def plan(**settings: Any) -> ContainerPlan:
    return ContainerPlan(
        settings=ContainerSettings(**settings), data_root=Path("/mine/data"), run_id="run-7"
    )


def asked(rank: int = 1, **settings: Any) -> dict[str, Any]:
    spec = RankSpec(
        rank=rank,
        world_size=2,
        command=("/python", "-m", "ranks"),
        environment={"RANK": str(rank), "OMP_NUM_THREADS": "3"},
        rendezvous=Rendezvous(IDENTITY, container_name(0, IDENTITY), 29500),
    )
    return dict(plan(**settings).request(spec, "sha256:1"))


def test_names_tell_the_role_and_the_attempt() -> None:
    names = [container_name(rank, IDENTITY) for rank in range(3)]
    assert names == [
        "pytorch-master-0123456789ab-2",
        "pytorch-worker-1-0123456789ab-2",
        "pytorch-worker-2-0123456789ab-2",
    ]
    assert all(len(name) < 64 for name in names), "they are host names too"


def test_a_rank_is_labelled_named_and_started_by_its_guard() -> None:
    request = asked(python="/usr/bin/python3")
    assert request["labels"] == {
        "weather_assets.rendezvous": IDENTITY,
        "weather_assets.data_root": "/mine/data",
        "dagster/run_id": "run-7",
        "weather_assets.rank": "1",
    }
    name = "pytorch-worker-1-0123456789ab-2"
    assert (request["name"], request["hostname"]) == (name, name)
    assert request["entrypoint"] == ("/usr/bin/python3",)
    assert request["command"][:3] == ("-I", "-S", "-c")
    assert request["command"][6:] == ("/python", "-m", "ranks")
    assert (request["image"], request["auto_remove"], request["init"]) == ("sha256:1", True, True)


def test_a_rank_sees_its_place_and_nothing_of_the_supervisor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not for ranks")
    assert asked()["environment"] == {
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "NODE_RANK": "1",
        "RANK": "1",
        "OMP_NUM_THREADS": "3",
        "HOME": "/tmp",  # noqa: S108 - the container's own
        "USER": "rank",
    }


@pytest.mark.parametrize(
    ("volume", "kind", "source"),
    [("", "bind", "/mine/data"), ("stack_data", "volume", "stack_data")],
)
def test_the_data_root_is_at_the_same_path(volume: str, kind: str, source: str) -> None:
    (mount,) = asked(data_volume=volume)["mounts"]
    assert (mount["Type"], mount["Source"], mount["Target"]) == (kind, source, "/mine/data")
    assert mount["ReadOnly"] is False
    assert plan(data_volume=volume).labels(IDENTITY)["weather_assets.data_root"] == source


@pytest.mark.parametrize(
    ("network", "name"), [("", f"pytorch-ranks-{IDENTITY}"), ("stack_ranks", "stack_ranks")]
)
def test_a_rank_answers_to_its_name_on_one_network(network: str, name: str) -> None:
    request = asked(network=network)
    assert request["network"] == name
    assert list(request["networking_config"]) == [name]
    assert request["networking_config"][name]["Aliases"] == [container_name(1, IDENTITY)]


def test_limits_are_those_of_the_settings() -> None:
    request = asked(cpus=1.5, memory="512m")
    assert request["nano_cpus"] == 1_500_000_000
    assert (request["mem_limit"], request["memswap_limit"]) == ("512m", "512m")


def test_a_rank_gets_one_gpu_of_its_own() -> None:
    assert asked()["device_requests"] == []
    (device,) = asked(rank=1, gpus=("GPU-a", "GPU-b"))["device_requests"]
    assert (device["DeviceIDs"], device["Capabilities"]) == (["GPU-b"], [["gpu"]])


@pytest.mark.parametrize(("uid", "user"), [(0, None), (1000, "1000:100")])
def test_what_ranks_write_is_the_supervisors(
    monkeypatch: pytest.MonkeyPatch, uid: int, user: str | None
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(os, "getgid", lambda: 100)
    assert asked()["user"] == user
    assert asked(user="5:6")["user"] == "5:6"
