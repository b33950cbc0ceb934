"""What a relaunched gang continues from."""

from pathlib import Path

import torch

from weather_assets.forecasting.checkpoints import CHECKPOINT_FILE, RunProgress


def _progress() -> RunProgress:
    progress = RunProgress("one")
    candidate = progress.of("additive")
    candidate.step, candidate.best_loss = 4, 0.25
    candidate.weights = {"w": torch.tensor([1.5, 2.5])}
    candidate.history.append({"step": 4, "validation_loss": 0.25})
    return progress


def test_progress_survives_its_file(tmp_path: Path) -> None:
    _progress().save(tmp_path)
    again = RunProgress.resume(tmp_path, "one").of("additive")
    assert (again.step, again.best_loss, again.history[0]["step"]) == (4, 0.25, 4)
    assert again.weights["w"].tolist() == [1.5, 2.5]
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_FILE]


def test_progress_of_another_run_is_none(tmp_path: Path) -> None:
    _progress().save(tmp_path)
    assert RunProgress.resume(tmp_path, "another").trainings == {}


def test_nothing_and_garbage_are_no_progress(tmp_path: Path) -> None:
    assert RunProgress.resume(tmp_path, "one").trainings == {}
    _progress().save(tmp_path)
    whole = (tmp_path / CHECKPOINT_FILE).read_bytes()
    for damaged in (b"", b"garbage", whole[: len(whole) // 2]):
        (tmp_path / CHECKPOINT_FILE).write_bytes(damaged)
        assert RunProgress.resume(tmp_path, "one").trainings == {}
