"""What judges follows from what it must decide; what chooses recurs, whatever comes later."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.contract.schema import Split
from weather_assets.processing.comparing.dividing import (
    BLOCK,
    DECIDING_DAYS,
    DECIDING_ROWS,
    PERIODS,
    division_of,
    first_test_instant,
    period_of,
)
from weather_assets.processing.comparing.splitting import (
    GAP,
    SPLITS,
    Division,
    SplitCodes,
    chronological_splits,
)
from weather_assets.processing.comparing.windows import LabelledRows

HOUR = 3_600_000_000
DAY = 24 * HOUR
TRAIN, VALIDATION, TEST = range(len(SPLITS))
PLAIN = Split()
LEADS = st.sampled_from([None, timedelta(hours=1), timedelta(days=1)])


@dataclass(frozen=True)
class MadeRows:
    """Rows in memory, which come in pieces that end at given places, or behind their instant."""

    times: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int8]
    ends: Sequence[int] = ()

    @property
    def kept(self) -> int:
        return len(self.times)

    @property
    def events(self) -> int:
        return int(self.labels.sum())

    def instant(self, rank: int) -> int:
        return int(self.times[rank])

    def newest_first(self, before: int = 2**53) -> Iterator[LabelledRows]:
        older = int(np.searchsorted(self.times, before))
        ends = {int(np.searchsorted(self.times, self.times[end], "right")) for end in self.ends}
        for begin, end in reversed(
            list(pairwise(sorted({0, older, *(e for e in ends if e < older)})))
        ):
            yield LabelledRows(self.times[begin:end], self.labels[begin:end])

    def until(self, time: int) -> "MadeRows":
        """Returns the rows from before a time."""
        end = int(np.searchsorted(self.times, time))
        return MadeRows(self.times[:end], self.labels[:end])

    def split(self, division: Division) -> SplitCodes:
        return chronological_splits(self.times, division)

    def both_classes_in(self, split: int, division: Division) -> bool:
        return set(self.labels[self.split(division) == split].tolist()) == {0, 1}


def made(times: Sequence[int], is_event: Sequence[bool]) -> MadeRows:
    order = np.argsort(np.array(times, np.int64), kind="stable")
    return MadeRows(np.array(times, np.int64)[order], np.array(is_event, np.int8)[order])


def microseconds(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc]


def hourly(first: int, last: int, seed: int = 0, rate: float = 0.1) -> MadeRows:
    """Returns rows of every hour, some of which have the event."""
    times = np.arange(first, last, HOUR)
    is_event = np.random.default_rng(seed).random(len(times)) < rate
    return MadeRows(times, is_event.astype(np.int8))


def monsoon(first: int, last: int) -> MadeRows:
    """Returns rows of every hour; every third hour from July to September has the event."""
    times = np.arange(first, last, HOUR)
    months = times.astype("datetime64[us]").astype("datetime64[M]").astype(int) % 12 + 1
    return MadeRows(times, (np.isin(months, (7, 8, 9)) & (times // HOUR % 3 == 0)).astype(np.int8))


@st.composite
def any_rows(draw: st.DrawFn) -> MadeRows:
    """Returns rows at any times, microseconds to weeks apart, of up to six stations."""
    start = draw(st.integers(-(2**50), 2**50))
    steps = draw(
        st.lists(st.sampled_from([0, 1, 1000, HOUR // 60, HOUR, DAY, 9 * DAY]), max_size=60)
    )
    stations = draw(st.integers(1, 6))
    count = stations * (len(steps) + 1)
    labels = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return made(np.repeat(np.cumsum([start, *steps]), stations).tolist(), labels)


@st.composite
def any_split(draw: st.DrawFn) -> Split:
    train = draw(st.integers(1, 97))
    return Split(train=train / 100, validation=draw(st.integers(1, 98 - train)) / 100)


@given(any_rows(), any_split(), LEADS, st.data())
def test_any_rows_are_divided_and_pieces_change_nothing(
    rows: MadeRows, split: Split, lead: timedelta | None, data: st.DataObject
) -> None:
    division = division_of(rows, split, lead)
    ends = data.draw(st.lists(st.integers(0, rows.kept - 1)))
    assert division_of(MadeRows(rows.times, rows.labels, ends), split, lead) == division

    shift = 0 if lead is None else lead // timedelta(microseconds=1)
    assert division.gap_start == division.test_start - shift
    found = rows.split(division)
    older = rows.times < division.gap_start
    assert np.isin(found[older], (TRAIN, VALIDATION)).all()
    assert (
        found[(rows.times >= division.gap_start) & (rows.times < division.test_start)] == GAP
    ).all()
    assert (found[rows.times >= division.test_start] == TEST).all()
    if len(np.unique(rows.times[older])) > 1:
        assert {TRAIN, VALIDATION} <= set(found[older].tolist())


@given(any_rows(), any_split())
def test_the_window_reaches_back_for_what_it_lacks_and_leaves_half(
    rows: MadeRows, split: Split
) -> None:
    older = -(-rows.kept * round(100 * (split.train + split.validation)) // 100)
    plain = rows.instant(older - 1) + 1
    start = first_test_instant(rows, split)
    assert start <= plain
    if start < plain:
        is_test, is_plain = rows.times >= start, rows.times >= plain
        assert 2 * is_test.sum() <= rows.kept
        more = is_test & ~is_plain
        for label in (0, 1):
            left = (rows.labels[~is_test] == label).sum()
            assert 2 * left >= min(rows.events, rows.kept - rows.events)
        lacking = [
            label for label in (0, 1) if (rows.labels[is_plain] == label).sum() < DECIDING_ROWS
        ]
        assert lacking or len(days_with_event(rows, is_plain)) < DECIDING_DAYS
        # The oldest instant is there for what it brings.
        brought = set(rows.labels[rows.times == start].tolist())
        assert more.any()
        assert brought & {*lacking, 1}


@given(any_rows(), any_split(), st.integers(1, 60))
def test_newer_rows_never_move_the_window_back(rows: MadeRows, split: Split, count: int) -> None:
    older = rows.until(rows.instant(min(count, rows.kept - 1)))
    if older.kept:
        assert first_test_instant(older, split) <= first_test_instant(rows, split)


def days_with_event(rows: MadeRows, chosen: npt.NDArray[np.bool_]) -> set[int]:
    return set((rows.times[chosen & (rows.labels == 1)] // DAY).tolist())


def test_shares_are_decimal_fractions() -> None:
    # In binary, 0.1 + 0.2 is more than 0.3, and one row too many would be older.
    rows = made(range(10), [False] * 10)
    assert first_test_instant(rows, Split(train=0.1, validation=0.2)) == 3
    assert period_of(BLOCK, Split(train=0.1, validation=0.2)) == 1.5 * BLOCK
    assert period_of(BLOCK, PLAIN) == 15 * DAY


def test_a_share_that_is_nearly_nothing_overflows_nothing() -> None:
    rows = hourly(microseconds(1900, 1, 1), microseconds(1900, 2, 1))
    for split in (Split(train=0.5, validation=1e-300), Split(train=1e-300, validation=0.5)):
        division = division_of(rows, split, None)
        assert 0 < division.block < division.period < 2**63


def test_rows_that_hold_enough_have_the_window_of_the_shares() -> None:
    rows = hourly(microseconds(2020, 1, 1), microseconds(2021, 1, 1))
    assert first_test_instant(rows, PLAIN) == rows.instant(rows.kept * 3 // 4 - 1) + 1


@pytest.mark.parametrize(
    ("step", "lacking"), [(100, "events"), (7 * 24, "days"), (1, "none"), (24 * 40, "all")]
)
def test_what_decides(step: int, lacking: str) -> None:
    # Every so many hours there are five hours with the event, and so five to a day or none.
    times = np.arange(0, 500 * DAY, HOUR)
    is_event = (times // HOUR) % step < 5 if step > 5 else times // HOUR % 2 == 0
    rows = MadeRows(times, is_event.astype(np.int8))
    start = first_test_instant(rows, PLAIN)
    pieces = MadeRows(rows.times, rows.labels, range(0, rows.kept, 3))  # days come in pieces, too
    assert first_test_instant(pieces, PLAIN) == start
    chosen = times >= start
    days, events = len(days_with_event(rows, chosen)), int(rows.labels[chosen].sum())
    plain = times >= rows.instant(rows.kept * 3 // 4 - 1) + 1
    if lacking in ("none", "events"):
        assert (chosen == plain).all()
        assert min(events - DECIDING_ROWS, days - DECIDING_DAYS) >= 0
    elif lacking == "days":
        assert days == DECIDING_DAYS
        assert events > DECIDING_ROWS
        assert chosen.sum() > plain.sum()
    else:
        assert days < DECIDING_DAYS
        assert 2 * chosen.sum() <= rows.kept
        assert rows.labels[times == start] == 1
        assert events == rows.labels.sum() // 2 - rows.labels.sum() // 2 % 5


def test_a_year_validates_in_every_month_and_has_its_shares() -> None:
    rows = hourly(microseconds(2013, 1, 1), microseconds(2014, 1, 1))
    division = division_of(rows, PLAIN, timedelta(hours=1))
    found = rows.split(division)
    months = rows.times.astype("datetime64[us]").astype("datetime64[M]").astype(int) % 12 + 1
    assert set(months[found == VALIDATION]) == set(range(1, 10))
    assert set(months[found == TEST]) == {10, 11, 12}
    assert division.block == BLOCK
    shares = [(found == split).mean() for split in (TRAIN, VALIDATION, TEST)]
    assert shares == pytest.approx([0.65, 0.10, 0.25], abs=0.005)


@given(st.integers(60, 900), st.integers(1, 300), st.integers(20, 70), st.integers(5, 25))
def test_later_rows_move_none_between_training_and_validation(
    days: int, more: int, train: int, validation: int
) -> None:
    split = Split(train=train / 100, validation=validation / 100)
    first = microseconds(2013, 1, 1)
    grown = hourly(first, first + (days + more) * DAY, rate=0.3)
    rows = grown.until(first + days * DAY)
    before, after = division_of(rows, split, None), division_of(grown, split, None)
    both = rows.times < min(before.gap_start, after.gap_start)
    if before.block == after.block:
        assert (rows.split(before)[both] == rows.split(after)[both]).all()
    else:  # only while the older rows span too few of the full blocks, which then become longer
        assert before.gap_start - first < PERIODS * period_of(BLOCK, split)
        assert before.block < after.block <= BLOCK


def test_a_monsoon_climate_up_to_a_dry_june_has_rain_everywhere() -> None:
    for years in (2, 3, 10):
        rows = monsoon(microseconds(2023 - years, 6, 15), microseconds(2023, 6, 15))
        division = division_of(rows, PLAIN, timedelta(hours=1))
        chosen = rows.times >= division.test_start
        for split in (TRAIN, VALIDATION, TEST):
            assert rows.both_classes_in(split, division)
        assert rows.labels[chosen].sum() >= DECIDING_ROWS
        assert len(days_with_event(rows, chosen)) >= DECIDING_DAYS
        assert chosen.mean() <= 0.5


def test_the_end_of_the_only_rains_judges_where_half_of_the_rows_reach_it() -> None:
    rows = monsoon(microseconds(2022, 1, 1), microseconds(2023, 6, 15))
    division = division_of(rows, PLAIN, timedelta(hours=1))
    assert microseconds(2022, 9, 20) < division.test_start < microseconds(2022, 9, 27)
    for split in (TRAIN, VALIDATION, TEST):
        assert rows.both_classes_in(split, division)


def test_dry_days_that_only_dry_days_precede_cost_no_training_row() -> None:
    rows = monsoon(microseconds(2022, 6, 15), microseconds(2023, 6, 15))
    assert first_test_instant(rows, PLAIN) == rows.instant(int(rows.kept * 0.75) - 1) + 1


@pytest.mark.parametrize(
    ("step", "count"),
    [(1_000_000, 20_000), (60_000_000, 300), (HOUR, 100), (HOUR, 24 * 14), (DAY, 100), (DAY, 400)],
)
def test_short_files_have_blocks_that_recur(step: int, count: int) -> None:
    times = microseconds(2024, 3, 5) + step * np.arange(count)
    is_event = np.random.default_rng(0).random(count) < 0.3
    rows = MadeRows(times, is_event.astype(np.int8))
    division = division_of(rows, PLAIN, None)
    found = rows.split(division)
    older = found != TEST
    assert (found[older] == VALIDATION).mean() == pytest.approx(2 / 15, abs=0.05)
    assert all(rows.both_classes_in(split, division) for split in (TRAIN, VALIDATION, TEST))
    assert len(np.unique(times[found == VALIDATION] // division.period)) >= PERIODS / 2
    assert division.block >= step


def test_a_single_storm_is_divided() -> None:
    rows = hourly(0, 365 * DAY, rate=0)
    rows.labels[24 * 99 : 24 * 99 + 12] = 1
    division = division_of(rows, PLAIN, timedelta(hours=1))
    assert rows.both_classes_in(TRAIN, division)
    assert rows.both_classes_in(VALIDATION, division)
