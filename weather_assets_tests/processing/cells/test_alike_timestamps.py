"""Cells that are written alike name the instants that they name one by one."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weather_assets.contract.columns import Timestamp
from weather_assets.processing.cells import alike_timestamps
from weather_assets.processing.cells.timestamps import NO_INSTANT, microseconds

WRITTEN = {
    "iso8601": (
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%SZ",
        "%Y/%m/%d %H:%M",
        "%Y-%m-%d",
        "%Y-%m-%dT%H:%M:%S+01:30",
        "%Y-%m-%dT%H:%M-0930",
        "%Y-%m-%dT%H:%M:%S.%f",
        "%Y-%m-%dT%H:%M:%S.25Z",
        "%Y-%m-%dT%H:%M:%S.%f789Z",
    ),
    "%d.%m.%Y %H h": ("%d.%m.%Y %H h",),
    "%Y%m%d%H%M": ("%Y%m%d%H%M",),
    "%H:%M:%S \u2014 %m/%d/%Y": ("%H:%M:%S \u2014 %m/%d/%Y",),
    "%m5%d %Y": ("%m5%d %Y",),
}
"""By format of a contract, how cells may be written under it."""
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Etc/GMT+3", "-03:30")
STARTS = (
    datetime(2021, 3, 28),  # noqa: DTZ001  local, as the others
    datetime(2021, 10, 31),  # noqa: DTZ001
    datetime(2022, 4, 3),  # noqa: DTZ001
    datetime(1893, 3, 31, 23, 59, 30),  # noqa: DTZ001
)
"""Clocks are changed soon afterwards."""
PIECES = (
    "0",
    "9",
    "5",
    "+",
    "-",
    ":",
    " ",
    "",
    "Z",
    "T",
    "/",
    ".",
    "x",
    "\u0661",
    "+14:00",
    "-99:00",
)


def one_by_one(
    cells: list[str | None], timestamp: Timestamp, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    with monkeypatch.context() as patch:
        patch.setattr(alike_timestamps, "_SAMPLES", 0)
        return microseconds(pa.array(cells, pa.string()), timestamp).tolist()


@given(
    st.sampled_from(sorted(WRITTEN)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(WRITTEN[name]))
    ),
    st.sampled_from(ZONES),
    st.integers(0, 10**6),
    st.sampled_from([1, 60, 1800, 3600 * 5, 86_400 * 40]),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_both_ways_agree(
    monkeypatch: pytest.MonkeyPatch, written: tuple[str, str], zone: str, seed: int, step: int
) -> None:
    timestamp = Timestamp("t", format=written[0], timezone=zone)
    random = Random(seed)
    start = random.choice(STARTS)
    cells: list[str | None] = [
        (start + timedelta(seconds=step * number, microseconds=number)).strftime(written[1])
        for number in range(60)
    ]
    for _ in range(random.randrange(8)):
        at = random.randrange(len(cells))
        cell = cells[at] or ""
        place = random.randrange(len(cell) + 1)
        piece = random.choice(PIECES)
        cells[at] = cell[:place] + piece + cell[place + random.randrange(3) :]
    cells[random.randrange(len(cells))] = None

    found = microseconds(pa.array(cells, pa.string()), timestamp).tolist()

    assert found == one_by_one(cells, timestamp, monkeypatch)


def test_a_part_of_an_array_is_read_as_such() -> None:
    cells = pa.array(["x", "2020-01-01", None, "2020-01-02", "2020-1-3", "y"]).slice(1, 4)
    days = [each // 86_400_000_000 for each in microseconds(cells, Timestamp("t")).tolist()]
    assert days[:1] + days[2:] == [18262, 18263, 18264]
    assert microseconds(cells, Timestamp("t"))[1] == NO_INSTANT


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_every_minute_of_a_year_is_that_of_its_zone(zone: str) -> None:
    first = datetime(2021, 1, 1)  # noqa: DTZ001  local
    local = [first + timedelta(minutes=7 * number) for number in range(365 * 24 * 60 // 7)]
    cells = pa.array([each.strftime("%Y-%m-%d %H:%M") for each in local])

    found = microseconds(cells, Timestamp("t", timezone=zone)).tolist()

    skipped = 0
    for each, instant in zip(local, found, strict=True):
        utc = each.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == each:
            assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant) == utc
        else:
            assert instant == NO_INSTANT
            skipped += 1
    assert skipped > 0


@pytest.mark.parametrize("cells", [[], [None], ["", ""], ["x" * 100], ["\u0662\u0660"]])
def test_what_is_no_timestamp_is_none(cells: list[str | None]) -> None:
    found = microseconds(pa.array(cells, pa.string()), Timestamp("t"))
    assert found.tolist() == [NO_INSTANT] * len(cells)
