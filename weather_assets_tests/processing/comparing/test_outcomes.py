"""Duplicates, contradictions and labels that lie ahead."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from hypothesis import given

from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.validation import fault_kinds
from weather_assets.processing.comparing.outcomes import OWN_FAULT, REASONS, Fates, fates_of
from weather_assets.processing.comparing.row_keys import RowKeys
from weather_assets.processing.files.raw_file import RawFile
from weather_assets.processing.parts.timed_parts import TimedPaths, read_rows, write_rows
from weather_assets_tests.processing.row_comparison import (
    LEAD,
    ROWS,
    ROWS_AHEAD,
    Row,
    expected_fates,
    keys_of,
)
from weather_assets_tests.processing.weather_files import (
    AHEAD,
    SAME_HOUR,
    header_of,
    stamp,
    validated_batches,
    write_csv,
)

Fate = str | int | None


def fates(files: Sequence[RawFile], contract: Contract, folder: Path) -> dict[str, Fate]:
    """Returns, by file and line, the label of each valid row and the reason of each other one."""
    named = sorted(files, key=lambda file: file.name)
    parts = [
        write_rows(validated_batches(file, contract), folder, file.name, contract) for file in named
    ]
    keys = RowKeys.joined(RowKeys.mapped(TimedPaths.of(folder, part.name).keys) for part in parts)
    compared = fates_of(keys, keys, contract.label.lead).tolist()
    kinds = fault_kinds(contract)
    found: dict[str, Fate] = {}
    for file, part in zip(named, parts, strict=True):
        rows = read_rows(TimedPaths.of(folder, part.name).rows, contract, ["line", "fault"])
        own, compared = compared[: part.keyed], compared[part.keyed :]
        for row, fate in zip(
            rows.to_pylist(), [OWN_FAULT] * (part.rows - part.keyed) + own, strict=True
        ):
            kind = kinds[row["fault"]]
            assert (kind is not None) == (fate == OWN_FAULT)
            found[f"{file.name}:{row['line']}"] = kind[1] if kind else REASONS.get(fate, fate)
    assert not compared
    return found


def test_repeated_and_contradicting_rows(tmp_path: Path) -> None:
    first = [
        f"{stamp(0)},10,rain",
        f"{stamp(1)},11,rain",
        f"{stamp(2)},12,rain",
        f"{stamp(3)},-99,rain",
        "never,10,rain",
        "never,10,rain",
    ]
    second = [
        f"{stamp(1)}, 11.0 ,RAIN",  # the same values in another spelling
        f"{stamp(2)},12,no rain",
        f"{stamp(2)},12,rain",
        f"{stamp(3)},13,rain",  # its twin was invalid, and says nothing against it
    ]
    header = header_of(SAME_HOUR)
    files = [
        write_csv(tmp_path, "b.csv", [header, *second]),
        write_csv(tmp_path, "a.csv", [header, *first]),
    ]

    assert fates(files, SAME_HOUR, tmp_path) == {
        "a.csv:2": 1,
        "a.csv:3": 1,
        "a.csv:4": "contradicting_rows",
        "a.csv:5": "out_of_bounds",
        "a.csv:6": "invalid_timestamp",
        "a.csv:7": "invalid_timestamp",
        "b.csv:2": "duplicate_row",
        "b.csv:3": "contradicting_rows",
        "b.csv:4": "contradicting_rows",
        "b.csv:5": 1,
    }


def test_the_label_is_what_the_station_observes_one_lead_later(tmp_path: Path) -> None:
    expected: dict[str, Fate] = {
        f"{stamp(0)},A,1,0,0": 1,
        f"{stamp(1)},A,1,0,2.5": 0,
        f"{stamp(2)},A,1,0,0": 1,
        # An outcome counts although another cell of its row is wrong.
        f"{stamp(3)},A,99,0,0.1": "out_of_bounds",
        f"{stamp(4)},A,1,0,0": "outcome_missing",  # nothing at hour 5
        f"{stamp(6)},A,1,0,": "outcome_missing",  # the rain at hour 7 is impossible
        f"{stamp(7)},A,1,0,-1": "out_of_bounds",
        f"{stamp(8)},A,1,0,0": "outcome_missing",  # hour 9 was observed both ways
        f"{stamp(9)},A,1,0,0": "contradicting_rows",
        f"{stamp(9)},A,1,0,1": "contradicting_rows",
        f"{stamp(10)},A,1,0,0": 1,  # hour 11 contradicts itself, but not about rain
        f"{stamp(11)},A,1,0,3": "contradicting_rows",
        f"{stamp(11)},A,1,0,4": "contradicting_rows",
        # Another station's weather is no outcome.
        f"{stamp(1)},B,1,0,0": "outcome_missing",
        f"{stamp(3)},C,1,0,0": "unknown_category",
    }
    file = write_csv(tmp_path, "w.csv", [header_of(AHEAD), *expected])

    found = fates([file], AHEAD, tmp_path)

    assert [found[f"w.csv:{line}"] for line in range(2, len(expected) + 2)] == list(
        expected.values()
    )


def in_words(found: Fates) -> list[str]:
    """Returns fates as the reference gives them."""
    words = {OWN_FAULT: "own fault", 0: "0", 1: "1", **REASONS}
    return [str(words[fate]) for fate in found.tolist()]


@given(ROWS)
def test_rows_are_compared_as_one_would_by_hand(rows: list[Row]) -> None:
    assert in_words(fates_of(keys_of(rows), RowKeys.none(), None)) == expected_fates(rows, None)


@given(ROWS_AHEAD)
def test_outcomes_are_found_as_one_would_by_hand(rows: list[Row]) -> None:
    keys = keys_of(rows)
    assert in_words(fates_of(keys, keys, LEAD)) == expected_fates(rows, LEAD)


def test_a_lead_is_whole_microseconds() -> None:
    rows = [Row(0, 0, 1, 0, is_valid=True), Row(86_400_000_000, 0, 1, 1, is_valid=True)]
    keys = keys_of(rows)
    assert in_words(fates_of(keys, keys, timedelta(days=1))) == ["1", "outcome_missing"]
