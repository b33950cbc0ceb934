"""One training of one network: what Lightning is told.

Belongs here: the loss of a step, the learning rate, validation, and when training ends. Does not
belong here: processes and files (`training`), or the network (`network`).

Shapes: N rows of this rank, B of them in one step, D encoded columns, K members.
"""

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed
import torch.nn.functional as F  # noqa: N812 - the name that every PyTorch reader expects
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import AdamW, Optimizer

from weather_assets.forecasting.batches import EncodedRows, Stretch, StretchBatches
from weather_assets.forecasting.events import RankEvents
from weather_assets.forecasting.network import RainNetwork
from weather_assets.forecasting.settings import TrainingSettings

_VALIDATED_TOGETHER = 16_384
"""Rows of one forward pass in validation: 12 MiB for each layer of the widest network."""


class TrainingDivergedError(ValueError):
    """The loss is not a number any more. The message says where and what to change."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long a network is trained.

    Attributes:
        steps: over which the learning rate rises and falls to 0; a whole number of stretches.
        is_search: whether training ends as soon as validation gets no better, and the weights of
            the best one are kept. Else all steps are taken and the last weights are kept.
        rival_loss: best validation log loss of the candidates that were searched before.
    """

    steps: int
    is_search: bool = False
    rival_loss: float = math.inf


