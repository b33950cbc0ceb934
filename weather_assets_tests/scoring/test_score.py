"""Requests are answered with probabilities, or refused with reasons; never anything else."""

import ast
import json
import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.contract.cells import ISO8601, instant_of, timestamp_pattern, zone_of
from weather_assets.contract.schema import Contract
from weather_assets.scoring import score
from weather_assets.scoring.score import (
    MAX_BYTES,
    MAX_DETAILS,
    MAX_ROWS,
    Clock,
    Scorer,
    respond,
    served,
)
from weather_assets_tests.scoring.tiny_graph import expected_probability, write_graph

ABSENT = object()


def ask(scorer: Scorer, request: object) -> tuple[int, dict[str, Any]]:
    status, answer = respond(scorer, json.dumps(request).encode())
    return status, json.loads(json.dumps(answer, allow_nan=False))


def reasons(answer: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(item["row"], item["column"], item["reason"]) for item in answer["error"]["details"]]


def test_a_valid_row_is_answered_by_the_graph(scorer: Scorer, nyc_row: dict[str, object]) -> None:
    status, answer = ask(scorer, {"rows": [nyc_row, {**nyc_row, "origin": "LGA", "temp": -100}]})

    expected = [
        expected_probability(nyc_row, 6.5),
        expected_probability({**nyc_row, "origin": "LGA", "temp": -100}, 6.5),
    ]
    assert status == 200
    assert answer["probability"] == pytest.approx(expected, abs=1e-12)
    assert answer["event"] == [value >= 0.5 for value in expected]
    assert answer["threshold"] == 0.5
    assert answer["model"] == {"name": "rain", "version": "7"}


def test_columns_and_data_are_answered_like_rows(
    scorer: Scorer, nyc_row: dict[str, object]
) -> None:
    as_table = {"columns": list(nyc_row), "data": [list(nyc_row.values())]}
    assert ask(scorer, as_table) == ask(scorer, {"rows": [nyc_row]})


def test_absent_and_null_optional_columns_are_missing(
    scorer: Scorer, nyc_row: dict[str, object]
) -> None:
    absent = {name: value for name, value in nyc_row.items() if name != "temp"}
    status, answer = ask(scorer, {"rows": [absent, {**nyc_row, "temp": None}]})
    assert status == 200
    assert answer["probability"] == pytest.approx([expected_probability(absent, 6.5)] * 2)


