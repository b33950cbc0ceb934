"""Tests are dealt out by file, Spark's together, and long ones come first."""

from pathlib import Path

import pytest

from weather_assets_tests.distribution import LONGEST, TESTS, WITH_SPARK, in_order, work_unit

ROOT = Path(__file__).resolve().parents[1]


def test_every_file_that_is_named_is_there() -> None:
    assert [
        name for name in sorted({*LONGEST, *WITH_SPARK}) if not (ROOT / TESTS / name).exists()
    ] == []


def test_whoever_uses_the_shared_spark_session_is_with_the_others(
    request: pytest.FixtureRequest,
) -> None:
    items = [each for each in request.session.items if isinstance(each, pytest.Function)]
    units = {work_unit(each.nodeid) for each in items if "spark" in each.fixturenames}
    assert units <= {"spark"}


def test_a_file_and_all_of_spark_stay_together() -> None:
    together = [
        f"{TESTS}/processing/cells/test_hashing.py::test_a",
        f"{TESTS}/processing/test_pipeline.py::TestB::test_c[x::y]",
        f"{TESTS}/adapters/test_spark_session.py::test_d",
    ]
    assert {work_unit(each) for each in together} == {"spark"}
    alone = f"{TESTS}/adapters/ranks/test_gang.py"
    assert {work_unit(f"{alone}::test_{name}") for name in "ab"} == {alone}
    assert work_unit("elsewhere/processing/test_fitting.py::test_a").startswith("elsewhere")


def test_long_files_come_first_and_nothing_else_moves() -> None:
    files = ["contract/test_schema.py", LONGEST[-1], "rollout/test_journal.py", LONGEST[0]]
    node_ids = [f"{TESTS}/{file}::test_{name}" for file in files for name in "ab"]
    assert in_order(node_ids) == [6, 7, 2, 3, 0, 1, 4, 5]
