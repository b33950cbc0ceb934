"""The benchmark of preparation: its programs do the same work; nothing here is timed."""

import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.processing.comparing import windows
from weather_assets.processing.files import blocks
from weather_assets_tests.benchmarks.memory import Watch
from weather_assets_tests.benchmarks.preparation import (
    DUCKDB,
    FURTHER,
    LATER,
    OURS,
    PLAIN,
    TIMED,
    Cost,
    Costs,
    check,
    judge,
    result_of,
)
from weather_assets_tests.benchmarks.preparation_plot import draw, points_of
from weather_assets_tests.benchmarks.preparation_programs import main
from weather_assets_tests.large_file import write_large_file
from weather_assets_tests.large_timed_file import CONTRACT, timed_truth, write_large_timed_file


def test_both_programs_find_what_is_in_the_file(tmp_path: Path) -> None:
    root = DataRoot.at(tmp_path / "root").create()
    raw = root.raw / "weather.csv"
    truth = write_large_file(raw, 4000, fault_every=50)
    assert truth.rejected == {"missing_label": 26, "out_of_bounds": 27, "unknown_label": 27}
    duckdb = tmp_path / "duckdb"
    duckdb.mkdir()

    main(["duckdb", str(raw), str(duckdb)])
    main(["ours", str(root.path)])

    for folder in (duckdb, root.path):
        check(folder, truth)
    assert set(result_of(root.path)["seconds"]) >= {"read_validate", "fit"}


def test_with_a_time_what_is_in_the_files_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "ROWS_PER_WINDOW", 1700)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100_000)
    root = DataRoot.at(tmp_path).create()
    root.contract_file.write_text(CONTRACT, encoding="utf-8")
    for name, first, rows in (("a.csv", 0, 7000), ("b.csv", 7000, 2000)):
        write_large_timed_file(root.raw / name, rows, first=first)
        main(["ours", str(root.path)])
        truth = timed_truth(first + rows)
        check(root.path, truth)
        assert set(truth.rejected) == {
            "duplicate_row",
            "out_of_bounds",
            "outcome_missing",
            "split_gap",
        }
        assert truth.kept + sum(truth.rejected.values()) == first + rows


def test_judgement_is_of_the_largest_file() -> None:
    seconds = {PLAIN: 60.0, OURS: 10.0, DUCKDB: 3.0, FURTHER: 2.0, TIMED: 12.0, LATER: 0.3}
    costs: Costs = {
        (name, rows): Cost(each * rows / 1e7, 2**30, 1.0)
        for rows in (10**7, 10**8)
        for name, each in seconds.items()
    }
    result = judge(costs)
    assert [(each.value, each.met) for each in result.requirements] == [
        (6.0, True),
        (pytest.approx(10 / 3), True),
        (10.0, True),
        (0.2, False),
        (10.0, True),
        (pytest.approx(0.025), True),
    ]
    costs = {key: cost for key, cost in costs.items() if key[1] < 10**8}
    assert [each.bound for each in judge(costs).requirements] == [4.0, 4.0]
    shown = {(each.subject, each.quantity): each.value for each in result.measurements}
    assert shown["this graph, 10,000,000 rows", "throughput"] == 1e6
    assert shown["1 M more rows, 10,000,000 rows", "throughput"] == 5e5


def test_memory_of_all_processes_is_seen() -> None:
    code = 'import time; held = b"x" * 300_000_000; time.sleep(1.5)'
    with Watch() as before:  # of this process, too, children may be there: a session of Spark's
        time.sleep(0.5)
    with Watch() as watch:
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert 280_000_000 <= watch.peak_bytes - before.peak_bytes < 500_000_000
    assert watch.processor_seconds > 0


def test_a_picture_shows_what_was_measured(tmp_path: Path) -> None:
    costs: Costs = {
        (name, rows): Cost(rows / 1e6, 2**30, 1.0)
        for rows in (10**6, 10**7)
        for name in (PLAIN, OURS, DUCKDB, FURTHER, TIMED, LATER)
    }
    measurements = [asdict(each) for each in judge(costs).measurements]
    document = {"benchmarks": [{"measurements": measurements}]}

    draw(document, tmp_path / "p.svg")

    assert points_of(document, "time")[OURS] == {10**6: 1.0, 10**7: 10.0}
    assert set(points_of(document, "peak memory")) == {PLAIN, OURS, TIMED, DUCKDB}
    assert OURS in (tmp_path / "p.svg").read_text(encoding="utf-8")
