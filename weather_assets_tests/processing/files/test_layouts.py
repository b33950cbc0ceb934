"""Where columns are found in files, what of it is said, and which headers are refused."""

from pathlib import Path

import pytest

from weather_assets.processing.files.layouts import Layout, layout_of, warnings_of
from weather_assets.processing.files.raw_file import RawFile, RawFileError, read_opening
from weather_assets_tests.processing.weather_files import AHEAD, UNTIMED, layouts


def raw_file(folder: Path, content: bytes, name: str = "weather.csv") -> RawFile:
    (folder / name).write_bytes(content)
    return RawFile(str(folder / name), name)


def layout(folder: Path, content: bytes) -> Layout:
    return layouts([raw_file(folder, content)], UNTIMED)[0]


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    found = layout(tmp_path, b"\xef\xbb\xbf RAIN ,x, humidity,Temperature\r\nrain,1,2,3\r\n")

    assert found.columns == UNTIMED.header
    assert found.positions == (3, 2, 0)
    assert found.numbers == (0, 1)
    assert any(remark.endswith("left out: 'x'") for remark in found.remarks)


def test_without_its_label_a_file_needs_what_a_forecast_is_made_from(tmp_path: Path) -> None:
    opening = read_opening(raw_file(tmp_path, b"Humidity,Temperature\n1,2\n"))

    found = layout_of(opening, UNTIMED, labelled=False)

    assert found.columns == ("Temperature", "Humidity")
    assert found.positions == (1, 0)
    with pytest.raises(RawFileError, match=r"lacks 'Rain'.*need a data root of their own"):
        layout_of(opening, UNTIMED)
    with pytest.raises(RawFileError, match=r"lacks 'time', .*Correct the header"):
        layout_of(opening, AHEAD, labelled=False)


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
    remarks = layout(tmp_path, content).remarks

    assert len(remarks) == len(words), remarks
    assert all(word in remark for word, remark in zip(words, remarks, strict=True)), remarks


def test_a_remark_on_many_files_is_one_warning(tmp_path: Path) -> None:
    content = b"Temperature,Humidity,Rain\r\n1,2,rain\r\n"
    files = [raw_file(tmp_path, content, f"{number}.csv") for number in range(5)]

    (warning,) = warnings_of(layouts(files, UNTIMED))

    assert warning.startswith("0.csv, 1.csv, 2.csv and 2 more: the lines end with CRLF")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Temperature,Rain\n1,rain\n", ["lacks 'Humidity'", "'Temperature', 'Rain'"]),
        (b"Temperature,Humidity,rain,Rain \n1,2,rain,rain\n", ["rain", "more than once"]),
        (b"," * 70_000 + b"\n1\n", ["lacks 'Temperature'", "69,971 more"]),
    ],
)
def test_an_unusable_header_is_refused(tmp_path: Path, content: bytes, words: list[str]) -> None:
    with pytest.raises(RawFileError) as raised:
        layout(tmp_path, content)

    assert all(word in str(raised.value) for word in words), raised.value
