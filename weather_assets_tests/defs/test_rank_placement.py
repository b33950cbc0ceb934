"""Where ranks run, as configured, and as the UI shows it."""

import dagster as dg
import pytest

from weather_assets.adapters.containers.backend import ContainerBackend
from weather_assets.adapters.ranks.attempt import RankReport
from weather_assets.adapters.ranks.gang import GangOutcome
from weather_assets.adapters.ranks.processes import ProcessBackend
from weather_assets.adapters.ranks.protocol import RankBackend
from weather_assets.defs.resources import DataRootResource, RankBackendResource, run_is_over
from weather_assets.defs.training_metadata import rank_table


def resource(placement: str | None = None) -> RankBackendResource:
    return RankBackendResource(data_root=DataRootResource(), placement=placement)


def backend_in_a_run(rank_backend: RankBackendResource) -> RankBackend:
    found: list[RankBackend] = []

    @dg.asset
    def trained(context: dg.AssetExecutionContext) -> None:
        found.append(rank_backend.get(context))

    assert dg.materialize([trained]).success
    return found[0]


def test_ranks_are_processes_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEATHER_ASSETS_RANKS", raising=False)
    assert not resource().in_containers
    assert isinstance(backend_in_a_run(resource()), ProcessBackend)


def test_the_environment_places_ranks_in_containers(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("WEATHER_ASSETS_RANKS", "docker")
    monkeypatch.setenv("WEATHER_ASSETS_RANK_PYTHON", "/usr/bin/there")
    monkeypatch.setenv("WEATHER_ASSETS_DATA", str(tmp_path_factory.mktemp("data")))
    assert resource().in_containers
    assert not resource("process").in_containers
    backend = backend_in_a_run(resource())
    assert isinstance(backend, ContainerBackend)
    assert backend.python == "/usr/bin/there"


def test_another_placement_is_refused() -> None:
    with pytest.raises(ValueError, match="'kubernetes'; set it to process or docker"):
        _ = resource("kubernetes").in_containers


@pytest.mark.parametrize(
    ("status", "over"),
    [
        (dg.DagsterRunStatus.STARTING, False),
        (dg.DagsterRunStatus.STARTED, False),
        (dg.DagsterRunStatus.CANCELING, False),
        (dg.DagsterRunStatus.FAILURE, True),
        (dg.DagsterRunStatus.SUCCESS, True),
        (dg.DagsterRunStatus.CANCELED, True),
    ],
)
def test_ranks_of_a_run_that_goes_on_are_left_alone(
    status: dg.DagsterRunStatus, *, over: bool
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.add_run(dg.DagsterRun(job_name="training", status=status))
        assert run_is_over(instance, run.run_id) is over
        assert run_is_over(instance, "of another instance")


RANKS = [
    {"rank": rank, "host": f"h{rank}", "pid": 7, "device": "cpu", "samples_per_second": 12345.6}
    for rank in (0, 1)
]


def gang(*descriptions: dict[str, str]) -> GangOutcome:
    reports = tuple(RankReport(rank, each) for rank, each in enumerate(descriptions))
    return GangOutcome(1, reports, 1.0, ())


@pytest.mark.parametrize("placed", [None, gang({"backend": "process"}, {"backend": "process"})])
def test_processes_are_shown_with_host_and_throughput(placed: GangOutcome | None) -> None:
    assert rank_table(RANKS, placed).splitlines() == [
        "| rank | host | process | device | samples/s |",
        "| --- | --- | --- | --- | ---: |",
        "| 0 | h0 | 7 | cpu | 12,346 |",
        "| 1 | h1 | 7 | cpu | 12,346 |",
    ]


def test_containers_are_shown_with_image_and_engine() -> None:
    places = [
        {"engine": "vm", "container": name, "image": "trainer", "image_digest": "sha256:1"}
        for name in ("pytorch-master-a-1", "pytorch-worker-1-a-1")
    ]
    assert rank_table(RANKS, gang(*places)).splitlines() == [
        "| rank | host | process | device | samples/s | container | image | image digest |",
        "| --- | --- | --- | --- | ---: | --- | --- | --- |",
        "| 0 | vm | 7 | cpu | 12,346 | pytorch-master-a-1 | trainer | sha256:1 |",
        "| 1 | vm | 7 | cpu | 12,346 | pytorch-worker-1-a-1 | trainer | sha256:1 |",
    ]
