"""One rank's training: from a job file to the candidate directory.

Belongs here: the search for a recipe, the choice between candidates, the two sets of weights that
the recipe gives, and the files that rank 0 writes. Does not belong here: what a step does
(`lightning_module`), Lightning's trainer (`trainer`), or starting ranks
(`weather_assets.adapters`).
"""

import gc
import json
import math
import os
import socket
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed

from weather_assets.forecasting.batches import EncodedRows, StretchBatches, step_rows
from weather_assets.forecasting.checkpoints import RunProgress, TrainingProgress
from weather_assets.forecasting.epoch_order import EpochOrder
from weather_assets.forecasting.events import RankEvents
from weather_assets.forecasting.lightning_module import (
    CandidateTraining,
    Schedule,
    epochs_of,
    reduce_sum,
)
from weather_assets.forecasting.meeting import meet
from weather_assets.forecasting.network import (
    RainNetwork,
    network_digest,
    save_network,
)
from weather_assets.forecasting.rank_data import RankData
from weather_assets.forecasting.rank_environment import RankEnvironment
from weather_assets.forecasting.row_files import ALL, TRAIN
from weather_assets.forecasting.settings import SERVED_FOLDER, Architecture, TrainingJob
from weather_assets.forecasting.trainer import make_trainer, rank_device, silence_lightning
from weather_assets.foundation.atomic_files import write_text

HISTORY_FILE = "history.json"
RESULT_FILE = "result.json"
REFIT = "refit"
"""The training on every row, in the history."""


