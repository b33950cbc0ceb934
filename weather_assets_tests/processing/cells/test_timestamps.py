"""Timestamp cells against Python's own calendar."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from weather_assets.contract.columns import ContractError, Timestamp
from weather_assets.processing.cells.timestamps import NO_INSTANT, microseconds


def instants(cells: list[str], timestamp: Timestamp) -> list[datetime | None]:
    found = microseconds(pa.array(cells, pa.string()), timestamp).tolist()
    return [None if at == NO_INSTANT else datetime.fromtimestamp(at / 1e6, UTC) for at in found]


def test_iso_8601() -> None:
    expected = {
        "2013-01-01T06:00:00Z": datetime(2013, 1, 1, 6, tzinfo=UTC),
        "2012/01/31": datetime(2012, 1, 31, tzinfo=UTC),
        "2012-2-9 7:05": datetime(2012, 2, 9, 7, 5, tzinfo=UTC),
        "2012-02-29T23:59:59.25": datetime(2012, 2, 29, 23, 59, 59, 250_000, UTC),
        "2020-06-01T00:30:00+02:00": datetime(2020, 5, 31, 22, 30, tzinfo=UTC),
        "2020-06-01T00:30:00-0330": datetime(2020, 6, 1, 4, 0, tzinfo=UTC),
        "2013-02-30": None,
        "2011-02-29T00:00": None,
        "2012/01-31": None,
        "31/01/2012": None,
        "2012-01": None,
        "2012-01-01T24:00": None,
        "2012-01-01T12:60": None,
        "2012-01-01T12:00 Europe/Berlin": None,
        "T12:00": None,
        "1066-10-14": None,
        "9999-01-01": None,
        "20120131": None,
        "now": None,
    }

    found = instants(list(expected), Timestamp("t"))

    assert dict(zip(expected, found, strict=True)) == expected


def test_local_time_has_no_skipped_hour() -> None:
    timestamp = Timestamp("t", timezone="Europe/Berlin")
    cells = ["2021-03-28T01:59", "2021-03-28T02:30", "2021-03-28T03:00", "2021-07-01T12:00+00:00"]

    found = instants(cells, timestamp)

    assert found == [
        datetime(2021, 3, 28, 0, 59, tzinfo=UTC),
        None,
        datetime(2021, 3, 28, 1, 0, tzinfo=UTC),
        datetime(2021, 7, 1, 12, tzinfo=UTC),
    ]


def test_strptime_formats() -> None:
    timestamp = Timestamp("t", format="%d.%m.%Y %H h")

    found = instants(["03.02.2020 17 h", "3.2.2020 7 h", "03x02x2020 17 h"], timestamp)

    assert found == [
        datetime(2020, 2, 3, 17, tzinfo=UTC),
        datetime(2020, 2, 3, 7, tzinfo=UTC),
        None,
    ]


def test_a_zone_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ContractError, match="timestamp 't': timezone 'Atlantis' is unknown"):
        microseconds(pa.array(["2020-01-01"]), Timestamp("t", timezone="Atlantis"))


def test_a_clock_without_a_mark_has_its_full_width() -> None:
    found = instants(["1.2.2020 130", "1.2.2020 0130"], Timestamp("t", format="%d.%m.%Y %H%M"))
    assert found == [None, datetime(2020, 2, 1, 1, 30, tzinfo=UTC)]  # 13:00 or 1:30?


def test_a_year_that_no_calendar_has_is_one_bad_cell_among_good_ones() -> None:
    cells = [f"2020-01-01 00:{minute:02}" for minute in range(60)] * 5
    timestamp = Timestamp("t", timezone="Europe/Berlin")
    found = instants([*cells, "0000-01-01 00:00", "9999-12-31 23:59"], timestamp)
    assert found[-2:] == [None, None]
    assert None not in found[:-2]
