"""Assets follow their inputs exactly once, whatever the order of arrivals, failures and ticks."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from weather_assets.defs.automation import follows_its_inputs, raw_weather_sensor
from weather_assets.defs.resources import DataRootResource

FIVE = "Temperature,Humidity,Wind_Speed,Cloud_Cover,Pressure,Rain\n20,50,3,10,1000,no rain\n"


class Chain:
    """A graph with our conditions on trivial assets, whose versions and failures a test decides."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.versions = {"raw": "1", "rows": "1", "model": "1"}
        self.rows_check_passes = True
        self.fails: set[str] = set()
        self.model_code = "1"
        self.cursor = None

    def definitions(self) -> dg.Definitions:
        @dg.asset
        def raw() -> dg.MaterializeResult:
            return self._result("raw")

        @dg.asset(
            deps=[raw],
            code_version="1",
            automation_condition=follows_its_inputs(),
            check_specs=[dg.AssetCheckSpec("good", asset="rows", blocking=True)],
        )
        def rows() -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
            yield self._result("rows")
            yield dg.AssetCheckResult(passed=self.rows_check_passes, check_name="good")

        @dg.asset(
            deps=[rows], code_version=self.model_code, automation_condition=follows_its_inputs()
        )
        def model() -> dg.MaterializeResult:
            return self._result("model")

        return dg.Definitions(assets=[raw, rows, model])

    def make(self, *names: str) -> bool:
        """Runs the assets, as the automation sensor's run would."""
        graph = self.definitions()
        job = dg.define_asset_job("__ASSET_JOB_TEST", selection=list(names))
        resolved = dg.Definitions(assets=graph.assets, jobs=[job]).resolve_job_def(job.name)
        return resolved.execute_in_process(instance=self.instance, raise_on_error=False).success

    def tick(self) -> set[str]:
        """Evaluates the conditions once; returns the names of the requested assets."""
        result = dg.evaluate_automation_conditions(
            self.definitions(), instance=self.instance, cursor=self.cursor
        )
        self.cursor = result.cursor
        return {name for name in self.versions if result.get_num_requested(dg.AssetKey(name))}

    def _result(self, name: str) -> dg.MaterializeResult:
        if name in self.fails:
            raise dg.Failure(f"{name} cannot be made")
        return dg.MaterializeResult(data_version=dg.DataVersion(self.versions[name]))


@pytest.fixture
def chain() -> Iterator[Chain]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Chain(instance)


@pytest.fixture
def settled(chain: Chain) -> Chain:
    assert chain.make("raw", "rows", "model")
    assert chain.tick() == set()
    return chain


def test_nothing_follows_before_there_is_raw_weather(chain: Chain) -> None:
    assert chain.tick() == set()


def test_new_content_is_followed_by_the_whole_chain_in_one_tick(settled: Chain) -> None:
    settled.versions["raw"] = "2"
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}


def test_equal_content_again_is_followed_by_nothing(settled: Chain) -> None:
    for _ in range(3):
        settled.make("raw")
        assert settled.tick() == set()


def test_an_update_on_the_tick_after_a_request_is_not_lost(settled: Chain) -> None:
    settled.versions["raw"] = "2"
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}
    settled.make("rows", "model")
    settled.versions["raw"] = "3"
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}
    settled.make("rows", "model")
    assert [settled.tick() for _ in range(3)] == [set(), set(), set()]


def test_a_request_that_never_ran_is_made_again(settled: Chain) -> None:
    settled.versions["raw"] = "2"
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}
    assert settled.tick() == {"rows", "model"}


def test_a_failed_blocking_check_stops_what_is_below(settled: Chain) -> None:
    settled.versions.update(raw="2", rows="2")
    settled.rows_check_passes = False
    settled.make("raw")
    settled.make("rows", "model")
    assert settled.tick() == set()
    settled.rows_check_passes = True
    settled.versions.update(raw="3", rows="3")
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}


def test_a_failure_waits_for_the_next_input(settled: Chain) -> None:
    settled.versions["raw"] = "2"
    settled.fails = {"rows"}
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}
    assert not settled.make("rows", "model")
    assert settled.tick() == set(), "the same input would fail again"
    settled.fails = set()
    settled.versions["raw"] = "3"
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}


