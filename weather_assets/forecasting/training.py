"""One rank's training: from a job file to the candidate directory.

Belongs here: the loop over candidates, the choice between them, and the files that rank 0 writes.
Does not belong here: what a step does (`lightning_module`), Lightning's trainer (`trainer`), or
starting ranks (`weather_assets.adapters`).
"""

import gc
import json
import os
import socket
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed

from weather_assets.forecasting.batches import EncodedRows, StretchBatches, step_rows
from weather_assets.forecasting.checkpoints import CandidateProgress, RunProgress
from weather_assets.forecasting.epoch_order import EpochOrder
from weather_assets.forecasting.events import RankEvents
from weather_assets.forecasting.lightning_module import CandidateTraining, epochs_of, reduce_sum
from weather_assets.forecasting.meeting import meet
from weather_assets.forecasting.network import RainNetwork, save_network
from weather_assets.forecasting.rank_data import RankData
from weather_assets.forecasting.rank_environment import RankEnvironment
from weather_assets.forecasting.settings import Architecture, TrainingJob
from weather_assets.forecasting.trainer import make_trainer, rank_device, silence_lightning
from weather_assets.foundation.atomic_files import write_text

HISTORY_FILE = "history.json"
RESULT_FILE = "result.json"


def run_rank(job: TrainingJob, place: RankEnvironment, events: RankEvents) -> None:
    """Trains every candidate together with the other ranks; rank 0 writes the best one.

    The candidate directory then holds `model.safetensors`, `network.json`, `history.json` and,
    written last, `result.json`.

    Args:
        job: what to train, and how.
        place: who this rank is.
        events: where progress is reported.

    Raises:
        TrainingDataError: if the rows cannot be trained on.
        TrainingDivergedError: if a loss stops being a number.
        RuntimeError: from torch, if another rank ended or did not answer in time.
    """
    settings = job.settings
    torch.set_num_threads(settings.threads_per_rank)
    silence_lightning()
    data = RankData.read(job, place, events)
    events.step += 1
    timeout = timedelta(seconds=settings.process_group_timeout_seconds)
    meet(place, job.meeting, rank_device(place), timeout)
    order = _order(job, data)
    progress = RunProgress.resume(job.checkpoints, data.fingerprint)
    for index, architecture in enumerate(settings.architectures):
        candidate = progress.candidate(index, architecture.name)
        if not candidate.finished:
            _train(architecture, index, candidate, progress, job, data, order, events)
            if place.rank == 0:
                progress.save(job.checkpoints)
    best = min(
        zip(settings.architectures, progress.candidates, strict=True),
        key=lambda pair: pair[1].best_loss,
    )
    network = _best_network(*best, data)
    scores = _validation_scores(network, data)
    ranks = _describe_ranks(progress, data, order)
    if place.rank == 0:
        save_network(network, job.output)
        history = {candidate.name: candidate.history for candidate in progress.candidates}
        _write_json(job.output / HISTORY_FILE, history)
        _write_json(job.output / RESULT_FILE, _result(job, best[1], progress, scores, ranks, order))


def _order(job: TrainingJob, data: RankData) -> EpochOrder:
    settings, place = job.settings, data.place
    return EpochOrder(
        data.training_rows,
        settings.rows_per_step(data.training_rows),
        shards=settings.logical_shards,
        rank=place.rank,
        world_size=place.world_size,
        seed=settings.seed,
    )


def _train(
    architecture: Architecture,
    index: int,
    candidate: CandidateProgress,
    progress: RunProgress,
    job: TrainingJob,
    data: RankData,
    order: EpochOrder,
    events: RankEvents,
) -> None:
    settings = job.settings
    # Every rank draws the same weights, and no candidate's depend on when it is tried.
    names = sorted(candidate.name for candidate in settings.architectures)
    torch.manual_seed(settings.seed + names.index(architecture.name))
    network = RainNetwork.fitted(architecture, data.contract, data.statistics)
    if candidate.weights:
        network.load_state_dict(candidate.weights)
    device = rank_device(data.place)
    stretch = settings.stretch_steps(order.steps)
    rows = step_rows(data.files, order, network, device)
    batches = StretchBatches(rows, order, candidate, stretch)
    training = CandidateTraining(
        network,
        batches,
        EncodedRows.encode(data.validation, network, device),
        settings,
        events,
        lambda: progress.save(job.checkpoints),
        rival_loss=progress.best_loss_before(index),
    )
    trainer = make_trainer(
        data.place,
        epochs=(training.steps - candidate.step) // stretch,
        folder=job.output,
    )
    trainer.fit(training, train_dataloaders=batches)
    # They refer to each other, and would keep these rows in memory while the next are encoded.
    del trainer, training, batches, rows
    gc.collect()