def test_columns_that_are_not_read_may_come_along(
    scorer: Scorer, nyc_row: dict[str, object]
) -> None:
    extended = {**nyc_row, "year": 2013, "month": 1, "day": "x", "hour": None}
    assert ask(scorer, {"rows": [extended]}) == ask(scorer, {"rows": [nyc_row]})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "not_json"),
        (b"temp=39", 400, "not_json"),
        (b'{"rows": [', 400, "not_json"),
        (b"\xff\xfe\x00", 400, "not_json"),
        (b"[" * 100_000, 400, "not_json"),
        (b"9" * 5000, 400, "not_json"),
        (b"null", 400, "wrong_shape"),
        (b"[]", 400, "wrong_shape"),
        (b"3", 400, "wrong_shape"),
        (b'"rows"', 400, "wrong_shape"),
        (b"{}", 400, "wrong_shape"),
        (b'{"rows": {}}', 400, "wrong_shape"),
        (b'{"rows": null}', 400, "wrong_shape"),
        (b'{"rows": [1]}', 400, "wrong_shape"),
        (b'{"rows": [[39.02]]}', 400, "wrong_shape"),
        (b'{"rows": [{}], "extra": 1}', 400, "wrong_shape"),
        (b'{"columns": ["temp"]}', 400, "wrong_shape"),
        (b'{"columns": "temp", "data": [[1]]}', 400, "wrong_shape"),
        (b'{"columns": ["temp", "temp"], "data": [[1, 2]]}', 400, "wrong_shape"),
        (b'{"columns": [["temp"]], "data": [[1]]}', 400, "wrong_shape"),
        (b'{"columns": ["temp"], "data": [[1, 2]]}', 400, "wrong_shape"),
        (b'{"columns": ["temp"], "data": [1]}', 400, "wrong_shape"),
        (b'{"columns": ["temp"], "data": {"0": [1]}}', 400, "wrong_shape"),
        (b'{"rows": [{"temp": 1, "temp": 2}]}', 400, "duplicate_name"),
        (b'{"rows": []}', 400, "no_rows"),
        (b'{"columns": ["temp"], "data": []}', 400, "no_rows"),
        (b'{"rows": [' + b"{}," * MAX_ROWS + b"{}]}", 400, "too_many_rows"),
        (b'{"rows": [{"temp": 1}' + b" " * MAX_BYTES + b"]}", 413, "too_large"),
    ],
)
def test_malformed_requests_are_refused(
    scorer: Scorer, body: bytes, status: int, code: str
) -> None:
    found, answer = respond(scorer, body)
    error = answer["error"]
    assert isinstance(error, dict)
    assert (found, error["code"]) == (status, code)
    assert error["message"]
    assert len(json.dumps(answer, allow_nan=False)) < 2000


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("temp", "39", "wrong_type"),
        ("temp", True, "wrong_type"),
        ("temp", [39], "wrong_type"),
        ("temp", {"value": 39}, "wrong_type"),
        ("temp", math.nan, "not_finite"),
        ("temp", math.inf, "not_finite"),
        ("temp", -math.inf, "not_finite"),
        ("temp", 140.0000001, "out_of_bounds"),
        ("temp", -131, "out_of_bounds"),
        ("temp", 10**400, "out_of_bounds"),
        ("humid", -1e-9, "out_of_bounds"),
        ("wind_dir", 361, "out_of_bounds"),
        ("origin", "jfk", "unknown_category"),
        ("origin", "", "unknown_category"),
        ("origin", 3, "wrong_type"),
        ("origin", ["JFK"], "wrong_type"),
        ("origin", None, "missing_required_value"),
        ("origin", ABSENT, "missing_required_value"),
        ("time_hour", None, "missing_required_value"),
        ("time_hour", ABSENT, "missing_required_value"),
        ("time_hour", 1357020000, "invalid_timestamp"),
        ("time_hour", "yesterday", "invalid_timestamp"),
        ("time_hour", "2013-02-30T06:00:00Z", "invalid_timestamp"),
        ("time_hour", "2013-01-01T25:00:00Z", "invalid_timestamp"),
        ("time_hour", "2013-01-01T06:00:00+19:00", "invalid_timestamp"),
        ("Temp", 39.02, "unknown_column"),
        ("temperature", 39.02, "unknown_column"),
        ("", 39.02, "unknown_column"),
    ],
)
def test_a_bad_cell_is_refused_and_named(
    scorer: Scorer, nyc_row: dict[str, object], column: str, value: object, reason: str
) -> None:
    bad = {**nyc_row, column: value}
    if value is ABSENT:
        del bad[column]
    status, answer = ask(scorer, {"rows": [nyc_row, bad]})
    assert status == 400
    assert answer["error"]["code"] == "invalid_rows"
    assert reasons(answer) == [(1, column, reason)]
    assert answer["error"]["details"][0]["allowed"]


@pytest.mark.parametrize("name", ["temp", "pressure", "wind_dir"])
def test_the_ends_of_the_bounds_are_inside(
    scorer: Scorer, nyc: Contract, nyc_row: dict[str, object], name: str
) -> None:
    column = nyc.column(name)
    rows = [{**nyc_row, name: column.minimum}, {**nyc_row, name: column.maximum}]
    assert ask(scorer, {"rows": rows})[0] == 200


def test_a_misspelt_column_is_answered_with_a_hint(
    scorer: Scorer, nyc_row: dict[str, object]
) -> None:
    _, answer = ask(scorer, {"rows": [{**nyc_row, "presure": 1012.0, "WIND_DIR": 3}]})
    hints = {item["column"]: item["allowed"] for item in answer["error"]["details"]}
    assert "pressure" in hints["presure"]
    assert "wind_dir" in hints["WIND_DIR"]


