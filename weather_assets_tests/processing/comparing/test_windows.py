"""However time is divided and rows are spread over parts, the same becomes of each row."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weather_assets.processing.comparing import windows as windows_module
from weather_assets.processing.comparing.kept_results import KeptResults, make_whole
from weather_assets.processing.comparing.windows import (
    ComparedRows,
    ComparedWindow,
    KeyedPart,
    Window,
    compare,
    pieces_of,
    windows_of,
)
from weather_assets_tests.processing.comparing.test_outcomes import in_words
from weather_assets_tests.processing.row_comparison import (
    LEAD,
    ROWS_AHEAD,
    Row,
    expected_fates,
    keys_of,
)

FIXTURE = [HealthCheck.function_scoped_fixture]


def keyed(rows: Sequence[Row], folder: Path, name: str) -> KeyedPart:
    """Returns rows as a part, which sorts them by time."""
    in_time = sorted(rows, key=lambda row: row.time)
    path = folder / f"{name}.arrow"
    keys_of(in_time).save(path)
    times = [row.time for row in in_time]
    return KeyedPart(name, path, len(rows), min(times, default=0), max(times, default=0))


def compared_in(
    folder: Path, windows: Sequence[Window], parts: Sequence[KeyedPart], lead: timedelta | None
) -> list[ComparedWindow]:
    found: list[ComparedWindow] = []
    for number, window in enumerate(windows):
        compare(window, [part.path for part in parts], lead, folder / str(number))
        found.append(ComparedWindow.load(folder / str(number)))
    return found


@given(st.lists(ROWS_AHEAD, max_size=4), st.integers(1, 40), st.sampled_from([None, LEAD]))
@settings(deadline=None, suppress_health_check=FIXTURE)
def test_any_division_gives_the_same_fates(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    files: list[list[Row]],
    limit: int,
    lead: timedelta | None,
) -> None:
    folder = tmp_path_factory.mktemp("windows")
    if lead is None:  # then every valid row has a label of its own
        files = [[row._replace(event=max(0, row.event)) for row in rows] for rows in files]
    monkeypatch.setattr(windows_module, "ROWS_PER_WINDOW", limit)
    files = [sorted(rows, key=lambda row: row.time) for rows in files]
    parts = [keyed(rows, folder, str(number)) for number, rows in enumerate(files)]
    windows = windows_of(parts, lead)
    found = compared_in(folder, windows, parts, lead)

    fates = [
        np.concatenate([np.empty(0, np.int8), *(piece.fates() for piece in pieces)])
        for pieces in pieces_of(windows, found, len(parts))
    ]
    rows = [row for file in files for row in file]
    expected = expected_fates(rows, lead)
    assert [fate for part in fates for fate in in_words(part)] == expected
    assert all(earlier.end <= later.start for earlier, later in pairwise(windows))
    labelled = [(row.time, fate) for row, fate in zip(rows, expected, strict=True) if fate in "01"]
    check_rows(ComparedRows(windows, found, parts), labelled)


def check_rows(rows: ComparedRows, labelled: Sequence[tuple[int, str]]) -> None:
    """Asserts that rows without a fault are these: their times and labels."""
    times = sorted(time for time, _ in labelled)
    assert (rows.kept, rows.events) == (len(times), sum(label == "1" for _, label in labelled))
    assert [rows.instant(at) for at in range(len(times))] == times
    with pytest.raises(ValueError, match=f"there are {len(times)} rows without a fault"):
        rows.instant(len(times))
    for before in (0, 7):
        pieces = list(rows.newest_first(before))
        found = [
            (time, str(label))
            for piece in pieces[::-1]
            for time, label in zip(piece.times.tolist(), piece.events.tolist(), strict=True)
        ]
        assert [time for time, _ in found] == [time for time in times if time < before]
        assert sorted(found) == sorted(row for row in labelled if row[0] < before)
        instants = [set(piece.times.tolist()) for piece in pieces]
        assert all(instants)
        assert sum(map(len, instants)) == len(set().union(*instants))


def test_rows_that_are_added_change_the_windows_they_concern_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows_module, "ROWS_PER_WINDOW", 100)
    lead = timedelta(microseconds=10)
    rows = [Row(time, 0, time, 1, is_valid=True) for time in range(5000)]
    old = [keyed(rows[:3000], tmp_path, "a"), keyed(rows[3000:], tmp_path, "b")]
    before = {window.name(old): window for window in windows_of(old, lead)}
    more = [*old, keyed([Row(4070, 0, 1, 1, is_valid=True)], tmp_path, "c")]
    after = {window.name(more): window for window in windows_of(more, lead)}

    changed = [after[name] for name in after.keys() - before.keys()]
    assert len(after) > 40
    assert changed
    assert all(window.start <= 4070 < window.end + 10 for window in changed)
    assert all(window.row_count <= 2 * (100 + 1) for window in after.values())


def test_many_rows_of_one_instant_are_one_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows_module, "ROWS_PER_WINDOW", 5)
    part = keyed([Row(7, 0, number, 1, is_valid=True) for number in range(30)], tmp_path, "a")
    (window,) = windows_of([part], None)
    assert (window.start, window.end, window.row_count) == (7, 8, 30)


def test_another_order_of_files_is_another_window(tmp_path: Path) -> None:
    parts = [keyed([Row(1, 0, 1, 1, is_valid=True)], tmp_path, name) for name in "ab"]
    turned = parts[::-1]
    (first,), (second,) = windows_of(parts, None), windows_of(turned, None)
    assert first.name(parts) != second.name(turned)


def test_a_folder_is_whole_and_the_first_one_stays(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "x"

    def fail(staged: Path) -> None:
        (staged / "half").touch()
        raise OSError("disk full")

    def write(staged: Path) -> None:
        (staged / "file").write_text(staged.name)

    with pytest.raises(OSError, match="disk full"):
        make_whole(folder, fail)
    assert list(folder.parent.iterdir()) == []
    make_whole(folder, write)
    first = (folder / "file").read_text()
    make_whole(folder, write)
    assert list(folder.parent.iterdir()) == [folder]
    assert (folder / "file").read_text() == first


def test_what_was_asked_for_is_known(tmp_path: Path) -> None:
    results = KeptResults({"w.csv": "abc"}, lambda name: tmp_path / name)
    assert results.entry("w.csv") == tmp_path / "abc"
    assert results.folder("x") == tmp_path / "x"
    assert results.used == {"abc", "x"}