def run_rank(job: TrainingJob, place: RankEnvironment, events: RankEvents) -> None:
    """Finds a recipe together with the other ranks, and trains by it twice; rank 0 writes it all.

    A recipe is an architecture and a number of steps. For each architecture, a search ends when
    validation gets no better; then the network is trained for so many steps as the search showed,
    with a learning rate that falls to 0. The lowest validation log loss wins. Its weights have
    never seen a test row: they are what is judged. Then the same recipe is trained on every row up
    to the newest: those weights are what is served.

    The candidate directory then holds `model.safetensors` and `network.json` of the weights that
    are judged, the same in `served/` of those that are served, `history.json` and, written last,
    `result.json`.

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
    progress = RunProgress.resume(job.checkpoints, data.fingerprint)
    work = _Work(job, data, events, progress)
    chosen, judged = work.recipe()
    served = work.refit(chosen, judged.step)
    network = work.network_of(chosen, judged)
    scores = _validation_scores(network, data)
    ranks = _describe_ranks(work)
    if place.rank == 0:
        save_network(network, job.output)
        served_folder = job.output / SERVED_FOLDER
        served_folder.mkdir(exist_ok=True)
        save_network(work.network_of(chosen, served), served_folder)
        history = {training.name: training.history for training in progress.trainings.values()}
        _write_json(job.output / HISTORY_FILE, history)
        _write_json(job.output / RESULT_FILE, _result(work, chosen, scores, ranks))


@dataclass(frozen=True, slots=True)
class _Work:
    """What one rank trains with."""

    job: TrainingJob
    data: RankData
    events: RankEvents
    progress: RunProgress

    def order(self, rows: str) -> EpochOrder:
        """Returns the order in which this rank visits a set of rows."""
        settings, place, count = self.job.settings, self.data.place, self.data.files.rows(rows)
        return EpochOrder(
            count,
            settings.rows_per_step(count),
            shards=settings.logical_shards,
            rank=place.rank,
            world_size=place.world_size,
            seed=settings.seed,
        )

    def recipe(self) -> tuple[Architecture, TrainingProgress]:
        """Returns the architecture with the lowest validation log loss, and its training."""
        settings, order, best_found = self.job.settings, self.order(TRAIN), math.inf
        annealed: list[tuple[Architecture, TrainingProgress]] = []
        for architecture in settings.architectures:
            search = Schedule(
                settings.steps_allowed(order.steps), is_search=True, rival_loss=best_found
            )
            found = self.train(architecture, architecture.name, TRAIN, search)
            if found.best_loss <= settings.contender_loss_ratio * best_found:
                steps = settings.annealed_steps(found.best_step, order.steps)
                annealed.append((architecture, self.anneal(architecture, found, steps)))
            best_found = min(best_found, found.best_loss)
        return min(annealed, key=lambda pair: pair[1].best_loss)

    def anneal(
        self, architecture: Architecture, found: TrainingProgress, steps: int
    ) -> TrainingProgress:
        """Trains a candidate for the steps that its search showed.

        A search that took all these steps itself has been this very training, step for step.
        """
        name = annealed_name(architecture.name)
        if found.step != steps or not found.weights:
            return self.train(architecture, name, TRAIN, Schedule(steps))
        done = TrainingProgress(
            name,
            step=steps,
            finished=True,
            best_step=steps,
            best_loss=found.history[-1]["validation_loss"],
            best_weights=found.weights,
            history=list(found.history),
        )
        return self.progress.trainings.setdefault(name, done)

    def refit(self, architecture: Architecture, steps: int) -> TrainingProgress:
        """Trains by a recipe on every row up to the newest."""
        return self.train(architecture, REFIT, ALL, Schedule(steps))

    def train(
        self, architecture: Architecture, name: str, rows: str, schedule: Schedule
    ) -> TrainingProgress:
        """Returns a training that has ended: now, or in an attempt before."""
        progress = self.progress.of(name)
        if progress.finished:
            return progress
        job, place, settings = self.job, self.data.place, self.job.settings
        network, device = self.network_of(architecture, progress), rank_device(place)
        order = self.order(rows)
        stretch = settings.stretch_steps(self.order(TRAIN).steps)
        batches = StretchBatches(
            step_rows(self.data.files, rows, order, network, device), order, progress, stretch
        )
        training = CandidateTraining(
            network,
            batches,
            None if rows == ALL else EncodedRows.encode(self.data.validation, network, device),
            settings,
            self.events,
            lambda: self.progress.save(job.checkpoints),
            schedule,
        )
        epochs = (schedule.steps - progress.step) // stretch
        trainer = make_trainer(place, epochs=epochs, folder=job.output)
        trainer.fit(training, train_dataloaders=batches)
        # They refer to each other, and would keep these rows in memory while others are encoded.
        del trainer, training, batches
        gc.collect()
        if place.rank == 0:
            self.progress.save(job.checkpoints)
        return progress

    def network_of(self, architecture: Architecture, progress: TrainingProgress) -> RainNetwork:
        """Returns a network with a training's weights: those that count, else those to go on from.

        Every rank draws the same first weights, and no candidate's depend on when it is tried.
        """
        names = sorted(each.name for each in self.job.settings.architectures)
        torch.manual_seed(self.job.settings.seed + names.index(architecture.name))
        network = RainNetwork.fitted(architecture, self.data.contract, self.data.statistics)
        weights = progress.best_weights if progress.finished else progress.weights
        if weights:
            network.load_state_dict(weights)
        return network


def annealed_name(variant: str) -> str:
    """Returns what the training of a candidate after its search is called in the history."""
    return f"{variant}_annealed"


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


def _describe_ranks(work: _Work) -> list[dict[str, Any]]:
    data, place = work.data, work.data.place
    trainings = work.progress.trainings.values()
    seconds = max(sum(training.fit_seconds for training in trainings), 1e-9)
    training_rows = sum(map(len, work.order(TRAIN).own))
    share = training_rows / data.training_rows
    own = {
        "rank": place.rank,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "device": str(rank_device(place)),
        "threads": torch.get_num_threads(),
        "training_rows": training_rows,
        "validation_rows": len(data.validation),
        "samples_per_second": share * sum(each.rows_stepped for each in trainings) / seconds,
    }
    if place.world_size == 1:
        return [own]
    every: list[Any] = [None] * place.world_size
    torch.distributed.all_gather_object(every, own)
    return every


def _result(
    work: _Work, chosen: Architecture, scores: dict[str, float], ranks: list[dict[str, Any]]
) -> dict[str, Any]:
    trainings, output = work.progress.trainings, work.job.output
    judged, served = trainings[annealed_name(chosen.name)], trainings[REFIT]
    fit = max(sum(training.fit_seconds for training in trainings.values()), 1e-9)
    validation = sum(training.validation_seconds for training in trainings.values())
    rows = sum(training.rows_stepped for training in trainings.values())
    return {
        "variant": chosen.name,
        "steps": judged.step,
        "epochs": epochs_of(judged.step, work.order(TRAIN).steps),
        **scores,
        "candidates": [
            _candidate(work, architecture.name) for architecture in work.job.settings.architectures
        ],
        "served_rows": work.data.files.rows(ALL),
        "served_epochs": epochs_of(served.step, work.order(ALL).steps),
        "judged_weights": network_digest(output),
        "served_weights": network_digest(output / SERVED_FOLDER),
        "samples_per_second": rows / fit,
        "samples_per_second_without_validation": rows / max(fit - validation, 1e-9),
        "rows_stepped": rows,
        "seconds": fit,
        "training_rows": sum(rank["training_rows"] for rank in ranks),
        "world_size": len(ranks),
        "ranks": ranks,
        "seed": work.job.settings.seed,
        "settings": asdict(work.job.settings),
        "torch_version": torch.__version__,
    }


def _candidate(work: _Work, variant: str) -> dict[str, Any]:
    """Returns what was tried of an architecture; no annealed loss where it was too far behind."""
    search = work.progress.trainings[variant]
    annealed = work.progress.trainings.get(annealed_name(variant))
    return {
        "variant": variant,
        "searched_steps": search.step,
        "best_step": search.best_step,
        "search_log_loss": search.best_loss,
        "steps": None if annealed is None else annealed.step,
        "validation_log_loss": None if annealed is None else annealed.best_loss,
    }


def _write_json(path: Path, content: object) -> None:
    write_text(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")