def test_a_half_finished_chain_goes_on_below_the_failure(settled: Chain) -> None:
    settled.versions.update(raw="2", rows="2")
    settled.fails = {"model"}
    settled.make("raw")
    assert not settled.make("rows", "model")
    settled.fails = set()
    assert settled.tick() == set()
    settled.versions.update(raw="3", rows="2")
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}


def test_other_code_is_followed_too(settled: Chain) -> None:
    settled.model_code = "2"
    assert settled.tick() == {"model"}
    settled.make("model")
    assert settled.tick() == set()


def put(root: Path, text: str, *, name: str = "weather.csv", age_seconds: float = 3600) -> None:
    path = root / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    moment = time.time() - age_seconds
    os.utime(path, (moment, moment))


class Watched:
    """The sensor over one data root and one instance."""

    def __init__(self, root: Path, instance: dg.DagsterInstance) -> None:
        self.root = root
        self.instance = instance

    def look(self) -> dg.RunRequest | str:
        """Evaluates the sensor; returns its request, or why it made none."""
        context = dg.build_sensor_context(
            instance=self.instance, resources={"data_root": DataRootResource(path=str(self.root))}
        )
        answer = raw_weather_sensor(context)
        if isinstance(answer, dg.SkipReason):
            return answer.skip_message or ""
        assert isinstance(answer, dg.RunRequest)
        return answer

    def record(self, request: dg.RunRequest, *, succeed: bool = True) -> None:
        """Runs what was requested: an asset with the real one's data version, or a failure."""
        version = request.tags["weather_assets/raw_version"]

        @dg.asset(name="raw_weather")
        def recorded() -> dg.MaterializeResult:
            if not succeed:
                raise dg.Failure("refused")
            return dg.MaterializeResult(data_version=dg.DataVersion(version))

        dg.materialize([recorded], instance=self.instance, tags=request.tags, raise_on_error=False)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watched(tmp_path, instance)


def requested(answer: dg.RunRequest | str) -> dg.RunRequest:
    assert isinstance(answer, dg.RunRequest), answer
    return answer


def reason(answer: dg.RunRequest | str) -> str:
    assert isinstance(answer, str), answer
    return answer


def test_an_empty_folder_is_waited_for(watched: Watched) -> None:
    assert "holds no raw file" in reason(watched.look())


def test_new_content_is_recorded_once(watched: Watched) -> None:
    put(watched.root, FIVE)
    watched.record(requested(watched.look()))
    assert "unchanged" in reason(watched.look())
    put(watched.root, FIVE, age_seconds=30)
    assert "unchanged" in reason(watched.look()), "the same bytes again"
    put(watched.root, FIVE + "21,50,3,10,1000,rain\n")
    watched.record(requested(watched.look()))
    put(watched.root, FIVE, name="more.csv")
    watched.record(requested(watched.look()))
    assert "unchanged" in reason(watched.look())


def test_content_that_was_there_before_is_new_content_again(watched: Watched) -> None:
    put(watched.root, FIVE)
    watched.record(requested(watched.look()))
    put(watched.root, FIVE + "21,50,3,10,1000,rain\n")
    watched.record(requested(watched.look()))
    put(watched.root, FIVE)
    watched.record(requested(watched.look()))
    assert "unchanged" in reason(watched.look())


def test_a_file_that_is_still_written_is_waited_for(watched: Watched) -> None:
    put(watched.root, FIVE)
    watched.record(requested(watched.look()))
    put(watched.root, FIVE + "21,50", name="more.csv", age_seconds=0)
    assert "more.csv" in reason(watched.look())
    put(watched.root, FIVE + "21,50,3,10,1000,rain\n", name="more.csv")
    requested(watched.look())


def test_a_refused_file_is_not_tried_again_until_it_changes(watched: Watched) -> None:
    put(watched.root, "nonsense\n1\n")
    watched.record(requested(watched.look()), succeed=False)
    assert "ended as FAILURE" in reason(watched.look())
    put(watched.root, FIVE)
    requested(watched.look())
