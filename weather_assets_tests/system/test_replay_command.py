"""`weather-assets replay`: the real graph at each tick, in data roots that are gone afterwards."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.tracking.model_registry import REPLAYS
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.benchmarks.skill import SAMPLES
from weather_assets_tests.integration.served_endpoint import QUICK


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    root = DataRoot.at(tmp_path / "data").create()
    with gzip.open(SAMPLES / "seattle-daily.csv.gz") as sample:
        (root.raw / "weather.csv").write_bytes(sample.read())
    return root


def _replay(root: DataRoot, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "weather_assets", "replay", "--data", str(root.path), *words]
    return subprocess.run(
        command,
        env={**os.environ, **QUICK},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )


def test_each_policy_is_lived_through_and_nothing_is_left(root: DataRoot, tmp_path: Path) -> None:
    steps = tmp_path / "steps.json"
    times = ("--from", "2015-01-01", "--to", "2015-12-31", "--step", "20w")
    policies = ("--policy", "every", "--policy", "once", "--policy", "lost_skill")
    page = tmp_path / "page.html"
    said = _replay(
        root, *times, *policies, "--seed", "7", "--json", str(steps), "--html", str(page)
    )
    assert said.returncode == 0, said.stderr
    lived = {name: lives["7"] for name, lives in json.loads(steps.read_text()).items()}
    retrained = {name: [each["outcome"] != "" for each in done] for name, done in lived.items()}
    once = [True, False, False]
    assert retrained == {"every": [True, True, True], "once": once, "lost_skill": once}
    assert lived["every"][0]["version"] == lived["once"][0]["version"] == "1"
    assert lived["every"][0]["squared_error"] == lived["once"][0]["squared_error"]
    assert sum(each["rows"] for each in lived["every"]) == 363  # two outcomes are not known yet
    assert "skill" in said.stdout
    assert not list(root.registry.iterdir())
    assert "<td>lost_skill</td>" in page.read_text()
    client = MlflowClient(root.tracking_uri)
    experiment = client.get_experiment_by_name(REPLAYS)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.run_name for run in runs} == {f"{name}, seed 7" for name in lived}
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_signal_ends_it_between_two_ticks_and_within_one(root: DataRoot, tmp_path: Path) -> None:
    scratch = tmp_path / "t"
    scratch.mkdir()
    command = [sys.executable, "-m", "weather_assets", "replay", "--data", str(root.path)]
    process = subprocess.Popen(
        [*command, "--from", "2013-06-01", "--policy", "every"],
        env={**os.environ, **QUICK, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "every, " in process.stdout.readline()
    family = psutil.Process(process.pid)
    wait_until(lambda: family.children(recursive=True), 120, "ranks", pause_seconds=0.05)
    ranks = family.children(recursive=True)
    process.send_signal(signal.SIGTERM)
    said, why = process.communicate(timeout=60)
    assert process.returncode == 1, why
    assert "skill" not in said
    _, left = psutil.wait_procs(ranks, timeout=30)
    assert left == []
    assert list(scratch.iterdir()) == []


def test_where_every_retraining_fails_it_says_why_and_there_is_no_skill(root: DataRoot) -> None:
    done = _replay(root, "--from", "2012-02-01", "--to", "2012-02-09", "--policy", "once")
    assert done.returncode == 1
    assert "rows are too few to train on" in done.stderr
    assert "once: every retraining failed" in done.stderr
    assert "none" in done.stdout
    assert "+0.000" not in done.stdout
    assert "Traceback" not in done.stderr


def test_what_cannot_be_lived_through_is_refused(root: DataRoot) -> None:
    done = _replay(root, "--from", "2030-01-01")
    assert done.returncode == 2
    assert "there must be some of both" in done.stderr
    assert "Traceback" not in done.stderr
