"""The benchmarks' pieces work; nothing here is timed."""

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from rich.console import Console

from weather_assets.contract.loading import builtin_contracts
from weather_assets.forecasting.data import feature_matrix
from weather_assets.scoring.score import Signature, check_rows
from weather_assets.scoring.signature import build_signature
from weather_assets_tests.benchmarks.__main__ import BENCHMARKS, main
from weather_assets_tests.benchmarks.end_to_end import compare
from weather_assets_tests.benchmarks.measurements import (
    Benchmark,
    BenchmarkError,
    BenchmarkResult,
    Measurement,
    Requirement,
)
from weather_assets_tests.benchmarks.processes import Program, run_together
from weather_assets_tests.benchmarks.product_run import ProductRun
from weather_assets_tests.benchmarks.report import Entry, print_entry, write_json
from weather_assets_tests.benchmarks.scorers import (
    FACTOR,
    LOADS,
    ONNX,
    TORCH,
    Load,
    Tally,
    raw_rows,
)
from weather_assets_tests.benchmarks.scorers import compare as compare_scorers
from weather_assets_tests.benchmarks.torch_score import TorchScorer
from weather_assets_tests.integration.arbitrary_network import (
    arbitrary_network,
    plausible_statistics,
)


def silent(_: str) -> None:
    """Shows no progress."""


def entry(result: BenchmarkResult | None, problem: str = "") -> Entry:
    benchmark = Benchmark("speed", "How fast", lambda _: BenchmarkResult(()))
    return Entry(benchmark, 12.0, 0.5, result, problem)


def test_comparison_relates_the_graph_to_the_plain_recipe() -> None:
    run = ProductRun(
        seconds=20.0,
        stage_seconds={"processed_weather": 9.0, "weather_checkpoint": 6.0},
        verdict={"outcome": "pass", "scores": {"candidate": {"roc_auc": 1.0}}},
        training={
            "samples_per_second": 90_000.0,
            "seconds": 2.0,
            "candidates": [1, 2, 3],
            "rows_stepped": 180_000,
        },
    )
    trained = {
        "samples_per_second": 200.0,
        "seconds": 100.0,
        "validation_accuracy": 0.99,
        "epochs": 10.0,
    }
    result = compare(17.0, 113.0, trained, run)
    assert [(each.value, each.met) for each in result.requirements] == [(6.5, True), (450.0, False)]
    rest = [each for each in result.measurements if each.quantity == "start and orchestration"]
    assert [(each.value, each.unit) for each in rest] == [(5.0, "s"), (25.0, "%")]


def test_both_scorers_run_the_same_network() -> None:
    contract = next(each for each in builtin_contracts() if each.name == "nyc_hourly")
    network = arbitrary_network(contract, plausible_statistics(contract))
    signature = Signature.from_dict(
        build_signature(contract, threshold=0.5, model_name="rain", model_version="1")
    )
    rows = raw_rows(contract, 30)
    readings = check_rows(signature, rows)
    columns = {column.name: [row.get(column.name) for row in rows] for column in contract.columns}
    table = pa.table({**columns, "hour_of_day": [6.0] * 30})
    expected = network.probabilities(feature_matrix(table, contract))
    answered = TorchScorer.of(signature, network).probabilities(readings)
    assert answered == pytest.approx(expected, abs=1e-12)
    assert expected.max() - expected.min() > 0.2, "a network that tells rows apart"


def test_scorers_are_compared_load_by_load() -> None:
    def tallies(milliseconds: float) -> dict[Load, Tally]:
        return {
            load: Tally([milliseconds / 1000] * 200, 200 * milliseconds / 1000, 0.1)
            for load in LOADS
        }

    result = compare_scorers({ONNX: tallies(2.0), TORCH: tallies(5.0)}, {ONNX: 1, TORCH: 2}, 1e-16)
    found = {(each.subject, each.quantity): each.value for each in result.measurements}
    load = LOADS[0]
    assert found[f"{ONNX}, {load}", "requests"] == pytest.approx(500.0)
    assert found[f"{TORCH}, {load}", "p99"] == pytest.approx(5.0)
    assert found[f"{ONNX}, {load}", "server CPU"] == pytest.approx(0.5)
    assert found[f"{FACTOR}, {load}", "requests"] == pytest.approx(2.5)
    assert found[f"{FACTOR}, {load}", "p50"] == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("value", "side", "met"),
    [
        (3.0, "at least", True),
        (2.9, "at least", False),
        (3.0, "at most", True),
        (3.1, "at most", False),
        (float("nan"), "at least", False),
        (float("nan"), "at most", False),
    ],
)
def test_requirement_is_met_on_its_side_of_the_bound(value: float, side: str, met: bool) -> None:
    assert Requirement("x", value, 3.0, side).met is met  # type: ignore[arg-type]


def test_report_holds_every_number_and_what_was_missed(tmp_path: Path) -> None:
    result = BenchmarkResult(
        measurements=(
            Measurement("ours", "time", 2.5, "s"),
            Measurement("theirs", "time", 1234.5, "s"),
            Measurement("ours", "rows", 10.0),
            Measurement("theirs", "rows", float("nan")),
        ),
        requirements=(Requirement("times faster", 4.0, 5.0),),
        notes=("on one machine",),
    )
    entries = [entry(result), entry(None, "Spark did not end within 5 s")]
    write_json(tmp_path / "bench.json", {"cores": 2}, entries)
    document = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert document["machine"] == {"cores": 2}
    assert document["met"] is False
    first, second = document["benchmarks"]
    assert [each["value"] for each in first["measurements"]] == [2.5, 1234.5, 10.0, None]
    assert first["requirements"][0]["met"] is False
    assert second["problem"] == "Spark did not end within 5 s"
    console = Console(record=True, width=120, quiet=False)
    for each in entries:
        print_entry(console, each)
    text = console.export_text()
    for shown in (
        "1,234 s",
        "2.5 s",
        "MISSED",
        "on one machine",
        "speed failed: Spark did not end",
    ):
        assert shown in text


def test_hanging_program_is_ended_and_quoted(tmp_path: Path) -> None:
    code = "import time; print('still here', flush=True); time.sleep(60)"
    program = Program("hanging", [sys.executable, "-c", code], tmp_path)
    began = time.monotonic()
    with pytest.raises(BenchmarkError, match=r"(?s)hanging did not end within 1 s.*still here"):
        run_together([program], timeout_seconds=1.0, say=silent)
    assert time.monotonic() - began < 30


def test_failing_program_ends_the_other(tmp_path: Path) -> None:
    sleeping = Program("sleeping", [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path)
    failing = Program("failing", [sys.executable, "-c", "raise SystemExit('no data')"], tmp_path)
    with pytest.raises(BenchmarkError, match=r"(?s)failing ended with exit code 1.*no data"):
        run_together([sleeping, failing], timeout_seconds=30.0, say=silent)


def test_every_benchmark_can_be_asked_for() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    for benchmark in BENCHMARKS:
        assert benchmark.name in shown.output


def test_data_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["--data", str(tmp_path)])
    assert refused.exit_code == 2
    assert "kaggle-weather-forecast.csv" in refused.output
