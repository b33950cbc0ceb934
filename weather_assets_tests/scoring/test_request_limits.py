"""What a request may cost is bounded before it is parsed, and what is useful stays allowed."""

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from weather_assets.scoring.score import MAX_BYTES, MAX_ROWS, Scorer, respond

MEBIBYTE = 2**20


def rows_of(row: bytes) -> bytes:
    """As many as fit into the largest body."""
    return b'{"rows":[' + b",".join([row] * ((MAX_BYTES - 20) // (len(row) + 1))) + b"]}"


def names(count: int, width: int = 0) -> bytes:
    return b"{" + b",".join(b'"%0*d":1' % (width, number) for number in range(count)) + b"}"


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "rows of one column": (lambda: rows_of(b'{"temp":1}'), "too_many_rows"),
    "rows of one short name": (lambda: rows_of(b'{"a":1}'), "too_many_rows"),
    "empty rows": (lambda: rows_of(b"{}"), "too_many_rows"),
    "empty lists": (lambda: rows_of(b"[]"), "too_many_rows"),
    "closing brackets": (lambda: b"}" * MAX_BYTES, "too_many_rows"),
    "lists of one cell": (
        lambda: b'{"columns":["temp"],"data":' + rows_of(b"[1]")[8:-MEBIBYTE] + b"]}",
        "too_many_rows",
    ),
    "one list of numbers": (lambda: b'{"rows":[' + b"1," * 8_000_000 + b"1]}", "too_large"),
    "many lists of numbers": (lambda: rows_of(b"[" + b"1.5," * 60_000 + b"1]"), "too_many_rows"),
    "commas": (lambda: b"," * MAX_BYTES, "too_large"),
    "one row of many names": (lambda: b'{"rows":[' + names(1_000_000) + b"]}", "too_large"),
    "rows of many names": (lambda: rows_of(names(20_000)), "too_many_rows"),
    "rows of other names each": (
        lambda: (
            b'{"rows":[' + b",".join(b'{"%d":1,"%d":2}' % (n, -n) for n in range(1, 9_000)) + b"]}"
        ),
        "too_many_names",
    ),
    "one row of some thousand long names": (
        lambda: b'{"rows":[' + names(2_000, width=100) + b"]}",
        "too_many_names",
    ),
    "depth": (lambda: b"[" * MAX_BYTES, "too_large"),
    "less depth": (lambda: b"[" * 50_000, "not_json"),
    "depth again and again": (lambda: rows_of(b"[" * 30 + b"]" * 30), "too_many_rows"),
    "a long text": (lambda: b'{"rows":[{"day":"' + b"x" * 16_000_000 + b'"}]}', "too_large"),
    "a long text of escapes": (lambda: b'{"rows":[{"day":"' + b"\\n" * 8_000_000, "too_large"),
    "a long number": (lambda: b"9" * MAX_BYTES, "too_large"),
    "nothing but space": (lambda: b" " * MAX_BYTES, "too_large"),
    "more bytes": (lambda: b" " * (MAX_BYTES + 1), "too_large"),
    "wide text": (
        lambda: rows_of(b'{"day":"' + "\U0001f327".encode() + b"x" * 2_000 + b'"}'),
        "too_large",
    ),
    "no text": (lambda: rows_of(b'{"day":"' + b"\xff" * 2_000 + b'"}'), "not_json"),
}


def answered(scorer: Scorer, body: bytes) -> tuple[int, dict[str, Any]]:
    status, answer = respond(scorer, body)
    return status, dict(answer)


def answered_in_little_memory(scorer: Scorer, body: bytes) -> tuple[int, dict[str, Any]]:
    tracemalloc.start()
    try:
        found = answered(scorer, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50 * MEBIBYTE
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_cost_much_is_refused_before_it_does(scorer: Scorer, name: str) -> None:
    make, code = HOSTILE[name]
    body = make()
    assert len(body) <= MAX_BYTES + 1
    status, answer = answered_in_little_memory(scorer, body)
    assert (status, answer["error"]["code"]) == (413 if code == "too_large" else 400, code)
    assert len(json.dumps(answer)) < 2_000


def test_problems_beyond_those_listed_are_counted_and_not_kept(
    scorer: Scorer, nyc_row: dict[str, object]
) -> None:
    bad = dict.fromkeys(nyc_row, "x" * 40)
    body = json.dumps({"rows": [bad] * MAX_ROWS}).encode()
    status, answer = answered_in_little_memory(scorer, body)
    assert (status, answer["error"]["problems"]) == (400, MAX_ROWS * len(nyc_row))


@pytest.mark.parametrize("spelling", [{}, {"indent": 8}, {"ensure_ascii": False}])
def test_the_largest_request_is_answered_however_it_is_spelt(
    scorer: Scorer, nyc_row: dict[str, object], spelling: dict[str, Any]
) -> None:
    # What is not read may have commas and brackets in it.
    row = {**nyc_row, "year": "rain, heavy; [sic]", "day": "é", "hour": 1}
    for request in (
        {"rows": [row] * MAX_ROWS},
        {"columns": list(row), "data": [list(row.values())] * MAX_ROWS},
    ):
        status, answer = answered(scorer, json.dumps(request, **spelling).encode())
        assert (status, len(answer.get("probability", ()))) == (200, MAX_ROWS)
