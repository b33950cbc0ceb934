"""Rejected rows are explained: where, what was found, what is allowed, what to do."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from weather_assets.processing.doubts.explanations import examples_of, numbers_out_of_bounds
from weather_assets.processing.files.raw_file import RawFile
from weather_assets_tests.processing.weather_files import UNTIMED, layouts

ROWS = [
    ("w.csv", 2, "Rain", "unknown_label", "1;2;snow"),
    ("w.csv", 3, "Rain", "unknown_label", "1;2;\x1b[31m"),
    ("w.csv", 5, "Rain", "unknown_label", "1;2; snow "),
    ("w.csv", 6, None, "wrong_number_of_cells", "1;2"),
    ("w.csv", 7, "Temperature", "out_of_bounds", '"99,5";2;rain'),
    ("w.csv", 8, None, "split_gap", "1;2;rain"),
]


def rejected(folder: Path) -> Path:
    columns = list(zip(*ROWS, strict=True))
    names = ["file", "line", "column", "reason", "raw"]
    (folder / "rejected.parquet").mkdir()
    table = pa.table(dict(zip(names, map(list, columns), strict=True)))
    pq.write_table(table, folder / "rejected.parquet" / "part.parquet")
    return folder / "rejected.parquet"


def test_the_first_row_of_each_kind_is_shown(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_bytes(b"Temperature;Humidity;Rain\n1,5;2;rain\n")
    found = layouts([RawFile(str(tmp_path / "w.csv"), "w.csv")], UNTIMED)
    folder = rejected(tmp_path)

    label, shape, bounds = [example.sentence(UNTIMED) for example in examples_of(folder, found)]

    assert label.startswith(
        r"unknown_label: w.csv line 2, column 'Rain': found 'snow', '\x1b[31m'; "
        "allowed 'rain', 'no rain'; "
    )
    assert "contract.toml" in label
    assert shape.startswith("wrong_number_of_cells: w.csv line 6: found '1;2'; divide rows")
    assert "found '99,5'; allowed plain numbers from -90 to 60 degC; correct" in bounds
    assert numbers_out_of_bounds(folder, found) == {"Temperature": [99.5]}
