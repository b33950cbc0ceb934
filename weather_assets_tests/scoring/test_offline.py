"""A file of rows is scored as requests are, line by line, whatever the lines hold."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.contract.schema import Contract, Label
from weather_assets.scoring import offline
from weather_assets.scoring.offline import InputError, Prediction, predict_rows
from weather_assets.scoring.package import PackageContents, build_package
from weather_assets.scoring.score import Scorer, respond
from weather_assets_tests.scoring.tiny_graph import expected_probability, write_graph

HEADER = "origin,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour"
GOOD = "JFK,39.02,26.06,59.37,270,10.5,NA,0,1012,10,2013-01-01T06:30:00Z"


@dataclass(frozen=True)
class Line:
    """A record as the pipeline's reader gives it."""

    cells: Sequence[str]
    problem: str | None = None


def predict(package: Path, *lines: str) -> list[Prediction]:
    return list(predict_rows(package, [Line(line.split(",")) for line in lines]))


def test_cells_are_scored_as_a_request_with_their_values(
    package: Path, nyc_row: dict[str, object]
) -> None:
    [prediction] = predict(package, HEADER, GOOD)
    _, answer = respond(Scorer.load(package), json.dumps({"rows": [nyc_row]}).encode())
    assert [prediction.probability] == answer["probability"]
    assert prediction.probability == pytest.approx(expected_probability(nyc_row, 6.5), abs=1e-12)
    assert prediction.problem == ""


def test_columns_are_found_by_name(package: Path) -> None:
    names, cells = HEADER.split(","), GOOD.split(",")
    shuffled = "\ufeff" + ",".join([*(f" {name.upper()} " for name in reversed(names)), "note"])
    row = ",".join([*(f" {cell}\t" for cell in reversed(cells)), "anything"])
    assert predict(package, shuffled, row) == predict(package, HEADER, GOOD)


@pytest.mark.parametrize("text", ["", "NA", "  ", " NA "])
def test_empty_cells_and_markers_are_missing(
    package: Path, nyc_row: dict[str, object], text: str
) -> None:
    [prediction] = predict(package, HEADER, GOOD.replace("39.02", text))
    expected = expected_probability({**nyc_row, "temp": None}, 6.5)
    assert prediction.probability == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("found", "put", "problem"),
    [
        ("39.02", "warm", "temp: not_a_number 'warm' (allowed: -130 to 140 degF)"),
        ("39.02", "1_0", "temp: not_a_number"),
        ("39.02", "39;02", "temp: not_a_number"),
        ("39.02", "nan", "temp: not_a_number"),
        ("39.02", "inf", "temp: not_a_number"),
        ("39.02", "0x1F", "temp: not_a_number"),
        ("39.02", "٣٩", "temp: not_a_number"),
        ("39.02", "na", "temp: not_a_number"),
        ("39.02", "1e999", "temp: out_of_bounds"),
        ("39.02", "999", "temp: out_of_bounds 999.0"),
        ("JFK", "jfk", "origin: unknown_category 'jfk' (allowed: one of EWR, JFK, LGA)"),
        ("JFK", "NA", "origin: missing_required_value"),
        ("2013-01-01T06:30:00Z", "noon", "time_hour: invalid_timestamp 'noon'"),
        ("2013-01-01T06:30:00Z", "", "time_hour: missing_required_value"),
        ("39.02,", "", "wrong_number_of_cells 10 (allowed: 11"),
        ("39.02", "39.02,1", "wrong_number_of_cells 12"),
        (GOOD, HEADER, "repeated_header"),
        ("JFK,39.02,26.06,59.37,270,10.5,NA,0,1012,10", "JFK" + 9 * ",", "no_measurement"),
    ],
)
def test_a_bad_row_has_a_problem_and_its_neighbours_a_probability(
    package: Path, found: str, put: str, problem: str
) -> None:
    before, bad, after = predict(package, HEADER, GOOD, GOOD.replace(found, put), GOOD)
    assert bad.probability is None
    assert bad.problem.startswith(problem)
    assert before == after
    assert before.probability is not None


def test_every_problem_of_a_row_is_named(package: Path) -> None:
    [prediction] = predict(package, HEADER, GOOD.replace("39.02", "x").replace("1012", "0"))
    temp, pressure = prediction.problem.split("; ")
    assert temp.startswith("temp: not_a_number")
    assert pressure.startswith("pressure: out_of_bounds")


def test_a_record_that_could_not_be_read_keeps_its_line(package: Path) -> None:
    good = Line(GOOD.split(","))
    records = [Line(HEADER.split(",")), good, Line([], "malformed_quote"), good]
    first, bad, last = predict_rows(package, records)
    assert bad == Prediction(None, "malformed_quote")
    assert first == last


@pytest.mark.parametrize("lines", [0, 1, 2, 3, 4, 7])
def test_there_is_one_prediction_per_row_in_order(
    package: Path, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "ROWS_AT_A_TIME", 3)
    rows = [GOOD.replace("39.02", "x" if n % 3 == 1 else str(n)) for n in range(lines)]
    alone = [predict(package, HEADER, row)[0] for row in rows]
    assert predict(package, HEADER, *rows) == alone


def test_columns_that_are_not_needed_may_be_absent_but_features_may_not(package: Path) -> None:
    with pytest.raises(InputError, match=r"lacks \['precip'\].*correct the header"):
        predict(package, HEADER.replace("precip", "rain"), GOOD)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "empty"),
        ([Line([], "invalid_encoding")], "invalid_encoding"),
        ([Line(["PK\x03\x04"])], "lacks"),
        ([Line([*HEADER.split(","), "Temp"])], r"names \['temp'\] more than once"),
    ],
)
def test_a_file_without_a_usable_header_is_refused_at_once(
    package: Path, records: list[Line], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        predict_rows(package, records)


def test_a_model_that_fails_on_a_row_fails_on_that_row(nyc: Contract, package: Path) -> None:
    write_graph(package / "model.onnx", nyc, poisoned=True)
    predictions = predict(package, HEADER, GOOD, GOOD.replace("39.02", "x"))
    assert [item.probability for item in predictions] == [None, None]
    assert [item.problem.split(":")[0] for item in predictions] == ["model_failure", "temp"]


def test_a_category_that_is_also_the_label_is_read_in_any_spelling(
    nyc: Contract, contents: PackageContents, tmp_path: Path
) -> None:
    sky = replace(nyc.column("origin"), name="sky", categories=("no rain", "JFK"), required=False)
    label = Label("sky", positive=("JFK",), negative=("no rain",), lead=nyc.label.lead)
    contract = replace(nyc, columns=(*nyc.columns, sky), label=label)
    write_graph(contents.graph, contract)
    build_package(tmp_path / "sky", replace(contents, contract=contract))
    cells = [f"{GOOD},{sky}" for sky in ("JFK", " jfk ", "No  RAIN", "no rain", "drizzle")]
    same, also_same, dry, also_dry, unknown = predict(tmp_path / "sky", f"{HEADER},sky", *cells)
    assert same == also_same != dry == also_dry
    assert unknown.problem.startswith("sky: unknown_category")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text(max_size=8) | st.sampled_from(GOOD.split(",")), max_size=13)))
def test_any_cells_get_a_probability_or_a_problem(
    shared_package: Path, rows: list[list[str]]
) -> None:
    records = [Line(HEADER.split(",")), *(Line(cells) for cells in rows)]
    predictions = list(predict_rows(shared_package, records))
    assert len(predictions) == len(rows)
    assert all((item.probability is None) == bool(item.problem) for item in predictions)
