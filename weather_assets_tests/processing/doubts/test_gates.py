"""Gates pass what is right and refuse what is wrong, with a sentence that says what to do."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from weather_assets.contract.limits import Limits
from weather_assets.contract.loading import recognise_header
from weather_assets.processing.doubts.gates import (
    evaluate_accounts,
    evaluate_bounds,
    evaluate_classes,
    evaluate_label_copies,
    evaluate_reject_ratio,
    evaluate_units,
)
from weather_assets.processing.parts.accounting import Counts, ProcessingReport

FIVE = recognise_header(
    ["Temperature", "Humidity", "Wind_Speed", "Cloud_Cover", "Pressure", "Rain"]
)
COUNTS = Counts(
    kept=190,
    rejected=10,
    rejected_by_reason={"not_a_number": 4, "split_gap": 6},
    rejected_by_column={"Humidity": 4},
    rows_by_split={"train": 160, "validation": 10, "test": 20},
    positives_by_split={"train": 6, "validation": 1, "test": 2},
    missing_by_column={},
)
REPORT = ProcessingReport(
    contract="five_column",
    contract_fingerprint="",
    files=("weather.csv",),
    rows_in=200,
    counts=COUNTS,
    missing_share={},
    warnings=(),
    seconds={},
)


def test_every_row_must_be_accounted_for() -> None:
    assert evaluate_accounts(REPORT).passed
    lost = evaluate_accounts(replace(REPORT, rows_in=201))
    assert not lost.passed
    assert "1 unaccounted for" in lost.sentence


def test_rows_set_aside_for_their_time_are_not_faulty() -> None:
    assert evaluate_reject_ratio(REPORT, Limits(reject_ratio=0.02)).passed
    strict = Limits(reject_ratio=0.019)
    refused = evaluate_reject_ratio(REPORT, strict)
    assert not refused.passed
    assert "4 of 200 rows (2.0%) are faulty, at most 1.9% may be" in refused.sentence
    explained = evaluate_reject_ratio(REPORT, strict, examples=["line 2: found 'x'"])
    assert "line 2: found 'x'" in explained.sentence
    passed = evaluate_reject_ratio(REPORT, Limits(), examples=["line 2: found 'x'"])
    assert "line 2" not in passed.sentence
    doubled = replace(COUNTS, rejected_by_reason={"duplicate_row": 90})
    assert evaluate_reject_ratio(replace(REPORT, counts=doubled), Limits()).passed


def test_rows_of_one_kind_or_too_few_are_refused() -> None:
    rainy = replace(COUNTS, positives_by_split=COUNTS.rows_by_split)
    assert "one kind" in evaluate_classes(replace(REPORT, counts=rainy), Limits()).sentence
    few = replace(REPORT, counts=replace(COUNTS, kept=99))
    assert "99 rows are too few" in evaluate_classes(few, Limits()).sentence
    assert evaluate_classes(few, Limits(minimum_rows=99)).passed


def test_the_contract_says_how_many_of_either_kind_a_split_needs() -> None:
    assert evaluate_classes(REPORT, Limits(minimum_class_rows=1)).passed
    gate = evaluate_classes(REPORT, Limits(minimum_class_rows=3))
    assert not gate.passed
    assert "validation, test would teach or show nothing with fewer than 3" in gate.sentence


def test_wrong_units_and_copies_of_the_label_are_refused() -> None:
    assert evaluate_units([]).passed
    assert evaluate_label_copies([]).passed
    assert evaluate_units(["degF"]).sentence == "degF"
    assert not evaluate_units(["degF"]).passed
    assert not evaluate_label_copies(["'Code'"]).passed


def test_a_file_without_rows_is_refused() -> None:
    empty = replace(REPORT, rows_in=0, counts=replace(COUNTS, rejected_by_reason={}))
    assert not evaluate_reject_ratio(empty, Limits()).passed


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("all_positive", [False, True])
def test_each_split_needs_both_classes(split: str, all_positive: bool) -> None:
    assert evaluate_classes(REPORT, Limits()).passed
    positives = dict(COUNTS.positives_by_split)
    positives[split] = COUNTS.rows_by_split[split] if all_positive else 0
    changed = replace(REPORT, counts=replace(COUNTS, positives_by_split=positives))
    gate = evaluate_classes(changed, Limits())
    assert not gate.passed
    assert split in gate.sentence.split("; ")[1]


@pytest.mark.parametrize(("humidity", "passes"), [(0.0, True), (100.0, True), (100.1, False)])
def test_bounds_are_read_from_what_was_written(
    tmp_path: Path, humidity: float, passes: bool
) -> None:
    table = pa.table(
        {
            "Temperature": [10.0, None],
            "Humidity": [humidity, None],
            "Wind_Speed": [1.0, 2.0],
            "Cloud_Cover": [5.0, 5.0],
            "Pressure": [1000.0, 1000.0],
            "Rain": ["rain", "rain"],
        }
    )
    pq.write_table(table, tmp_path / "part.parquet")
    gate = evaluate_bounds(tmp_path, FIVE)
    assert gate.passed is passes
    assert passes or "Humidity [100.1, 100.1] is not within [0.0, 100.0] percent" in gate.sentence