def test_a_row_with_nothing_measured_is_refused(scorer: Scorer) -> None:
    row = {"origin": "JFK", "time_hour": "2013-01-01T06:00:00Z", "temp": None}
    status, answer = ask(scorer, {"rows": [row]})
    assert (status, reasons(answer)) == (400, [(0, "", "no_measurement")])


def test_every_problem_is_counted_and_the_first_are_listed(
    scorer: Scorer, nyc_row: dict[str, object]
) -> None:
    bad = {**nyc_row, "temp": 999, "origin": "SEA"}
    status, answer = ask(scorer, {"rows": [bad] * 300})
    assert status == 400
    assert answer["error"]["problems"] == 600
    assert len(answer["error"]["details"]) == MAX_DETAILS
    assert reasons(answer)[:2] == [(0, "origin", "unknown_category"), (0, "temp", "out_of_bounds")]


def test_long_and_unprintable_values_are_shortened(
    scorer: Scorer, nyc_row: dict[str, object]
) -> None:
    row = {**nyc_row, "origin": "J" * 10_000, "temp": 10**400, "n" * 10_000: 1}
    status, answer = ask(scorer, {"rows": [row]})
    assert status == 400
    assert len(json.dumps(answer)) < 2000


def test_an_answer_that_is_no_probability_is_an_error(
    nyc: Contract, package: Path, nyc_row: dict[str, object]
) -> None:
    write_graph(package / "model.onnx", nyc, poisoned=True)
    status, answer = ask(Scorer.load(package), {"rows": [nyc_row]})
    assert (status, answer["error"]["code"]) == (500, "model_failure")


def test_a_graph_with_other_inputs_is_not_loaded(nyc: Contract, package: Path) -> None:
    five = replace(nyc, columns=(*nyc.columns[:4], nyc.column("precip")))
    write_graph(package / "model.onnx", five)
    with pytest.raises(ValueError, match="wind_gust"):
        Scorer.load(package)


# Any JSON at all, with the names of the contract more often than chance would have them.
_names = st.sampled_from(["rows", "columns", "data", "temp", "origin", "time_hour"]) | st.text()
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | _names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=12,
)
_rows = st.lists(st.dictionaries(_names, _json, max_size=4), max_size=4).map(
    lambda rows: {"rows": rows}
)


@settings(max_examples=150, deadline=None)
@given(_json | _rows)
def test_any_json_gets_an_answer_or_a_structured_refusal(scorer: Scorer, request_: object) -> None:
    status, answer = respond(scorer, json.dumps(request_).encode())
    json.dumps(answer, allow_nan=False)
    if status != 200:
        assert status == 400
        assert set(answer["error"]) == {"code", "message", "problems", "details"}  # type: ignore[call-overload]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_get_a_structured_refusal(scorer: Scorer, body: bytes) -> None:
    status, answer = respond(scorer, body)
    assert (status, list(answer)) == (400, ["error"])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_valid_row_gets_a_probability(
    scorer: Scorer, nyc: Contract, data: st.DataObject
) -> None:
    row: dict[str, object] = {"time_hour": data.draw(st.datetimes().map(_years_1700_to_2199))}
    for column in nyc.columns:
        values: st.SearchStrategy[object] = (
            st.sampled_from(column.categories)
            if column.categories
            else st.floats(column.minimum, column.maximum)
        )
        row[column.name] = data.draw(values if column.required else st.none() | values)
    status, answer = ask(scorer, {"rows": [row]})
    if status == 200:
        assert 0 <= answer["probability"][0] <= 1
    else:
        assert reasons(answer) == [(0, "", "no_measurement")]


def _years_1700_to_2199(moment: Any) -> str:
    return moment.replace(year=1700 + moment.year % 500, day=min(moment.day, 28)).isoformat()


