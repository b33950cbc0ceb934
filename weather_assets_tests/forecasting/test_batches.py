"""The rows of each step: the same whether they are resident or streamed."""

from pathlib import Path

import pytest
import torch

from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.forecasting import batches, epoch_order
from weather_assets.forecasting.batches import (
    EncodedRows,
    ResidentRows,
    StepRows,
    StreamedRows,
    StretchBatches,
    step_rows,
)
from weather_assets.forecasting.checkpoints import TrainingProgress
from weather_assets.forecasting.epoch_order import EpochOrder
from weather_assets.forecasting.network import RainNetwork
from weather_assets.forecasting.row_files import TRAIN, RowFiles, describe_source, write_row_files
from weather_assets.forecasting.settings import Architecture, TrainingSettings
from weather_assets_tests.forecasting.example_rows import CONTRACT, rows_of, write_job

CPU = torch.device("cpu")
BLOCK, WINDOW = 5, 20


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epoch_order, "WINDOW_ROWS", WINDOW)
    monkeypatch.setattr(epoch_order, "BLOCK_ROWS", BLOCK)


@pytest.fixture
def files(tmp_path: Path) -> RowFiles:
    job = write_job(tmp_path, TrainingSettings())
    source = describe_source(job.rows, CONTRACT, {})
    return write_row_files(job.rows, CONTRACT, job.row_files, source=source, shares={})


@pytest.fixture
def network(files: RowFiles) -> RainNetwork:
    statistics = (files.folder.parent.parent / "statistics.json").read_text()
    architecture = Architecture("additive", piecewise=True)
    return RainNetwork.fitted(architecture, CONTRACT, TrainingStatistics.from_json(statistics))


def order(rank: int = 0, world_size: int = 2) -> EpochOrder:
    return EpochOrder(400, 30, shards=4, rank=rank, world_size=world_size, seed=3)


def both(
    files: RowFiles, network: RainNetwork, monkeypatch: pytest.MonkeyPatch
) -> tuple[StepRows, StepRows]:
    resident = step_rows(files, TRAIN, order(), network, CPU)
    monkeypatch.setattr(batches, "RESIDENT_BYTES", 0)
    streamed = step_rows(files, TRAIN, order(), network, CPU)
    assert isinstance(resident, ResidentRows)
    assert isinstance(streamed, StreamedRows)
    return resident, streamed


@pytest.mark.parametrize("first_step", [0, 7])
def test_streamed_rows_are_those_that_would_be_resident(
    files: RowFiles, network: RainNetwork, monkeypatch: pytest.MonkeyPatch, first_step: int
) -> None:
    resident, streamed = both(files, network, monkeypatch)
    for epoch in (0, 1):
        pairs = list(
            zip(resident.epoch(epoch, first_step), streamed.epoch(epoch, first_step), strict=True)
        )
        assert len(pairs) == order().steps - first_step
        for one, other in pairs:
            torch.testing.assert_close(one.encoded_ND, other.encoded_ND, rtol=0, atol=0)
            torch.testing.assert_close(one.labels_N, other.labels_N, rtol=0, atol=0)


def test_streaming_reads_blocks_and_encodes_steps_and_never_more(
    files: RowFiles, network: RainNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, streamed = both(files, network, monkeypatch)
    read: list[int] = []
    original = RowFiles.read

    def counting(self: RowFiles, split: str, start: int, stop: int) -> object:
        read.append(stop - start)
        return original(self, split, start, stop)

    monkeypatch.setattr(RowFiles, "read", counting)
    shown = 0
    for rows in streamed.epoch(0, 0):
        shown += len(rows.labels_N)
        assert len(rows.labels_N) <= 20
        # What is in memory: one window of each of the rank's two shards.
        assert sum(read) <= shown + 2 * WINDOW
    assert max(read) == BLOCK
    assert sum(read) == shown == 200


@pytest.mark.parametrize("steps", [5, 26])
def test_a_stretch_goes_on_where_the_last_one_ended(
    files: RowFiles, network: RainNetwork, steps: int
) -> None:
    rows = step_rows(files, TRAIN, order(), network, CPU)
    assert order().steps == 13
    progress = TrainingProgress("one")
    whole = [part.labels_N for epoch in range(5) for part in rows.epoch(epoch, 0)]
    stretch = StretchBatches(rows, order(), progress, steps)
    seen: list[torch.Tensor] = []
    for _ in range(52 // steps):
        (batch,) = stretch
        found = list(batch)
        assert len(stretch) == 1
        assert len(found) == steps
        assert sum(rows for _, _, rows in found) == stretch.row_count()
        seen += [labels for _, labels, _ in found]
        progress.step += steps
    assert [part.tolist() for part in seen] == [part.tolist() for part in whole[: len(seen)]]


def test_encoding_in_parts_changes_nothing(
    network: RainNetwork, files: RowFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(files.folder.parent.parent / "weather.parquet", "train")
    whole = EncodedRows.encode(rows, network, CPU)
    monkeypatch.setattr(batches, "_ENCODED_TOGETHER", 64)
    parts = EncodedRows.encode(rows, network, CPU)
    torch.testing.assert_close(parts.encoded_ND, whole.encoded_ND, rtol=1e-7, atol=1e-7)
    assert parts.labels_N.tolist() == whole.labels_N.tolist()


def test_rows_are_encoded_where_the_network_is(files: RowFiles, network: RainNetwork) -> None:
    # PyTorch's `meta` stands in for a GPU: whatever stays on the CPU cannot be mixed with it.
    meta = torch.device("meta")
    rows = files.read("train", 0, 3)

    encoded = EncodedRows.encode(rows, network.to(meta), meta)

    assert encoded.encoded_ND.device == encoded.labels_N.device == meta
    assert encoded.encoded_ND.shape == (3, network.preprocessing.width)
