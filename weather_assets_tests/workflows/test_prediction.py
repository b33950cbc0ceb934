"""A file of rows is forecast row by row: a probability, or why there is none."""

import csv
import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from weather_assets.contract.schema import Contract, Label
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.files import blocks
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.files.raw_file import RawFile, RawFileError
from weather_assets.processing.pipeline import process
from weather_assets.workflows import prediction
from weather_assets.workflows.champions import Champion
from weather_assets.workflows.prediction import Predictions, predict_file
from weather_assets_tests.large_file import FAULTS, write_large_file
from weather_assets_tests.processing.files.test_plain_rows import MUTATIONS, written
from weather_assets_tests.processing.test_hostile_files import FIVE
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

Floats = npt.NDArray[np.float64]
Line = tuple[float | None, str]
"""Probability and problem."""

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


def answers(features_NF: Floats) -> Floats:
    """Stands for a network: no two rows have the same answer."""
    weights = 0.5 ** np.arange(1, features_NF.shape[1] + 1)
    return 1 / (1 + np.exp(-(np.nan_to_num(features_NF, nan=-7.0) @ weights) / 100))


def champion(contract: Contract, model: Callable[[Floats], Floats] = answers) -> Champion:
    return Champion("1", contract, model, "its double")


def read_lines(path: Path) -> list[Line]:
    with path.open(encoding="utf-8", newline="") as stream:
        header, *lines = csv.reader(stream)
    assert header == ["probability", "problem"]
    return [(float(cell) if cell else None, problem) for cell, problem in lines]


def forecast(
    file: RawFile, contract: Contract, model: Callable[[Floats], Floats] = answers
) -> list[Line]:
    target = Path(file.path).with_name("predictions.csv")
    found = predict_file(champion(contract, model), file, target)
    lines = read_lines(target)
    assert found.rows == len(lines)
    assert found.scored == sum(probability is not None for probability, _ in lines)
    assert all((probability is None) == bool(problem) for probability, problem in lines)
    return lines


def forecast_bytes(
    folder: Path, content: bytes, contract: Contract, name: str = "rows.csv"
) -> list[Line]:
    (folder / name).write_bytes(content)
    return forecast(RawFile(str(folder / name), name), contract)


def forecast_rows(folder: Path, contract: Contract, *rows: str) -> list[Line]:
    return forecast(write_csv(folder, "rows.csv", [header_of(contract), *rows]), contract)


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


def contents() -> dict[str, bytes]:
    """Returns the same rows in the ways in which raw files may be written, by the file's name."""
    rows = [header_of(UNTIMED), *untimed_rows(40), "cold,50,rain", "99,50,rain", ",50,", "20,,rain"]
    text = "".join(f"{row}\n" for row in rows)
    commas = text.replace(",", ";").replace(".", ",")
    quoted = "".join(written(row, "quoted") + "\n" for row in rows)
    return {
        "plain.csv": text.encode(),
        "crlf.csv": b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        "cr.csv": text.replace("\n", "\r").encode(),
        "tabs.csv": text.replace(",", "\t").encode(),
        "commas.csv": commas.encode(),
        "utf16.csv": commas.encode("utf-16"),
        "quoted.csv": quoted.encode(),
        "open end.csv": text.rstrip("\n").encode(),
        "PACKED.CSV.GZ": gzip.compress(text.encode()),
    }


@pytest.mark.parametrize("name", contents())
def test_rows_are_forecast_however_they_are_written(tmp_path: Path, name: str) -> None:
    expected = forecast_bytes(tmp_path, contents()["plain.csv"], UNTIMED)
    assert sum(bool(problem) for _, problem in expected) == 3
    found = forecast_bytes(tmp_path, contents()[name], UNTIMED, name)
    assert [probability for probability, _ in found] == [each for each, _ in expected]
    assert [problem.split("'")[0] for _, problem in found] == [
        problem.split("'")[0] for _, problem in expected
    ]


