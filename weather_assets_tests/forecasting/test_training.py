"""One rank, and several: the same weights, however they are trained."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from weather_assets.forecasting import batches, epoch_order
from weather_assets.forecasting.events import RankEvents
from weather_assets.forecasting.lightning_module import TrainingDivergedError
from weather_assets.forecasting.network import load_network
from weather_assets.forecasting.rank_environment import RankEnvironment
from weather_assets.forecasting.settings import Architecture, TrainingJob, TrainingSettings
from weather_assets.forecasting.training import run_rank
from weather_assets.foundation.loopback import free_loopback_port
from weather_assets_tests.forecasting.example_rows import example_table, rows_of, write_job

SETTINGS = TrainingSettings(
    architectures=(
        Architecture("additive", piecewise=True),
        Architecture("perceptron", (8,), 2, piecewise=True, piecewise_members=1),
    ),
    maximum_steps=60,
    batch_rows=100,
    checkpoint_interval_seconds=0.0,
)
WRITTEN = ("model.safetensors", "served/model.safetensors", "history.json")
ENDLESS = TrainingSettings(maximum_steps=1_000_000, patience=1_000_000, batch_rows=100)


class RankKilledError(Exception):
    """Stands for a rank that is killed."""


class InterruptedEvents(RankEvents):
    """Ends training in the middle of an epoch, some steps after a checkpoint."""

    def __init__(self, steps: int) -> None:
        self._limit = steps
        super().__init__(0, io.StringIO())

    @property
    def step(self) -> int:
        return self._steps

    @step.setter
    def step(self, value: int) -> None:
        if value > self._limit:
            raise RankKilledError
        self._steps = value


def _train(job: TrainingJob) -> dict[str, Any]:
    run_rank(job, RankEnvironment(), RankEvents(0, io.StringIO()))
    return _result(job)


def _result(job: TrainingJob) -> dict[str, Any]:
    return json.loads((job.output / "result.json").read_text())


def _history(job: TrainingJob) -> dict[str, list[dict[str, float]]]:
    return json.loads((job.output / "history.json").read_text())


def _start(folder: Path, rank: int, world_size: int, port: int) -> subprocess.Popen[str]:
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world_size, "MASTER_PORT": port}
    return subprocess.Popen(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "weather_assets.forecasting",
            str(folder / "job.json"),
        ],
        env={
            **{name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"},
            **{name: str(value) for name, value in places.items()},
            "MASTER_ADDR": "127.0.0.1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    job = write_job(tmp_path_factory.mktemp("alone"), SETTINGS)
    _train(job)
    return job


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    alone: TrainingJob, tmp_path: Path
) -> None:
    again = write_job(tmp_path / "again", SETTINGS)
    _train(again)
    other = write_job(tmp_path / "other", replace(SETTINGS, seed=1))
    _train(other)
    for file in ("model.safetensors", "served/model.safetensors"):
        weights = [(job.output / file).read_bytes() for job in (alone, again, other)]
        assert weights[0] == weights[1] != weights[2]


def test_the_recipe_with_the_lowest_loss_is_chosen_saved_and_reported(alone: TrainingJob) -> None:
    result, history = _result(alone), _history(alone)
    rows = rows_of(alone.rows, "validation")
    probability = load_network(alone.output).probabilities(rows.features_NF)
    likely = np.where(rows.labels_N == 1, probability, 1 - probability)
    assert result["validation_log_loss"] == pytest.approx(-np.log(likely).mean(), rel=1e-12)
    tried = {each["variant"]: each for each in result["candidates"]}
    losses = {name: each["validation_log_loss"] for name, each in tried.items() if each["steps"]}
    assert min(losses, key=losses.__getitem__) == result["variant"]
    assert min(losses.values()) == pytest.approx(result["validation_log_loss"], abs=1e-5)
    for name, each in tried.items():
        searched = {row["step"]: row["validation_loss"] for row in history[name]}
        assert min(searched, key=searched.__getitem__) == each["best_step"]
        if each["steps"]:
            assert each["steps"] == min(2 * each["best_step"], SETTINGS.maximum_steps)
            assert history[f"{name}_annealed"][-1]["step"] == each["steps"]
    assert result["steps"] == tried[result["variant"]]["steps"] == history["refit"][-1]["step"]
    assert result["validation_rows"] == len(rows)
    base = rows.labels_N.mean()
    assert (
        result["validation_log_loss"] < -base * np.log(base) - (1 - base) * np.log(1 - base) - 0.1
    )


def test_what_is_judged_does_not_depend_on_a_test_row_and_what_is_served_does(
    alone: TrainingJob, tmp_path: Path
) -> None:
    newest = example_table(200, seed=1)
    split = newest.column_names.index("split")
    newest = newest.set_column(split, "split", pa.array(["test"] * len(newest)))
    table = pa.concat_tables([example_table(), newest])
    job = write_job(tmp_path, SETTINGS, table)
    result = _train(job)
    judged, served = (
        [(each.output / file).read_bytes() for each in (alone, job)]
        for file in ("model.safetensors", "served/model.safetensors")
    )
    assert judged[0] == judged[1]
    assert served[0] != served[1]
    assert result["served_rows"] == len(table) == 800
    for name, weights, folder in (("judged", judged[1], "."), ("served", served[1], "served")):
        description = (job.output / folder / "network.json").read_bytes()
        digest = hashlib.sha256(weights + description).hexdigest()
        assert result[f"{name}_weights"] == digest


def test_a_candidate_that_is_far_behind_is_searched_and_not_trained_on(tmp_path: Path) -> None:
    slow = Architecture("slow", piecewise=True, learning_rate_factor=1e-2)
    settings = replace(SETTINGS, architectures=(*SETTINGS.architectures, slow), patience=2)
    result = _train(write_job(tmp_path, settings))
    (found,) = [each for each in result["candidates"] if each["variant"] == "slow"]
    assert (found["steps"], found["validation_log_loss"]) == (None, None)
    assert found["best_step"] > 0


@pytest.mark.parametrize("steps", [30, 100, 180])
def test_a_relaunched_run_ends_as_an_uninterrupted_one(
    alone: TrainingJob, tmp_path: Path, steps: int
) -> None:
    job = write_job(tmp_path, SETTINGS)
    with pytest.raises(RankKilledError):
        run_rank(job, RankEnvironment(), InterruptedEvents(steps))
    assert not (job.output / "result.json").exists()
    resumed = RankEvents(0, io.StringIO())
    run_rank(job, RankEnvironment(), resumed)
    whole = RankEvents(0, io.StringIO())
    run_rank(write_job(tmp_path / "whole", SETTINGS), RankEnvironment(), whole)
    assert resumed.step < whole.step
    for name in WRITTEN:
        assert (job.output / name).read_bytes() == (alone.output / name).read_bytes()


def test_a_run_of_streamed_rows_that_is_relaunched_in_mid_epoch_ends_as_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoch_order, "WINDOW_ROWS", 20)
    monkeypatch.setattr(epoch_order, "BLOCK_ROWS", 5)
    settings = replace(SETTINGS, batch_rows=8, maximum_steps=120, patience=100)
    resident = write_job(tmp_path / "resident", settings)
    _train(resident)
    history = json.loads((resident.output / "history.json").read_text())
    assert [row["epoch"] for row in history["additive"]] == [0.4, 0.8, 1.2, 1.6, 2, 2.4]
    monkeypatch.setattr(batches, "RESIDENT_BYTES", 0)
    job = write_job(tmp_path / "streamed", settings)
    with pytest.raises(RankKilledError):
        run_rank(job, RankEnvironment(), InterruptedEvents(75))
    run_rank(job, RankEnvironment(), RankEvents(0, io.StringIO()))
    for name in WRITTEN:
        assert (job.output / name).read_bytes() == (resident.output / name).read_bytes()


def test_a_loss_that_is_no_number_stops_training_and_says_where(tmp_path: Path) -> None:
    table = example_table()
    temperatures = [float("inf"), *table["temperature"].to_pylist()[1:]]
    position = table.column_names.index("temperature")
    job = write_job(
        tmp_path, SETTINGS, table.set_column(position, "temperature", pa.array(temperatures))
    )
    with pytest.raises(TrainingDivergedError, match=r"'additive' became .* epoch 1, at step"):
        _train(job)
    assert not (job.output / "result.json").exists()


def test_a_hopeless_candidate_is_given_up_and_one_that_competes_is_not(tmp_path: Path) -> None:
    slow = Architecture("slow", piecewise=True, learning_rate_factor=1e-4)
    settings = replace(
        SETTINGS,
        architectures=(*SETTINGS.architectures, slow),
        patience=2,
        hopeless_loss_ratio=1.1,
    )
    result = _train(write_job(tmp_path, settings))
    tried = {one["variant"]: one for one in result["candidates"]}
    history = json.loads((tmp_path / "candidate" / "history.json").read_text())
    assert len(history["slow"]) == settings.patience
    best = min(tried[name]["search_log_loss"] for name in ("additive", "perceptron"))
    assert tried["slow"]["search_log_loss"] > settings.hopeless_loss_ratio * best
    patient = replace(settings, hopeless_loss_ratio=1e9)
    _train(write_job(tmp_path / "patient", patient))
    history = json.loads((tmp_path / "patient" / "candidate" / "history.json").read_text())
    assert len(history["slow"]) > settings.patience


def test_two_ranks_agree_with_one_and_count_every_validation_row_once(
    alone: TrainingJob, tmp_path: Path
) -> None:
    job = write_job(tmp_path, SETTINGS)
    port = free_loopback_port()
    ranks = [_start(tmp_path, rank, 2, port) for rank in range(2)]
    try:
        outputs = [rank.communicate(timeout=120) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [0, 0], outputs
    assert [errors for _, errors in outputs] == ["", ""]
    events = [[json.loads(line) for line in lines.splitlines()] for lines, _ in outputs]
    for rank, told in enumerate(events):
        assert (told[0]["event"], told[-1]) == ("started", {"event": "finished", "rank": rank})
    assert any(event["event"] == "epoch" for event in events[0])
    assert not any(event["event"] == "epoch" for event in events[1])

    rows = rows_of(job.rows, "validation")
    together, single = load_network(job.output), load_network(alone.output)
    np.testing.assert_allclose(
        together.probabilities(rows.features_NF), single.probabilities(rows.features_NF), atol=1e-4
    )
    result = json.loads((job.output / "result.json").read_text())
    assert result["validation_rows"] == len(rows)
    assert result["training_rows"] == 400
    assert [rank["rank"] for rank in result["ranks"]] == [0, 1]
    assert [rank["threads"] for rank in result["ranks"]] == [SETTINGS.threads_per_rank] * 2
    history = json.loads((job.output / "history.json").read_text())
    refit = history.pop("refit")
    assert {row["validation_rows"] for run in history.values() for row in run} == {len(rows)}
    assert all("validation_rows" not in row for row in refit)


def test_sigterm_ends_a_training_rank_at_once(tmp_path: Path) -> None:
    write_job(tmp_path, ENDLESS)
    rank = _start(tmp_path, 0, 1, free_loopback_port())
    try:
        assert rank.stdout is not None
        for line in rank.stdout:
            if json.loads(line)["event"] == "epoch":
                break
        begun = time.monotonic()
        rank.send_signal(signal.SIGTERM)
        assert rank.wait(timeout=10) == -signal.SIGTERM
        assert time.monotonic() - begun < 3
    finally:
        rank.kill()
        rank.communicate()


def test_a_job_that_cannot_be_read_is_a_permanent_failure(tmp_path: Path) -> None:
    rank = _start(tmp_path, 0, 1, free_loopback_port())
    output, _ = rank.communicate(timeout=60)
    (event,) = [json.loads(line) for line in output.splitlines()]
    assert rank.returncode == 2
    assert event["event"] == "failed"
    assert event["permanent"] is True
    assert "job.json" in event["error"]
