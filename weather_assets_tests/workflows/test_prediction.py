"""A file of rows is forecast row by row: a probability, or why there is none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from weather_assets.contract.schema import Contract, Label
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.files.raw_file import RawFile, RawFileError
from weather_assets.processing.pipeline import process
from weather_assets.workflows import prediction
from weather_assets.workflows.prediction import predict_file
from weather_assets_tests.processing.files.test_plain_rows import MUTATIONS, written
from weather_assets_tests.processing.weather_files import (
    AHEAD,
    SAME_HOUR,
    UNTIMED,
    ahead_rows,
    header_of,
    layouts,
    stamp,
    untimed_rows,
    validated_rows,
    write_csv,
)
from weather_assets_tests.workflows.forecasts import Floats, champion, forecast, forecast_rows

OF_LABELS = {Reason.UNKNOWN_LABEL, Reason.MISSING_LABEL}
OF_OTHER_ROWS = {
    Reason.CONTRADICTING_ROWS,
    Reason.DUPLICATE_ROW,
    Reason.OUTCOME_MISSING,
    Reason.SPLIT_GAP,
}


DOUBTFUL_ROWS = {
    "ahead": [
        f"{stamp(1)},A,,NA,",  # nothing measured
        f"{stamp(2)},C,20,0,0",
        f"{stamp(3)},,20,0,0",
        f"{stamp(4)},B,20,361,0",
        ",A,20,0,0",
    ],
    "untimed": ["20,,rain", "-91,50,rain", "20,50,hail", "20,50,", "x,50,hail", ",,"],
}


def no_spark() -> SparkSession:
    raise AssertionError("small files need no session")


@pytest.mark.parametrize("way", ["plain", "quoted", "commas"])
@pytest.mark.parametrize("contract", [AHEAD, UNTIMED], ids=lambda contract: contract.name)
@given(seed=st.integers(0, 99), mutations=MUTATIONS, ends=st.sampled_from(["\n", "\r\n"]))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_row_has_the_problem_for_which_processing_sets_it_aside(
    tmp_path_factory: pytest.TempPathFactory,
    contract: Contract,
    way: str,
    seed: int,
    mutations: list[tuple[int, int, str]],
    ends: str,
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    rows = ahead_rows(6, seed) if contract is AHEAD else untimed_rows(12, seed)
    rows += DOUBTFUL_ROWS[contract.name]
    text = "".join(written(row, way) + ends for row in rows)
    for position, length, piece in mutations:
        at = position % (len(text) + 1)
        text = text[:at] + piece + text[at + length :]
    path = folder / "rows.csv"
    path.write_text(written(header_of(contract), way) + ends + text, encoding="utf-8", newline="")
    file = RawFile(str(path), path.name)

    try:
        process(no_spark, layouts([file], contract), contract, folder / "version")
    except RawFileError:
        with pytest.raises(RawFileError):
            predict_file(champion(contract), file, folder / "predictions.csv")
        return
    rejected = {
        row["line"]: (row["column"], row["reason"])
        for row in pq.read_table(folder / "version" / "rejected.parquet").to_pylist()
    }
    expected = [rejected.get(row.line) for row in validated_rows(file, contract)]

    found = forecast(file, contract)

    assert len(found) == len(expected)
    for (_, problem), fault in zip(found, expected, strict=True):
        if fault is None or fault[1] in OF_OTHER_ROWS:
            assert not problem
        elif fault[1] in OF_LABELS:  # which comes before this one
            assert not problem or problem.startswith(Reason.NO_MEASUREMENT)
        else:
            claim = fault[1] if fault[0] is None else f"{fault[0]}: {fault[1]}"
            assert problem.split(" (")[0].startswith(claim)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("warm,50,rain", "Temperature: not_a_number 'warm' (allowed: plain numbers from -90 to"),
        ("99.5,50,rain", "Temperature: out_of_bounds '99.5' (allowed: plain numbers from -90 to"),
        ("20,NA,rain", "Humidity: missing_required_value 'NA' (allowed: plain numbers from 0 to"),
        ("20,50", "wrong_number_of_cells 2 (allowed: 3, as in the header)"),
        ("TEMPERATURE,humidity,Rain", "repeated_header"),
        ('20,"50,rain', "unterminated_quote"),
        ("20,50,ra\0in", "nul_byte"),
    ],
)
def test_a_bad_row_has_a_problem_and_its_neighbours_a_probability(
    tmp_path: Path, row: str, problem: str
) -> None:
    good = "20,50,rain"
    before, bad, after = forecast_rows(tmp_path, UNTIMED, good, row, good)
    assert bad[0] is None
    assert bad[1].startswith(problem)
    assert before == after
    assert before[0] is not None


def test_what_stands_in_a_cell_cannot_break_the_output(tmp_path: Path) -> None:
    hostile = 'a"",\x1b[2J\n' + "x" * 200
    ((_, problem),) = forecast_rows(tmp_path, UNTIMED, f'"{hostile}",50,rain')
    assert r"not_a_number 'a\",\x1b[2J\n" in problem.replace('"', '\\"')
    assert len(problem) < 200


@pytest.mark.parametrize("label", ["rain", "", "drizzle", "0.5"])
def test_a_label_is_not_read(tmp_path: Path, label: str) -> None:
    rows = untimed_rows(5)
    bare = [row.rpartition(",")[0] for row in rows]
    without = write_csv(tmp_path, "bare.csv", ["Temperature,Humidity", *bare])
    expected = forecast(without, UNTIMED)
    assert all(probability is not None for probability, _ in expected)
    assert forecast_rows(tmp_path, UNTIMED, *(f"{row},{label}" for row in bare)) == expected


def test_what_other_rows_say_does_not_matter(tmp_path: Path) -> None:
    rows = ahead_rows(3)
    alone = [forecast_rows(tmp_path, AHEAD, row)[0] for row in rows]
    contradicting = [row.replace(",0", ",1") for row in rows[:2]]
    found = forecast_rows(tmp_path, AHEAD, *rows, *rows, *contradicting)
    assert found[: len(rows)] == found[len(rows) : 2 * len(rows)] == alone
    assert not any(problem for _, problem in found)


def test_columns_that_no_forecast_is_made_from_are_not_read(tmp_path: Path) -> None:
    """Here the time is none either: `SAME_HOUR` compares rows by it, and takes no feature of it."""
    expected = forecast(write_csv(tmp_path, "rows.csv", ["temp", "20", "NA", "x"]), SAME_HOUR)
    assert [problem.split(" ")[0] for _, problem in expected] == ["", "temp:", "temp:"]
    assert forecast_rows(tmp_path, SAME_HOUR, "noon,20,", "never,NA,?", ",x,") == expected


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_lines_of_blanks_are_no_rows_even_with_one_column(tmp_path: Path, blank: str) -> None:
    lines = ["temp", "20", blank, '""', "30"]
    first, empty, last = forecast(write_csv(tmp_path, "rows.csv", lines), SAME_HOUR)
    assert empty == (None, "no_measurement (allowed: at least one measurement)")
    assert first[0] is not None
    assert last[0] is not None


def test_a_category_that_is_also_the_label_is_a_feature_like_others(tmp_path: Path) -> None:
    sky = replace(AHEAD.column("station"), name="sky", categories=("No rain", "Rain", "Fog"))
    columns = (*AHEAD.columns[:3], replace(sky, required=False))
    label = Label("sky", positive=("Rain",), negative=("No rain",), lead=AHEAD.label.lead)
    contract = replace(AHEAD, columns=columns, label=label)
    rows = [
        f"2020-01-01,A,20,0,{sky}" for sky in ("Rain", " RAIN", "no  rain", "No rain", "Fog", "?")
    ]
    rain, also_rain, dry, also_dry, fog, unknown = forecast_rows(tmp_path, contract, *rows)
    assert rain == also_rain
    assert dry == also_dry
    assert len({rain[0], dry[0], fog[0]} - {None}) == 3  # fog is no label, but a value
    assert unknown[1].startswith("sky: unknown_category '?' (allowed: 'No rain', 'Rain', 'Fog')")


def test_a_model_that_fails_on_a_row_fails_on_that_row(tmp_path: Path) -> None:
    def failing(features_NF: Floats) -> Floats:
        return np.where(features_NF[:, 0] > 20, features_NF[:, 0], 0.5)

    file = write_csv(tmp_path, "rows.csv", ["Temperature,Humidity", "10,50", "30,50", "x,50"])
    sound, failed, bad = forecast(file, UNTIMED, failing)
    assert sound == (0.5, "")
    assert failed == (None, prediction.MODEL_FAILURE)
    assert bad[1].startswith("Temperature: not_a_number")
