"""What a rank trains on: shared files, made once, and every row on exactly one rank."""

import io
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.forecasting import rank_data
from weather_assets.forecasting.data import TrainingDataError
from weather_assets.forecasting.events import RankEvents
from weather_assets.forecasting.rank_data import RankData, validation_share
from weather_assets.forecasting.rank_environment import RankEnvironment
from weather_assets.forecasting.row_files import RowFiles, describe_source, write_row_files
from weather_assets.forecasting.settings import TrainingJob, TrainingSettings
from weather_assets_tests.forecasting.example_rows import CONTRACT, rows_of, write_job

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def job(tmp_path: Path) -> TrainingJob:
    return write_job(tmp_path, TrainingSettings())


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Counts how often row files are written."""
    seen: list[str] = []
    original = rank_data.write_row_files

    def counting(*args: object, **options: object) -> RowFiles:
        seen.append(threading.current_thread().name)
        return original(*args, **options)  # pyright: ignore[reportArgumentType] - as it was called

    monkeypatch.setattr(rank_data, "write_row_files", counting)
    return seen


def read(job: TrainingJob, rank: int = 0, world_size: int = 1) -> RankData:
    place = RankEnvironment(rank=rank, world_size=world_size)
    return RankData.read(job, place, RankEvents(rank, io.StringIO()))


def test_files_are_made_once_for_all_ranks_at_the_same_time(
    job: TrainingJob, writes: list[str]
) -> None:
    found: list[RankData] = []
    ranks = [
        threading.Thread(target=lambda rank=rank: found.append(read(job, rank, 4)), daemon=True)
        for rank in range(4)
    ]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(timeout=30)
    assert len(found) == 4
    assert len(writes) == 1
    assert len({data.fingerprint for data in found}) == 1


def test_a_rank_that_comes_back_uses_what_is_there_and_mends_what_is_damaged(
    job: TrainingJob, writes: list[str]
) -> None:
    first = read(job)
    assert read(job).fingerprint == first.fingerprint
    assert len(writes) == 1
    labels = job.row_files / "train.labels"
    whole = labels.read_bytes()
    labels.write_bytes(whole[:-1])
    assert read(job).fingerprint == first.fingerprint
    assert len(writes) == 2
    assert labels.read_bytes() == whole


def test_other_rows_or_settings_are_another_run(job: TrainingJob, tmp_path: Path) -> None:
    first = read(job).fingerprint
    assert read(replace(job, settings=TrainingSettings(seed=1))).fingerprint != first
    table_job = write_job(tmp_path / "other", job.settings)
    assert read(table_job).fingerprint == first
    statistics = table_job.statistics
    statistics.write_text(statistics.read_text().replace('"minimum": 20.', '"minimum": 19.', 1))
    assert read(table_job).fingerprint != first


@pytest.mark.parametrize(
    ("training", "few"),
    [
        (TrainingSettings(), ('"training_rows": 400', '"training_rows": 401')),
        (TrainingSettings(), ('"training_positive": 184', '"training_positive": 183')),
        (TrainingSettings(), ('"missing": 0', '"missing": 1')),
        (
            TrainingSettings(maximum_steps=4, batch_rows=25),
            ('"training_positive": 184', '"training_positive": 400'),
        ),
    ],
)
def test_what_was_fitted_on_other_rows_is_refused(
    tmp_path: Path, training: TrainingSettings, few: tuple[str, str]
) -> None:
    job = write_job(tmp_path, training)
    text = job.statistics.read_text(encoding="utf-8")
    assert few[0] in text
    job.statistics.write_text(text.replace(*few, 1), encoding="utf-8")
    with pytest.raises(TrainingDataError, match=r"fitted on .* prepare the rows again"):
        read(job)


def test_rows_that_no_step_can_reach_are_not_copied(job: TrainingJob) -> None:
    few = replace(job, settings=TrainingSettings(maximum_steps=4, batch_rows=25))
    data = read(few)
    assert 60 < data.training_rows < 140
    assert data.statistics.training_rows == 400
    expected = rows_of(job.rows, "train").features_NF[: data.training_rows]
    found = data.files.read("train", 0, data.training_rows).features_NF
    np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> RowFiles:
    made = write_job(tmp_path_factory.mktemp("files"), TrainingSettings())
    source = describe_source(made.rows, CONTRACT, {})
    return write_row_files(made.rows, CONTRACT, made.row_files, source=source, shares={})


@settings(max_examples=30, deadline=None)
@given(world_size=st.integers(1, 5), maximum=st.integers(5, 250))
def test_validation_rows_are_divided_without_padding(
    files: RowFiles, world_size: int, maximum: int
) -> None:
    shares = [
        validation_share(files, maximum, RankEnvironment(rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    found = np.concatenate([share.features_NF[:, 1] for share in shares])
    count = min(maximum, files.rows("validation"))
    expected = files.read("validation", 0, count).features_NF[:, 1]
    assert sorted(found.tolist()) == sorted(expected.tolist())


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_all_validation_rows_are_scored_once(
    job: TrainingJob, world_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_data, "_SCORED_TOGETHER", 37)
    few = replace(job, settings=TrainingSettings(validation_rows=10))
    found: list[float] = []
    for rank in range(world_size):
        for part in read(few, rank, world_size).all_validation_rows():
            assert len(part) <= 37
            found += part.features_NF[:, 1].tolist()
    expected = rows_of(job.rows, "validation").features_NF[:, 1]
    assert sorted(found) == sorted(expected.tolist())