class CandidateTraining(LightningModule):
    """Fits one network on this rank's rows, in step with the other ranks.

    All steps between two validations are one batch to Lightning, and optimised by hand: its own
    loop takes 0.5 ms for each batch, more than the additive network for a step of 1,600 rows.
    """

    def __init__(
        self,
        network: RainNetwork,
        batches: StretchBatches,
        validation: EncodedRows | None,
        settings: TrainingSettings,
        events: RankEvents,
        save_progress: Callable[[], None],
        schedule: Schedule,
    ) -> None:
        """Takes everything that training needs.

        Args:
            network: to be trained, already holding the weights to continue from.
            batches: training rows of this rank; their `progress` is kept up to date here.
            validation: validation rows of this rank; None where they are among the training rows.
            settings: how to train.
            events: where progress is reported.
            save_progress: called between stretches, when a checkpoint is due.
            schedule: how long to train.
        """
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.batches = batches
        self.validation = validation
        self.settings = settings
        self.events = events
        self.save_progress = save_progress
        self.schedule = schedule
        self.progress = batches.progress
        self.peak_rate = settings.learning_rate * network.architecture.learning_rate_factor
        self._loss_sum = torch.zeros((), dtype=torch.float64)
        self._last_save = time.monotonic()
        self._clock = time.monotonic()

    def configure_optimizers(self) -> Optimizer:
        """Returns AdamW, with the state to continue from.

        Biases are not decayed: they carry the base rate.
        """
        matrices = [weight for name, weight in self.named_parameters() if name.endswith("weight")]
        biases = [weight for name, weight in self.named_parameters() if not name.endswith("weight")]
        optimizer = AdamW(
            [{"params": matrices}, {"params": biases, "weight_decay": 0.0}],
            lr=self.peak_rate,
            weight_decay=self.settings.weight_decay,
            fused=True,
        )
        if self.progress.optimizer:
            optimizer.load_state_dict(self.progress.optimizer)
        return optimizer

    def transfer_batch_to_device(
        self,
        batch: Any,
        device: torch.device,  # noqa: ARG002 - Lightning's signature
        dataloader_idx: int,  # noqa: ARG002 - likewise
    ) -> Any:
        """Returns the batch as it is: rows live on the device already."""
        return batch

    def on_train_start(self) -> None:
        """Gives SIGTERM and the number of threads their plain meaning back, and starts the clock.

        Lightning's own handler broadcasts to the other ranks, which hangs where one of them is the
        reason for the signal. And where OMP_NUM_THREADS is not set, its DDP strategy gives each
        rank all cores: two ranks on two cores, whose threads wait by spinning, then take 5 times
        as long for a step as with one thread each.
        """
        torch.set_num_threads(self.settings.threads_per_rank)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._loss_sum = self._loss_sum.to(self.device)
        self._clock = time.monotonic()

    def training_step(self, batch: Stretch, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's
        """Takes all steps of a stretch.

        DDP averages gradients over ranks; summing here, and dividing by rows of all ranks over the
        number of ranks, makes that average the mean over all rows, however unevenly they are held.

        Raises:
            TrainingDivergedError: if the loss is NaN or infinite.
        """
        optimizer = self.trainer.optimizers[0]
        for index, (encoded_BD, labels_B, rows_of_all_ranks) in enumerate(batch):
            self._set_rate(optimizer, self.progress.step + index)
            logits_KB = self.network.member_logits(encoded_BD)
            loss = F.binary_cross_entropy_with_logits(
                logits_KB, labels_B.expand_as(logits_KB), reduction="sum"
            ) / len(logits_KB)
            if not torch.isfinite(loss):
                raise self._diverged("training loss", loss.item(), f"step {index + 1}")
            optimizer.zero_grad()
            self.manual_backward(loss * (self.trainer.world_size / rows_of_all_ranks))
            optimizer.step()
            self._loss_sum += loss.detach()
            self.events.step += 1

    def _set_rate(self, optimizer: Optimizer, step: int) -> None:
        """Sets the learning rate: linear warm-up, then a cosine to zero over all steps."""
        steps = self.schedule.steps
        rising = min(1.0, (step + 1) / max(1.0, self.settings.warmup_share * steps))
        falling = 0.5 * (1.0 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = self.peak_rate * rising * falling

    def on_train_epoch_end(self) -> None:
        """Counts the steps, validates, and stops and checkpoints when it is time to."""
        progress = self.progress
        rows = self.batches.row_count()
        progress.step += self.batches.steps
        progress.rows_stepped += rows
        self._take_stock(rows)
        due = time.monotonic() - self._last_save >= self.settings.checkpoint_interval_seconds
        now = time.monotonic()
        progress.fit_seconds += now - self._clock
        self._clock = now
        if self._has_ended():
            self.trainer.should_stop = True
            progress.finished = True
            progress.weights = self._copied_weights() if self._is_annealed() else {}
            progress.optimizer = {}
        elif due and self.trainer.is_global_zero:
            self._checkpoint()

    def _is_annealed(self) -> bool:
        """Whether this was a search that took all steps, so that its rate has fallen to 0."""
        return self.schedule.is_search and self.progress.step >= self.schedule.steps

    def _copied_weights(self) -> dict[str, Tensor]:
        return {name: each.detach().clone() for name, each in self.network.state_dict().items()}

    def _has_ended(self) -> bool:
        if self.progress.step >= self.schedule.steps:
            return True
        patience = self.settings.patience
        return self.schedule.is_search and (
            self.progress.validations_without_gain >= patience or self._is_hopeless()
        )

    def _is_hopeless(self) -> bool:
        """Whether another candidate is so far ahead that the rest of the steps is not worth it."""
        ratio = self.settings.hopeless_loss_ratio
        validations = len(self.progress.history)
        return (
            validations >= self.settings.patience
            and self.progress.best_loss > ratio * self.schedule.rival_loss
        )

    def _checkpoint(self) -> None:
        self.progress.weights = self.network.state_dict()
        self.progress.optimizer = self.trainer.optimizers[0].state_dict()
        self.save_progress()
        self._last_save = time.monotonic()

    def _take_stock(self, rows_stepped: int) -> None:
        """Validates where there are rows for it, keeps the weights that count, and reports."""
        begun = time.monotonic()
        progress = self.progress
        loss_sum, rows = self._validation_loss()
        sums = torch.stack((loss_sum, loss_sum.new_tensor(rows), self._loss_sum))
        validation_sum, validation_rows, training_sum = reduce_sum(sums).tolist()
        self._loss_sum.zero_()
        row: dict[str, float] = {
            "step": progress.step,
            "epoch": epochs_of(progress.step, self.batches.order.steps),
            "train_loss": training_sum / rows_stepped,
        }
        loss = math.inf
        if validation_rows:
            loss = validation_sum / validation_rows
            if not math.isfinite(loss):
                raise self._diverged("validation loss", loss, "its end")
            row |= {"validation_loss": loss, "validation_rows": int(validation_rows)}
        self._keep_weights(loss)
        progress.validation_seconds += time.monotonic() - begun
        progress.history.append(row)
        if self.trainer.is_global_zero:
            seconds = max(progress.fit_seconds + time.monotonic() - self._clock, 1e-9)
            self.events.epoch(
                variant=progress.name, **row, samples_per_second=progress.rows_stepped / seconds
            )

    def _keep_weights(self, loss: float) -> None:
        progress = self.progress
        if self.schedule.is_search and loss >= progress.best_loss:
            progress.validations_without_gain += 1
            return
        progress.best_loss, progress.best_step = loss, progress.step
        progress.validations_without_gain = 0
        progress.best_weights = self._copied_weights()

    def _validation_loss(self) -> tuple[Tensor, int]:
        """Returns the sum of the log losses of this rank's validation rows, and how many it has."""
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        if self.validation is None:
            return total, 0
        encoded_ND, labels_N = self.validation.encoded_ND, self.validation.labels_N
        with torch.no_grad():
            for first in range(0, len(labels_N), _VALIDATED_TOGETHER):
                some = slice(first, first + _VALIDATED_TOGETHER)
                logits_B = self.network.member_logits(encoded_ND[some]).mean(0)
                total += (
                    F.binary_cross_entropy_with_logits(logits_B, labels_N[some], reduction="none")
                    .double()
                    .sum()
                )
        return total, len(labels_N)

    def _diverged(self, what: str, value: float, where: str) -> TrainingDivergedError:
        epoch = self.progress.step // self.batches.order.steps + 1
        return TrainingDivergedError(
            f"{what} of {self.progress.name!r} became {value} in epoch {epoch}, at {where}; lower "
            "learning_rate (peak now "
            f"{self.peak_rate}) or look for extreme values in the training rows"
        )


def epochs_of(steps: int, epoch_steps: int) -> float:
    """Returns how many passes over the data some steps are; an int where they are whole ones."""
    return steps / epoch_steps if steps % epoch_steps else steps // epoch_steps


def reduce_sum(values: Tensor) -> Tensor:
    """Returns the sum of `values` over all ranks."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
    return values
