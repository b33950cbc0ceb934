"""Files that cannot be read at all are refused with a message that says why and what to do."""

import gzip
from pathlib import Path

import pytest

from weather_assets.processing.files.raw_file import (
    RawFile,
    RawFileError,
    layout_of,
    layouts_of,
    warnings_of,
)
from weather_assets_tests.processing.weather_files import UNTIMED, write_csv


def raw_file(folder: Path, content: bytes, name: str = "weather.csv") -> RawFile:
    (folder / name).write_bytes(content)
    return RawFile(str(folder / name), name)


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    file = raw_file(tmp_path, b"\xef\xbb\xbf RAIN ,x, humidity,Temperature\r\nrain,1,2,3\r\n")

    layout = layout_of(file, UNTIMED)

    assert layout.positions == (3, 2, 0)
    assert layout.numbers == (0, 1)
    assert any(remark.endswith("left out: 'x'") for remark in layout.remarks)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Temperature,Humidity,Rain\n1,2,rain\n", []),
        (b"Rain,Humidity,Temperature\nrain,2,1\n", []),
        (b"\xef\xbb\xbfTemperature,Humidity,Rain\n1,2,rain\n", ["byte order mark"]),
        (b"Temperature,Humidity,Rain\r\n1,2,rain\r\n", ["CRLF"]),
        (b"Temperature,Humidity,Rain\r1,2,rain\r", ["CR alone"]),
        (b"Temperature;Humidity;Rain\n1;2;rain\n", ["';'"]),
        (b"Temperature;Humidity;Rain\n1,5;2;rain\n", ["';'", "decimal comma"]),
        (b'Temperature,Humidity,Rain\n"1,5","2","rain"\n', ["decimal comma", "in quotes"]),
        (b'Temperature,Humidity,Rain\n"1",2,rain\n', ["in quotes"]),
        (b'Temperature,Humidity,Rain\n1,2,"rain"\n', []),
        ('Temperature,Humidity,Rain\n"\uff11",2,rain\n'.encode(), []),  # no digit
        (b" TEMPERATURE,Humidity,Rain\n1,2,rain\n", ["' TEMPERATURE' as 'Temperature'"]),
        (b"Temperature,Humidity,Rain,,\n1,2,rain,,\n", ["without a name were left out: 2"]),
        (b"Temperature,Humidity,Rain,\x1b[2J\n1,2,rain,\n", [r"'\x1b[2J'"]),
        ("Temperature;Humidity;Rain\n1;2;rain\n".encode("utf-16"), ["UTF-16", "';'"]),
    ],
)
def test_what_is_mended_is_said_and_nothing_else(
    tmp_path: Path, content: bytes, words: list[str]
) -> None:
    remarks = layout_of(raw_file(tmp_path, content), UNTIMED).remarks

    assert len(remarks) == len(words), remarks
    assert all(word in remark for word, remark in zip(words, remarks, strict=True)), remarks


def test_a_remark_on_many_files_is_one_warning(tmp_path: Path) -> None:
    content = b"Temperature,Humidity,Rain\r\n1,2,rain\r\n"
    files = [raw_file(tmp_path, content, f"{number}.csv") for number in range(5)]

    (warning,) = warnings_of(layouts_of(files, UNTIMED))

    assert warning.startswith("0.csv, 1.csv, 2.csv and 2 more: the lines end with CRLF")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["weather.csv", "empty"]),
        (b"\n \n", ["weather.csv", "empty"]),
        (b"\xef\xbb\xbf", ["weather.csv", "empty"]),
        (b"Temperature,Humidity,Rain\n\n", ["weather.csv", "no rows"]),
        (b"Temperature,Rain\n1,rain\n", ["lacks 'Humidity'", "'Temperature', 'Rain'"]),
        (b"Temperature,Humidity,rain,Rain \n1,2,rain,rain\n", ["rain", "more than once"]),
        (b"PK\x03\x04\xff\xfe\n1\n", ["weather.csv is a zip archive", "extract"]),
        ("Temperature,Humidity,Rain\n1,2,rain".encode("utf-16-le"), ["UTF-16", "save it"]),
        ("Temperature,Humidity,Regen,\xe4\n1,2,r\n".encode("latin-1"), ["line 1", "UTF-8"]),
        (b"<html><body>404</body></html>\n<p>\n", ["HTML", "<html>", "fetch"]),
        (b"\xff" * 70_000, ["line 1", "UTF-8"]),
        (b"," * 70_000 + b"\n1\n", ["lacks 'Temperature'", "69,971 more"]),
        (b"x" * 3_000_000, ["line 1", "record_too_long"]),
        (b'"Temperature,Humidity,Rain\n1,2,rain\n', ["line 1", "unterminated_quote"]),
    ],
)
def test_an_unusable_file_is_refused(tmp_path: Path, content: bytes, words: list[str]) -> None:
    with pytest.raises(RawFileError) as raised:
        layout_of(raw_file(tmp_path, content), UNTIMED)

    assert all(word in str(raised.value) for word in words), raised.value


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RawFileError, match=r"gone\.csv"):
        layout_of(RawFile(str(tmp_path / "gone.csv"), "gone.csv"), UNTIMED)


def test_no_files_and_equal_names_are_refused(tmp_path: Path) -> None:
    file = write_csv(tmp_path, "a.csv", ["Temperature,Humidity,Rain", "1,2,rain"])

    with pytest.raises(RawFileError, match="no raw file"):
        layouts_of([], UNTIMED)
    with pytest.raises(RawFileError, match="different names"):
        layouts_of([file, file], UNTIMED)


def test_a_file_that_is_no_gzip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RawFileError, match="damaged"):
        layout_of(raw_file(tmp_path, b"Temperature,Humidity,Rain\n", "w.csv.gz"), UNTIMED)


def test_gzip_is_read(tmp_path: Path) -> None:
    file = raw_file(tmp_path, gzip.compress(b"Temperature,Humidity,Rain\n1,2,rain\n"), "w.csv.gz")

    assert layout_of(file, UNTIMED).positions == (0, 1, 2)
