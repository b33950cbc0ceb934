"""What a relaunched gang continues from: tensors and plain values, written atomically.

Belongs here: the record of a run's progress and its file. Does not belong here: what the progress
means to the optimiser (`lightning_module`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Self

import torch
from torch import Tensor

from weather_assets.foundation.atomic_files import replacing

CHECKPOINT_FILE = "last.pt"


@dataclass(slots=True)
class TrainingProgress:
    """How far one training has come.

    Attributes:
        name: of the training.
        step: completed optimiser steps.
        finished: whether it needs no more training.
        validations_without_gain: since the best one.
        best_step: completed steps when the weights were that count: those of the best validation,
            or the last ones; 0 before.
        best_loss: validation log loss then; infinite where nothing is validated.
        best_weights: the network's weights then.
        weights: the network's weights now; empty for an untrained or a finished network, unless it
            was a search that took all steps.
        optimizer: the optimiser's state now; as `weights`.
        history: one row per stretch of steps.
        rows_stepped: training rows that went through an optimiser step, over all ranks.
        fit_seconds: time spent in training and validation.
        validation_seconds: the part of it spent in validation.
    """

    name: str
    step: int = 0
    finished: bool = False
    validations_without_gain: int = 0
    best_step: int = 0
    best_loss: float = float("inf")
    best_weights: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    weights: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    optimizer: dict[str, Any] = field(default_factory=dict[str, Any])
    history: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    rows_stepped: int = 0
    fit_seconds: float = 0.0
    validation_seconds: float = 0.0


@dataclass(slots=True)
class RunProgress:
    """How far a whole run has come.

    Attributes:
        fingerprint: of everything that decides the result; another one is another run.
        trainings: those begun so far, by name.
    """

    fingerprint: str
    trainings: dict[str, TrainingProgress] = field(default_factory=dict[str, TrainingProgress])

    def of(self, name: str) -> TrainingProgress:
        """Returns the progress of a training, begun now if it was not yet."""
        return self.trainings.setdefault(name, TrainingProgress(name))

    def save(self, folder: Path) -> None:
        """Writes the progress so that a reader sees the old file or the new one, whole.

        Args:
            folder: made if missing.
        """
        folder.mkdir(parents=True, exist_ok=True)
        fields = TrainingProgress.__dataclass_fields__
        record = {
            "fingerprint": self.fingerprint,
            "trainings": [
                {name: getattr(one, name) for name in fields} for one in self.trainings.values()
            ],
        }
        with replacing(folder / CHECKPOINT_FILE) as draft:
            torch.save(record, draft)

    @classmethod
    def resume(cls, folder: Path, fingerprint: str) -> Self:
        """Returns the progress saved in `folder`, or an empty one.

        A missing or unreadable file, or one of another run, is no progress: training then starts
        from the beginning and overwrites it. Only tensors and plain values are loaded, never code.

        Args:
            folder: as given to `save`.
            fingerprint: of this run.
        """
        path = folder / CHECKPOINT_FILE
        if not path.exists():
            return cls(fingerprint)
        try:
            record = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, UnpicklingError):
            return cls(fingerprint)
        if record["fingerprint"] != fingerprint:
            return cls(fingerprint)
        trainings = [TrainingProgress(**one) for one in record["trainings"]]
        return cls(fingerprint, {one.name: one for one in trainings})