@pytest.mark.parametrize(
    ("text", "hour", "day"),
    [
        ("2013-01-01T00:00:00Z", 0.0, 1.0),
        ("2013-01-01T06:30:00Z", 6.5, 1 + 6.5 / 24),
        ("2013-12-31 23:59:59", 23 + 59 / 60 + 59 / 3600, 365 + (23 + 59 / 60 + 59 / 3600) / 24),
        ("2012-12-31T12:00Z", 12.0, 366.5),
        ("2013/1/2", 0.0, 2.0),
        ("2013-01-01T01:00:00+05:00", 20.0, 366 + 20 / 24),  # the evening before, in a leap year
        ("2012-12-31T20:00:00-0500", 1.0, 1 + 1 / 24),
        ("2013-01-01T00:00:01.5Z", 1.5 / 3600, 1 + 1.5 / 86400),
    ],
)
def test_time_features_are_those_of_the_contract(text: str, hour: float, day: float) -> None:
    features = ("hour_of_day", "day_of_year")
    clock = Clock("when", timestamp_pattern(ISO8601).pattern, "UTC", features, "")
    instant = clock.parse(text)
    assert instant is not None
    assert clock.measure(instant) == pytest.approx([hour, day], abs=1e-12)


def test_a_local_hour_that_daylight_saving_skips_is_no_timestamp() -> None:
    clock = Clock(
        "when", timestamp_pattern(ISO8601).pattern, "America/New_York", ("hour_of_day",), ""
    )
    assert clock.parse("2013-03-10T02:30") is None
    before, after = clock.parse("2013-03-10T01:30"), clock.parse("2013-03-10T03:30")
    assert before is not None
    assert after is not None
    assert (after - before).total_seconds() == 3600


@given(
    st.sampled_from([ISO8601, "%d.%m.%Y %H:%M", "%Y%m%d%H%M%S"]),
    st.sampled_from(["UTC", "+02:00", "-03:30", "Europe/Berlin"]),
    st.datetimes(datetime(1699, 12, 1), datetime(2200, 2, 1)),  # noqa: DTZ001  the zone is drawn
    st.sampled_from(["", "Z", "+05:30", "-1800", "+18:01", ".5", ".123456789Z", "x"]),
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("0369 :-T")), max_size=2),
)
@settings(deadline=None)
def test_a_timestamp_is_the_instant_that_the_grammar_says(
    format_: str, zone: str, moment: datetime, tail: str, errors: list[tuple[int, str]]
) -> None:
    written = "%Y-%m-%dT%H:%M:%S" if format_ == ISO8601 else format_
    text = moment.strftime(written) + tail
    for place, letter in errors:
        text = text[:place] + letter + text[place + 1 :]
    pattern = timestamp_pattern(format_)
    match = pattern.fullmatch(text)
    expected = None if match is None else instant_of(match, zone_of(zone))
    assert Clock("when", pattern.pattern, zone, (), "").parse(text) == expected


@pytest.fixture
def fresh_process() -> Iterator[None]:
    served.cache_clear()
    yield
    served.cache_clear()


@pytest.mark.usefixtures("fresh_process")
@pytest.mark.parametrize("below", ["", "rain"])
def test_the_package_is_found_in_the_model_directory(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    root = tmp_path / "models"
    shutil.copytree(package, root / below)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(root))
    assert served().signature.model == {"name": "rain", "version": "7"}


@pytest.mark.usefixtures("fresh_process")
@pytest.mark.parametrize("copies", [0, 2])
def test_no_package_or_two_stop_the_start(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copies: int
) -> None:
    root = tmp_path / "models"
    root.mkdir()
    for number in range(copies):
        shutil.copytree(package, root / str(number))
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(root))
    with pytest.raises(FileNotFoundError, match=f"found {copies}"):
        served()


def test_the_script_imports_nothing_beyond_its_environment() -> None:
    tree = ast.parse(Path(score.__file__).read_text("utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"numpy"}