def test_parquet_is_forecast(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "Rain": [["no", "plain", "value"], [], None, []],  # a label, which is not read
            "humidity": [50, 50, 50, 50],
            "Temperature": [20.5, np.nan, 99.0, -3.0],
        }
    )
    frame.to_parquet(tmp_path / "rows.parquet")
    text = "Temperature,Humidity\n20.5,50\n,50\n99.0,50\n-3.0,50\n"
    expected = forecast_bytes(tmp_path, text.encode(), UNTIMED)
    found = forecast(RawFile(str(tmp_path / "rows.parquet"), "rows.parquet"), UNTIMED)
    assert [probability for probability, _ in found] == [each for each, _ in expected]
    assert found[2][1].startswith("Temperature: out_of_bounds '99")


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_no_rows_have_no_lines(tmp_path: Path, name: str) -> None:
    if name == "rows.csv":
        (tmp_path / name).write_text("Temperature,Humidity\n")
    else:
        columns = {"Temperature": pa.array([], pa.float64()), "Humidity": pa.array([], pa.int64())}
        pq.write_table(pa.table(columns), tmp_path / name)
    assert forecast(RawFile(str(tmp_path / name), name), UNTIMED) == []
    assert (tmp_path / "predictions.csv").read_bytes() == b"probability,problem\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"", "the file is empty"),
        ("rows.csv", b"<!DOCTYPE html>\n<body>404</body>\n", "is HTML or XML.*fetch the data"),
        ("rows.csv", b"PAR1....", r"is a Parquet file, not CSV text: name it \*\.parquet"),
        ("rows.csv", b"\x1f\x8b\x08....", r"gzip data, not CSV text: name it \*\.csv\.gz"),
        ("rows.csv", b"Temperature,Rain\n1,rain\n", "lacks 'Humidity'.*Found: .*Correct the"),
        ("rows.csv", b"Temperature,Humidity,humidity\n1,2,3\n", "'humidity' more than once"),
        (
            "rows.csv.gz",
            gzip.compress(b"Temperature,Humidity\n1,2\n", mtime=0)[:-9],
            "copied in part",
        ),
        ("rows.parquet", b"Temperature,Humidity\n1,2\n", "Parquet file is damaged"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_no_output(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    target = tmp_path / "predictions.csv"
    target.write_text("of yesterday")
    with pytest.raises(RawFileError, match=message):
        predict_file(champion(UNTIMED), RawFile(str(tmp_path / name), name), target)
    assert target.read_text() == "of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, target.name])


def test_a_file_that_ends_early_leaves_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines were written when it is noticed."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**14)
    monkeypatch.setattr(prediction, "_PIECE_ROWS", 100)
    packed = gzip.compress("\n".join([header_of(UNTIMED), *untimed_rows(20_000)]).encode())
    path, target = tmp_path / "rows.csv.gz", tmp_path / "predictions.csv"
    path.write_bytes(packed[: len(packed) // 2])
    answered = 0

    def counting(features_NF: Floats) -> Floats:
        nonlocal answered
        answered += len(features_NF)
        return answers(features_NF)

    with pytest.raises(RawFileError, match="copied in part"):
        predict_file(champion(UNTIMED, counting), RawFile(str(path), path.name), target)
    assert answered > 5000
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_large_file_comes_out_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.csv"
    truth = write_large_file(path, 12_000, faults=FAULTS, fault_every=7)
    file = RawFile(str(path), path.name)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**17)
    monkeypatch.setattr(prediction, "_PIECE_ROWS", 100)
    found = forecast(file, FIVE)
    assert len(found) == truth.rows
    rows = validated_rows(file, FIVE)
    features_NF = np.array([row.values[:5] for row in rows], np.float64)
    label = FIVE.label.column
    for (probability, problem), row, expected in zip(
        found, rows, answers(features_NF).tolist(), strict=True
    ):
        if row.fault is None or (row.fault[0] == label and problem == ""):
            assert probability == pytest.approx(expected, abs=1e-15)
        else:
            assert str(row.fault[1]) in problem


def test_a_file_is_read_no_faster_than_it_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = 0
    ahead: list[int] = []

    def endless(*_: object) -> Iterator[Sequence[RowBatch]]:
        for number in range(200):
            ahead.append(number - answered)
            yield [batch]

    def counting(features_NF: Floats) -> Floats:
        nonlocal answered
        answered += 1
        return answers(features_NF)

    file = write_csv(tmp_path, "rows.csv", [header_of(UNTIMED), *untimed_rows(10)])
    ((batch,),) = prediction.stream_batches(
        prediction.layout_of(prediction.read_opening(file), UNTIMED, labelled=False), UNTIMED
    )
    monkeypatch.setattr(prediction, "stream_batches", endless)
    found = predict_file(champion(UNTIMED, counting), file, tmp_path / "predictions.csv")
    assert found == Predictions(2000, 2000, ())
    assert max(ahead) < 20
