"""What is wrong with a row, cell by cell."""

from pathlib import Path

from weather_assets.contract.columns import Column, Kind
from weather_assets.contract.schema import Contract, Label, Split, SplitMethod
from weather_assets_tests.processing.weather_files import (
    UNTIMED,
    ValidatedRow,
    validated_rows,
    write_csv,
)


def validated(folder: Path, contract: Contract, lines: list[str]) -> list[ValidatedRow]:
    return validated_rows(write_csv(folder, "weather.csv", lines), contract)


def test_each_fault_has_its_reason_and_column(tmp_path: Path) -> None:
    expected = {
        "20.5,50,rain": None,
        "-0.0,5e1,no rain": None,
        " 1. , +.5 ,  No \u00a0 RAIN ": None,
        '"20","50","rain"': None,
        "NA,50,rain": None,
        '"1,234",50,rain': ("Temperature", "not_a_number"),
        "12 C,50,rain": ("Temperature", "not_a_number"),
        "NaN,50,rain": ("Temperature", "not_a_number"),
        "inf,50,rain": ("Temperature", "not_a_number"),
        "-Infinity,50,rain": ("Temperature", "not_a_number"),
        "0x1F,50,rain": ("Temperature", "not_a_number"),
        "1d,50,rain": ("Temperature", "not_a_number"),
        "1f,50,rain": ("Temperature", "not_a_number"),
        "1e,50,rain": ("Temperature", "not_a_number"),
        "--1,50,rain": ("Temperature", "not_a_number"),
        "\u0661,50,rain": ("Temperature", "not_a_number"),
        "1e999,50,rain": ("Temperature", "out_of_bounds"),
        "60.01,50,rain": ("Temperature", "out_of_bounds"),
        "-90,100,rain": None,
        "20,100.001,rain": ("Humidity", "out_of_bounds"),
        "99,xx,maybe": ("Temperature", "out_of_bounds"),
        "20,,rain": ("Humidity", "missing_required_value"),
        "20,50,": ("Rain", "missing_label"),
        "20,50,NA": ("Rain", "missing_label"),
        "20,50,drizzle": ("Rain", "unknown_label"),
        "20,50": (None, "wrong_number_of_cells"),
        "20,50,rain,": (None, "wrong_number_of_cells"),
        " temperature,HUMIDITY,rain": (None, "repeated_header"),
        "20,50,ra\0in": (None, "nul_byte"),
        '20,50,"rain': (None, "unterminated_quote"),
    }

    rows = validated(tmp_path, UNTIMED, ["Temperature,Humidity,Rain", *expected])

    assert {row.raw: row.fault for row in rows} == expected
    assert [row.line for row in rows] == list(range(2, len(expected) + 2))


def test_values_are_canonical(tmp_path: Path) -> None:
    lines = [
        "Temperature,Humidity,Rain",
        "-0.0,1e1,RAIN",
        " 0,10.0,rain",
        "NA,10,rain",
        "10,0,rain",
    ]

    first, second, *others = validated(tmp_path, UNTIMED, lines)

    assert (first.values, first.event) == ((0.0, 10.0, "rain"), 1)
    assert first.row_hash == second.row_hash
    assert len({row.row_hash for row in (first, *others)}) == 3


def test_categories_bounds_and_empty_rows(tmp_path: Path) -> None:
    contract = Contract(
        name="kinds",
        title="a category that is also the label",
        columns=(
            Column("sky`s", "sky", kind=Kind.CATEGORY, categories=("clear", "it's \\ grey")),
            Column("wind", "wind_from_direction", "degree", Kind.CIRCULAR, 0, 360, 360),
            Column("rain", "precipitation_amount", "mm", minimum=0, maximum=9, feature=False),
        ),
        label=Label("rain", threshold=0.25),
        split=Split(SplitMethod.HASH),
    )
    expected = {
        "clear,360,0.25": (None, 0),
        "it's \\ grey,0,0.26": (None, 1),
        "Clear,1,1": (("sky`s", "unknown_category"), 1),
        "clear,361,1": (("wind", "out_of_bounds"), 1),
        "clear,361,10": (("wind", "out_of_bounds"), None),
        ",,1": ((None, "no_measurement"), 1),
        ",5,": (("rain", "missing_label"), None),
        ",5,1": (None, 1),
    }

    rows = validated(tmp_path, contract, ["sky`s,wind,rain", *expected])

    assert {row.raw: (row.fault, row.event) for row in rows} == expected
