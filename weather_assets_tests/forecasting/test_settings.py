"""What a training run may be told."""

import json
from pathlib import Path

import pytest

from weather_assets.forecasting.settings import (
    CANDIDATES,
    Architecture,
    TrainingJob,
    TrainingSettings,
    TrainingSettingsError,
)
from weather_assets.foundation.settings import SettingError


def test_settings_survive_json() -> None:
    settings = TrainingSettings(seed=3, architectures=(Architecture("a", (4, 2), 3),), batch_rows=9)
    assert TrainingSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_a_job_survives_its_file(tmp_path: Path) -> None:
    job = TrainingJob(
        tmp_path / "rows",
        tmp_path / "contract",
        tmp_path / "statistics",
        tmp_path / "output",
        TrainingSettings(patience=2),
    )
    job.write(tmp_path / "job.json")
    assert TrainingJob.read(tmp_path / "job.json") == job


def test_what_only_an_unfinished_training_needs_is_removed(tmp_path: Path) -> None:
    job = TrainingJob(tmp_path, tmp_path, tmp_path, tmp_path / "output")
    for folder in (job.checkpoints, job.row_files):
        folder.mkdir(parents=True)
        (folder / "content").touch()
    job.row_files_lock.touch()
    (job.output / "result.json").touch()
    job.remove_scratch()
    job.remove_scratch()
    assert [path.name for path in job.output.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("epoch_steps", "stretch", "allowed"),
    [
        (1, 20, 300),  # many epochs between validations
        (7, 21, 315),
        (16, 16, 304),
        (39, 39, 312),
        (40, 20, 300),  # several validations in an epoch
        (1068, 20, 300),  # less than an epoch in all
    ],
)
def test_steps_are_limited_whatever_an_epoch_is(
    epoch_steps: int, stretch: int, allowed: int
) -> None:
    settings = TrainingSettings(maximum_steps=300, validation_interval_steps=20)
    assert settings.stretch_steps(epoch_steps) == stretch
    assert settings.steps_allowed(epoch_steps) == allowed


def test_only_rows_that_the_steps_can_visit_are_wanted() -> None:
    settings = TrainingSettings(maximum_steps=300)
    assert settings.share_visited(0) == 1
    assert settings.share_visited(1_000_000) == 1
    assert settings.share_visited(75_000_000) * 75_000_000 == pytest.approx(300 * 65_536)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("patience", 0),
        ("hopeless_loss_ratio", 0.9),
        ("warmup_share", 1.0),
        ("batch_rows", 0),
        ("seed", -1),
        ("architectures", ()),
        ("architectures", (CANDIDATES[0], CANDIDATES[0])),
    ],
)
def test_an_unusable_setting_is_named_with_what_is_allowed(name: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"{name}.*(must be|set it to)"):
        TrainingSettings(**{name: value})  # pyright: ignore[reportArgumentType] - on purpose


def test_an_unknown_setting_is_refused_with_those_there_are() -> None:
    with pytest.raises(TrainingSettingsError, match=r"learning_rte.*learning_rate"):
        TrainingSettings.from_dict({"learning_rte": 0.1})


@pytest.mark.parametrize(
    "mistake",
    [
        {"members": 0},
        {"hidden_units": (0,)},
        {"piecewise_members": 1},
        {"learning_rate_factor": 0.0},
    ],
)
def test_an_impossible_architecture_is_refused(mistake: dict[str, object]) -> None:
    with pytest.raises(TrainingSettingsError, match="'a'"):
        Architecture("a", **mistake)  # pyright: ignore[reportArgumentType] - on purpose


@pytest.mark.parametrize("text", [None, "{", "[]", '{"rows": "r"}'])
def test_a_file_that_is_no_job_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "job.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingSettingsError, match=r"job\.json is not a training job"):
        TrainingJob.read(path)


def test_steps_hold_at_least_1024_rows_and_at_most_65536() -> None:
    settings = TrainingSettings()
    rows = [settings.rows_per_step(count) for count in (900, 1600, 20_000, 10_000_000)]
    assert rows == [900, 1024, 1250, 65_536]
    assert TrainingSettings(batch_rows=7).rows_per_step(100) == 7