def _best_network(
    architecture: Architecture, candidate: CandidateProgress, data: RankData
) -> RainNetwork:
    network = RainNetwork.fitted(architecture, data.contract, data.statistics)
    network.load_state_dict(candidate.best_weights)
    return network


def _validation_scores(network: RainNetwork, data: RankData) -> dict[str, float]:
    sums = torch.zeros(3, dtype=torch.float64)
    for rows in data.all_validation_rows():
        probability_N, label_N = network.probabilities(rows.features_NF), rows.labels_N
        # Clipped as scikit-learn's log_loss does it: one confident miss must not make the sum
        # infinite.
        likely_N = np.clip(
            np.where(label_N == 1, probability_N, 1 - probability_N), np.finfo(float).eps, 1
        )
        squared = ((probability_N - label_N) ** 2).sum()
        sums += torch.tensor(
            [-np.log(likely_N).sum(), squared, float(len(rows))], dtype=torch.float64
        )
    log_loss, brier, rows = reduce_sum(sums).tolist()
    return {
        "validation_log_loss": log_loss / rows,
        "validation_brier_score": brier / rows,
        "validation_rows": int(rows),
    }


def _describe_ranks(
    progress: RunProgress, data: RankData, order: EpochOrder
) -> list[dict[str, Any]]:
    place = data.place
    seconds = max(sum(candidate.fit_seconds for candidate in progress.candidates), 1e-9)
    training_rows = sum(map(len, order.own))
    share = training_rows / data.training_rows
    own = {
        "rank": place.rank,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "device": str(rank_device(place)),
        "threads": torch.get_num_threads(),
        "training_rows": training_rows,
        "validation_rows": len(data.validation),
        "samples_per_second": share * sum(c.rows_stepped for c in progress.candidates) / seconds,
    }
    if place.world_size == 1:
        return [own]
    every: list[Any] = [None] * place.world_size
    torch.distributed.all_gather_object(every, own)
    return every


def _result(
    job: TrainingJob,
    best: CandidateProgress,
    progress: RunProgress,
    scores: dict[str, float],
    ranks: list[dict[str, Any]],
    order: EpochOrder,
) -> dict[str, Any]:
    fit = max(sum(candidate.fit_seconds for candidate in progress.candidates), 1e-9)
    validation = sum(candidate.validation_seconds for candidate in progress.candidates)
    rows = sum(candidate.rows_stepped for candidate in progress.candidates)
    return {
        "variant": best.name,
        **_extent(best, order),
        **scores,
        "candidates": [
            {
                "variant": candidate.name,
                **_extent(candidate, order),
                "validation_log_loss": candidate.best_loss,
            }
            for candidate in progress.candidates
        ],
        "samples_per_second": rows / fit,
        "samples_per_second_without_validation": rows / max(fit - validation, 1e-9),
        "rows_stepped": rows,
        "seconds": fit,
        "training_rows": sum(rank["training_rows"] for rank in ranks),
        "world_size": len(ranks),
        "ranks": ranks,
        "seed": job.settings.seed,
        "settings": asdict(job.settings),
        "torch_version": torch.__version__,
    }


def _extent(candidate: CandidateProgress, order: EpochOrder) -> dict[str, float]:
    return {
        "best_step": candidate.best_step,
        "best_epoch": epochs_of(candidate.best_step, order.steps),
        "steps_run": candidate.step,
        "epochs_run": epochs_of(candidate.step, order.steps),
    }


def _write_json(path: Path, content: object) -> None:
    write_text(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")
