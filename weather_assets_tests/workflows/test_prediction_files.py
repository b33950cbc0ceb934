"""Rows are forecast in any file that processing reads; one that it cannot read leaves nothing."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from weather_assets.processing.files import blocks
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.files.raw_file import RawFile, RawFileError
from weather_assets.workflows import prediction
from weather_assets.workflows.prediction import Predictions, predict_file
from weather_assets_tests.large_file import FAULTS, write_large_file
from weather_assets_tests.processing.files.test_plain_rows import written
from weather_assets_tests.processing.test_hostile_files import FIVE
from weather_assets_tests.processing.weather_files import (
    UNTIMED,
    header_of,
    untimed_rows,
    validated_rows,
    write_csv,
)
from weather_assets_tests.workflows.forecasts import (
    Floats,
    answers,
    champion,
    forecast,
    forecast_bytes,
)


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
