"""What the event log says of trainings decides, by the settings, whether new rows train."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest

from weather_assets.definitions import build_defs
from weather_assets.defs.recorded_facts import read_graph
from weather_assets.defs.retraining import with_terms
from weather_assets.reconciliation.decision import Decision, Step
from weather_assets.reconciliation.plan import plan

CHECKPOINT, ROWS, WATCHED = "weather_checkpoint", "processed_weather", "live_skill"
WHEN = "WEATHER_ASSETS_RETRAIN_WHEN"
LEAST_DAYS = "WEATHER_ASSETS_RETRAIN_LEAST_DAYS"
NEW_ROWS = "WEATHER_ASSETS_RETRAIN_LEAST_NEW_ROWS"
A_WEEK = "WEATHER_ASSETS_RETRAIN_MOST_A_WEEK"


class Log:
    """An event log in which assets are made of the newest versions of their inputs."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.graph = build_defs().resolve_asset_graph()

    def make(self, key: str, version: str, metadata: Mapping[str, Any] | None = None) -> None:
        node = self.graph.get(dg.AssetKey(key))
        tags = {"dagster/data_version": version, "dagster/code_version": node.code_version or ""}
        for parent in node.parent_keys:
            event = self.instance.get_latest_materialization_event(parent)
            made = event and event.asset_materialization
            there = (made.tags or {}).get("dagster/data_version", "") if made else ""
            tags[f"dagster/input_data_version/{parent.to_user_string()}"] = there
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(key, metadata=metadata or {}, tags=tags)
        )

    def decide(self, days: float = 0.0) -> Decision:
        """Returns what is decided about the checkpoint some days from now."""
        facts = with_terms(read_graph(self.instance, self.graph), self.instance)
        return plan(facts, time.time() + days * 86_400)[CHECKPOINT]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """A log in which a model was trained on 1,000 rows, and then 100 more came."""
    for name in (WHEN, LEAST_DAYS, NEW_ROWS, A_WEEK):
        monkeypatch.delenv(name, raising=False)
    with dg.DagsterInstance.ephemeral() as instance:
        log = Log(instance)
        log.make("raw_weather", "1")
        log.make(ROWS, "1", {"dagster/row_count": 1000})
        log.make(WATCHED, "1", {"wants_training": True})
        log.make(CHECKPOINT, "1", {"trained_now": True, "served_rows": 1000})
        log.make("raw_weather", "2")
        log.make(ROWS, "2", {"dagster/row_count": 1100})
        yield log


def test_each_version_trains_by_default(log: Log) -> None:
    assert log.decide().step is Step.MAKE


def test_lost_skill_is_asked_of_the_newest_rows(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WHEN, "lost_skill")
    assert log.decide() == Decision(
        Step.WAITS,
        "processed_weather changed, but live_skill has not looked at these rows yet",
    )
    log.make(WATCHED, "2", {"wants_training": False})
    assert "does what its verdict has shown" in log.decide().sentence
    log.make(WATCHED, "2", {"wants_training": True})
    assert log.decide().step is Step.MAKE


@pytest.mark.parametrize(
    ("variable", "enough", "too_few", "said"),
    [
        (NEW_ROWS, "100", "101", "100 new rows are fewer than 101"),
        (A_WEEK, "2", "1", "most_a_week"),
    ],
)
def test_counts(
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    enough: str,
    too_few: str,
    said: str,
) -> None:
    monkeypatch.setenv(variable, enough)
    assert log.decide().step is Step.MAKE
    monkeypatch.setenv(variable, too_few)
    assert log.decide().step is Step.WAITS
    assert said in log.decide().sentence


def test_a_pause_between_trainings_ends_by_itself(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LEAST_DAYS, "7")
    assert log.decide(days=6.9).step is Step.WAITS
    assert log.decide(days=7.1).step is Step.MAKE


def test_a_candidate_that_was_known_already_counts_as_no_training(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(A_WEEK, "2")
    log.make(CHECKPOINT, "1", {"trained_now": False, "served_rows": 1000})
    log.make("raw_weather", "3")
    log.make(ROWS, "3", {"dagster/row_count": 1100})
    assert log.decide().step is Step.MAKE


def test_a_setting_that_cannot_work_holds_training_and_is_said(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WHEN, "sometimes")
    decision = log.decide()
    assert decision.step is Step.WAITS
    assert f"{WHEN} is 'sometimes'; set it to every_version or lost_skill" in decision.sentence
