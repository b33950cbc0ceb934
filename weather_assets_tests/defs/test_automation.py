"""Assets follow their inputs exactly once, whatever the order of arrivals, failures and ticks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from weather_assets.defs.automation import desired, tried
from weather_assets.defs.pools import ENDPOINT, REGISTRY, ROWS
from weather_assets.defs.run_tags import ASKED_BY, ENDED


class Chain:
    """A graph with our conditions on trivial assets, whose versions and failures a test decides."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.versions = {"raw": "1", "rows": "1", "model": "1", "served": "1"}
        self.rows_check_passes = True
        self.fails: dict[str, Exception] = {}
        self.makes_nothing: set[str] = set()
        self.model_code = "1"
        self.cursor = None
        self.later = timedelta()

    def definitions(self) -> dg.Definitions:
        @dg.asset(**tried("1", ROWS))
        def raw() -> dg.MaterializeResult:
            return self._result("raw")

        @dg.asset(
            deps=[raw],
            check_specs=[dg.AssetCheckSpec("good", asset="rows", blocking=True)],
            **desired("1", ROWS),
        )
        def rows() -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
            yield self._result("rows")
            yield dg.AssetCheckResult(passed=self.rows_check_passes, check_name="good")

        @dg.asset(deps=[rows], output_required=False, **desired(self.model_code, REGISTRY))
        def model() -> Iterator[dg.MaterializeResult]:
            result = self._result("model")
            if "model" not in self.makes_nothing:
                yield result

        @dg.asset(deps=[model], **desired("1", ENDPOINT))
        def served() -> dg.MaterializeResult:
            return self._result("served")

        return dg.Definitions(assets=[raw, rows, model, served])

    def make(self, *names: str, by: str = "continuous_training_sensor") -> bool:
        """Runs the assets, as a run of a sensor would; by hand where `by` is empty."""
        graph = self.definitions()
        job = dg.define_asset_job("__ASSET_JOB_TEST", selection=list(names))
        resolved = dg.Definitions(assets=graph.assets, jobs=[job]).resolve_job_def(job.name)
        tags = {ASKED_BY: by} if by else {}
        return resolved.execute_in_process(
            instance=self.instance, raise_on_error=False, tags=tags
        ).success

    def ending(self) -> str | None:
        """Returns what the last run says of its failure."""
        return self.instance.get_runs(limit=1)[0].tags.get(ENDED)

    def tick(self) -> set[str]:
        """Evaluates the conditions once; returns the names of the requested assets."""
        result = dg.evaluate_automation_conditions(
            self.definitions(),
            instance=self.instance,
            cursor=self.cursor,
            evaluation_time=datetime.now(UTC) + self.later,
        )
        self.cursor = result.cursor
        return {name for name in self.versions if result.get_num_requested(dg.AssetKey(name))}

    def _result(self, name: str) -> dg.MaterializeResult:
        if name in self.fails:
            raise self.fails[name]
        return dg.MaterializeResult(data_version=dg.DataVersion(self.versions[name]))


@pytest.fixture
def chain() -> Iterator[Chain]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Chain(instance)


@pytest.fixture
def settled(chain: Chain) -> Chain:
    assert chain.make("raw", "rows", "model", "served")
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


def test_a_failure_for_good_waits_for_the_next_input(settled: Chain) -> None:
    settled.versions["raw"] = "2"
    settled.fails = {"rows": ValueError("rows cannot be made")}
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}
    assert not settled.make("rows", "model")
    assert settled.ending() == "permanent"
    settled.later = timedelta(days=1)
    assert settled.tick() == set(), "the same input would fail again"
    settled.fails = {}
    settled.versions["raw"] = "3"
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}


def test_a_failure_that_may_heal_is_tried_again_after_a_pause(settled: Chain) -> None:
    settled.versions.update(raw="2", rows="2", model="2")
    settled.fails = {"model": TimeoutError("the store is locked")}
    settled.make("raw")
    assert not settled.make("rows", "model")
    assert settled.ending() == "transient"
    assert settled.tick() == set()
    settled.later = timedelta(seconds=61)
    assert settled.tick() == {"model"}, "what is above it was made"
    settled.fails = {}
    assert settled.make("model")
    assert settled.tick() == {"served"}


def test_a_breaker_opens_and_a_hand_closes_it(settled: Chain) -> None:
    settled.model_code = "2"
    settled.fails = {"model": TimeoutError("the store is locked")}
    tries = 0
    settled.later = timedelta(days=1)
    while settled.tick():
        assert not settled.make("model")
        tries += 1
        assert tries < 20
    assert tries == 8
    assert not settled.make("model", by="")
    assert settled.tick() == {"model"}, "a hand gives it a budget anew"
    settled.model_code = "3"
    assert settled.tick() == {"model"}, "as other code does"


def test_what_was_made_is_served_though_newer_content_fails(settled: Chain) -> None:
    settled.model_code, settled.versions["model"] = "2", "2"
    assert settled.make("model")
    settled.versions["raw"] = "2"
    settled.fails = {"rows": ValueError("a bad file")}
    settled.make("raw")
    assert not settled.make("rows", "model")
    assert settled.tick() == {"served"}


def test_what_succeeds_without_making_anything_is_done(settled: Chain) -> None:
    settled.versions.update(raw="2", rows="2")
    settled.makes_nothing = {"model"}
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}
    assert settled.make("rows", "model")
    assert settled.tick() == set()


def test_served_is_a_run_of_its_own(settled: Chain) -> None:
    settled.versions.update(raw="2", rows="2", model="2")
    settled.make("raw")
    assert settled.tick() == {"rows", "model"}
    settled.make("rows", "model")
    assert settled.tick() == {"served"}
    settled.make("served", by="rollout_sensor")
    assert settled.tick() == set()


def test_other_code_is_followed_too(settled: Chain) -> None:
    settled.model_code = "2"
    assert settled.tick() == {"model"}
    settled.make("model")
    assert settled.tick() == set()
