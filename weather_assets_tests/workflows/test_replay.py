"""A simulated clock: nothing is known before its time, and policies retrain when they say."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.contract.loading import builtin_contracts
from weather_assets.monitoring.scores import skill
from weather_assets.workflows.replay import (
    Answer,
    Archive,
    Policy,
    ReplayError,
    Retrained,
    parse_period,
    parse_time,
    relive,
)

CONTRACT = next(each for each in builtin_contracts() if each.name == "seattle_daily")
START = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 100


@pytest.fixture(scope="module")
def archive() -> Archive:
    random = np.random.default_rng(0)
    times = [START + timedelta(days=day) for day in range(DAYS)]
    numbers = {
        name: pa.array(random.uniform(1.0, 9.0, DAYS))
        for name in CONTRACT.header
        if name not in ("date", "weather")
    }
    rows = pa.table(
        {
            "date": pa.array(times, pa.timestamp("us", "UTC")),
            "weather": pa.array(["rain"] * DAYS),
            **numbers,
            "day_of_year": pa.array(np.arange(1.0, DAYS + 1)),
            "label_encoded": pa.array((random.random(DAYS) < 0.4).astype(np.int32)),
        }
    )
    return Archive(rows, rows["date"].cast(pa.int64()).to_numpy(), CONTRACT)


@dataclass
class Made:
    """A graph of which only the answers matter."""

    retrained: Callable[[pa.Table], Retrained]
    due: Callable[[pa.Table], bool] = lambda _: False

    def is_due(self, known: pa.Table) -> bool:
        return self.due(known)

    def retrain(self, known: pa.Table) -> Retrained:
        return self.retrained(known)


@given(
    first=st.integers(1, DAYS - 5),
    step=st.integers(1, 30),
    every=st.sampled_from(["every", "once", "oracle", "7d", "3w"]),
)
def test_what_is_known_grows_and_every_row_is_asked_once_and_never_before(
    archive: Archive, first: int, step: int, every: str
) -> None:
    begin = START + timedelta(days=first)
    clock = archive.clock(begin, None, timedelta(days=step))
    given_N: list[int] = []

    def retrain(known: pa.Table) -> Retrained:
        newest = known["date"][-1].as_py()
        now = begin + timedelta(days=step) * ticks[0]
        assert newest <= now < newest + timedelta(days=1)
        assert known.column_names == list(CONTRACT.header)
        given_N.append(len(known))
        return Retrained(
            "promoted", 0.5, Answer("1", lambda features_NF: np.full(len(features_NF), 0.4))
        )

    ticks = [0]
    steps = []
    for each in relive(archive, Policy.parse(every), clock, Made(retrain)):
        steps.append(each)
        ticks[0] += 1
    assert sum(each.rows for each in steps) == DAYS - first - 1
    assert given_N == sorted(given_N)
    retrained = [each.time for each in steps if each.outcome]
    assert retrained[0] == begin
    period = {"every": 0, "oracle": 0, "7d": 7, "3w": 21}.get(every)
    if period is None:
        assert len(retrained) == 1
    else:
        gaps = {(later - earlier).days for earlier, later in itertools.pairwise(retrained)}
        assert all(max(period, 1) <= gap < period + step + 1 for gap in gaps)


def test_the_skill_is_that_of_the_truth_of_the_base_rate_and_of_their_opposite(
    archive: Archive,
) -> None:
    clock = archive.clock(None, None, timedelta(days=10))
    truth = archive.rows["label_encoded"].to_numpy().astype(np.float64)
    day = archive.contract.features.index(
        next(each for each in archive.contract.features if each.name == "day_of_year")
    )

    def answering(what: str) -> float:
        def probabilities(features_NF: np.ndarray) -> np.ndarray:
            known_N = truth[features_NF[:, day].astype(int) - 1]
            return known_N if what == "truth" else 1.0 - known_N

        def retrain(_: pa.Table) -> Retrained:
            return Retrained("promoted", 0.0, Answer("1", probabilities) if what else None)

        found = skill(list(relive(archive, Policy.parse("once"), clock, Made(retrain))))
        assert found is not None
        return found

    assert answering("truth") == pytest.approx(1.0)
    assert answering("") == pytest.approx(0.0)
    assert answering("opposite") < 0.0


def test_what_a_promotion_replaces_is_asked_about_the_same_rows(archive: Archive) -> None:
    clock = archive.clock(None, None, timedelta(days=10))
    said = iter([0.4, 0.4, 0.9, 0.9, 0.9])
    versions = iter("11222")

    def retrain(_: pa.Table) -> Retrained:
        each = next(said)
        answer = Answer(next(versions), lambda features_NF: np.full(len(features_NF), each))
        return Retrained("promoted", 0.0, answer)

    steps = list(relive(archive, Policy.parse("every"), clock, Made(retrain)))
    assert [each.former_error is None for each in steps] == [True, True, False, True, True]
    labels_N = archive.between(clock[2], clock[3]).labels_N
    assert steps[2].former_error == pytest.approx(((0.4 - labels_N) ** 2).sum())
    assert steps[2].squared_error == pytest.approx(((0.9 - labels_N) ** 2).sum())


def test_lost_skill_retrains_first_and_then_where_it_is_due(archive: Archive) -> None:
    clock = archive.clock(None, None, timedelta(days=10))
    asked: list[int] = []

    def due(known: pa.Table) -> bool:
        asked.append(len(known))
        return len(asked) == 3

    def retrain(_: pa.Table) -> Retrained:
        return Retrained("promoted", 0.0, Answer("1", lambda features_NF: features_NF[:, 0] * 0.0))

    steps = list(relive(archive, Policy.parse("lost_skill"), clock, Made(retrain, due)))
    assert [bool(each.outcome) for each in steps] == [True, False, False, True, False]
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("text", "period"),
    [("1w", timedelta(weeks=1)), ("36h", timedelta(hours=36)), ("90 d", timedelta(days=90))],
)
def test_periods_are_read(text: str, period: timedelta) -> None:
    assert parse_period(text) == period


@pytest.mark.parametrize("text", ["", "w", "0d", "1y", "-1d", "1.5d", "1w2d"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ReplayError, match="no period"):
        parse_period(text)
    with pytest.raises(ReplayError, match="no policy; there are every, once, oracle"):
        Policy.parse(text)


def test_times_without_an_offset_are_utc() -> None:
    assert parse_time("2020-01-01") == START == parse_time("2020-01-01T01:00:00+01:00")
    with pytest.raises(ReplayError, match="ISO 8601"):
        parse_time("January")


@pytest.mark.parametrize(
    ("begin", "end"), [("2019-01-01", None), ("2021-01-01", None), ("2020-02-02", "2020-02-01")]
)
def test_a_clock_without_rows_before_and_after_is_refused(
    archive: Archive, begin: str, end: str | None
) -> None:
    with pytest.raises(ReplayError, match="there must be some of both"):
        archive.clock(parse_time(begin), (end and parse_time(end)) or None, timedelta(days=1))


def test_rows_without_a_time_are_refused(tmp_path: Path) -> None:
    contract = next(each for each in builtin_contracts() if each.name == "five_column")
    (tmp_path / "contract.json").write_text(json.dumps(contract.to_dict()))
    with pytest.raises(ReplayError, match="have no time"):
        Archive.read(tmp_path)
