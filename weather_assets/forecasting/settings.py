"""What a training run may be told, and the job file that one rank reads.

Belongs here: settings with their reasons, their checks and their JSON form. Does not belong here:
anything that acts on them, or anything that needs torch (the launcher writes job files too).
"""

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from weather_assets.foundation.settings import SettingError, check_settings, setting, whole

SERVED_FOLDER = "served"
"""In a candidate's folder: the network that was trained by the same recipe on every row."""


class TrainingSettingsError(SettingError):
    """A setting or a job file is not usable. The message names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One shape of network among those that are tried.

    Attributes:
        name: what it is called in reports.
        hidden_units: widths of the hidden layers; none leaves the linear path alone.
        members: independent perceptrons whose logits are averaged. Four of them in one batched
            multiplication cost little more than one, and halve the spread between seeds.
        piecewise: whether the linear path also sees piecewise-linear encodings of the numeric
            features, which makes it an additive model of arbitrary curves.
        piecewise_members: how many of the members see those encodings too.
        learning_rate_factor: times the learning rate of the settings. Half for the additive model:
            at the full rate it passes its best epoch between two validations (Greensboro).
    """

    name: str
    hidden_units: tuple[int, ...] = ()
    members: int = 1
    piecewise: bool = False
    piecewise_members: int = 0
    learning_rate_factor: float = 1.0

    def __post_init__(self) -> None:
        """Refuse sizes that no layer can have.

        Raises:
            TrainingSettingsError: naming the architecture and the sizes.
        """
        if not self.name or self.members < 1 or any(units < 1 for units in self.hidden_units):
            raise TrainingSettingsError(
                f"architecture {self.name!r}: needs a name, members >= 1 and hidden_units >= 1; "
                f"found members = {self.members}, hidden_units = {list(self.hidden_units)}"
            )
        if not 0 < self.learning_rate_factor <= 10:
            raise TrainingSettingsError(
                f"architecture {self.name!r}: learning_rate_factor = {self.learning_rate_factor} "
                "must be above 0 and at most 10"
            )
        if not 0 <= self.piecewise_members <= (self.members if self.piecewise else 0):
            raise TrainingSettingsError(
                f"architecture {self.name!r}: piecewise_members = {self.piecewise_members} must be "
                "from 0 to members, and 0 unless piecewise is set"
            )

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Self:
        """Returns the architecture that `dataclasses.asdict` described, also after JSON."""
        values = dict(description)
        values["hidden_units"] = tuple(values.get("hidden_units", ()))
        return cls(**values)


CANDIDATES: tuple[Architecture, ...] = (
    Architecture(
        "perceptron_piecewise",
        hidden_units=(48, 48),
        members=4,
        piecewise=True,
        piecewise_members=2,
    ),
    Architecture("additive", piecewise=True, learning_rate_factor=0.5),
)
"""What is tried on every data set; the lowest validation log loss wins. The last suits a few
hundred events (Greensboro), the first more of them, and thresholds (five columns). Perceptrons
without piecewise-linear columns were behind on all four development files, and won by chance where
validation rows are few. The additive network comes last because it is the slowest to converge, and
the one that is most often hopeless early."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How candidates are trained. The defaults were chosen on the four development files together.

    A user may choose those whose range stands beside them.

    Attributes:
        architectures: the candidates, tried one after another.
        learning_rate: peak of AdamW's rate, reached after the warm-up, then a cosine down to 0.
        weight_decay: AdamW's decoupled decay (Loshchilov and Hutter 2019), on weight matrices only.
        warmup_share: share of all steps over which the rate rises.
        validation_interval_steps: steps between validations; rounded to whole epochs where an epoch
            is shorter than two of them.
        validation_rows: validation rows, at most, that choose epoch and candidate. What is reported
            of the chosen one is of all of them.
        hopeless_loss_ratio: a candidate is given up when, after `patience` validations, its log
            loss is still this many times the best of those tried before it. The development files'
            candidates end within 1.15 of one another where they compete at all.
        contender_loss_ratio: a candidate whose search ends with more than so many times the lowest
            log loss before it is not annealed: it would not catch up.
        annealed_steps_per_best_step: how many steps the candidate is then trained for, with a rate
            that falls to 0, for each step up to its best validation. A cosine of twice as many
            steps adds up to the same sum of rates. Networks that end with a rate of 0 differ less
            between seeds (New York: a fifth) and forecast better than those that are stopped.
        batch_rows: rows per step over all ranks; None chooses by the number of rows.
        logical_shards: parts that rows are dealt into, whatever the number of ranks. A step takes a
            slice of each part, so one rank and many take the same steps; also the most ranks there
            can be.
        process_group_timeout_seconds: how long a rank waits for another inside a collective.
        checkpoint_interval_seconds: shortest time between checkpoints; small data finish an epoch
            in milliseconds, and a checkpoint costs about 10 of them.
        heartbeat_interval_seconds: time between heartbeats.
        threads_per_rank: threads of one rank. One is fastest for layers this small, and ranks
            that share a machine do not fight for cores.
    """

    seed: int = setting(20130101, whole(0))
    """Of initial weights and of the order of rows."""
    maximum_steps: int = setting(300, whole(1))
    """Optimiser steps of one training, at most; the last one ends with a validation, so a few more
    may be taken. Of more rows than that many steps visit, only as many are used: those with the
    lowest hashes, which is a sample."""
    patience: int = setting(5, whole(1))
    """Validations without a better log loss after which a candidate is finished. On the four
    development files, 4 already keeps every best epoch."""
    architectures: tuple[Architecture, ...] = CANDIDATES
    learning_rate: float = 1e-2
    weight_decay: float = 0.1
    warmup_share: float = 0.1
    validation_interval_steps: int = 20
    validation_rows: int = 262_144
    hopeless_loss_ratio: float = 1.5
    contender_loss_ratio: float = 1.05
    annealed_steps_per_best_step: int = 2
    batch_rows: int | None = None
    logical_shards: int = 8
    process_group_timeout_seconds: float = 25.0
    checkpoint_interval_seconds: float = 5.0
    heartbeat_interval_seconds: float = 2.0
    threads_per_rank: int = 1

    def __post_init__(self) -> None:
        """Refuse values that could not train.

        Raises:
            SettingError: naming the setting, its value and what is allowed.
        """
        check_settings(self)
        for name in (
            "learning_rate",
            "process_group_timeout_seconds",
            "heartbeat_interval_seconds",
        ):
            _require(name, getattr(self, name), "above 0", fulfilled=getattr(self, name) > 0)
        for name in ("weight_decay", "checkpoint_interval_seconds"):
            _require(name, getattr(self, name), "0 or more", fulfilled=getattr(self, name) >= 0)
        for name in (
            "annealed_steps_per_best_step",
            "validation_interval_steps",
            "validation_rows",
            "logical_shards",
            "threads_per_rank",
        ):
            _require(name, getattr(self, name), "1 or more", fulfilled=getattr(self, name) >= 1)
        share, rows = self.warmup_share, self.batch_rows
        for name in ("hopeless_loss_ratio", "contender_loss_ratio"):
            ratio = getattr(self, name)
            _require(name, ratio, "1 or more", fulfilled=ratio >= 1)
        _require("warmup_share", share, "in [0, 1)", fulfilled=0 <= share < 1)
        _require("batch_rows", rows, "1 or more, or none", fulfilled=rows is None or rows >= 1)
        names = [architecture.name for architecture in self.architectures]
        different = 0 < len(set(names)) == len(names)
        _require("architectures", names, "at least one, all named apart", fulfilled=different)

    def rows_per_step(self, training_rows: int) -> int:
        """Returns the least number of rows of one step over all ranks.

        A sixteenth of the data, but at least 1,024: below that a step costs its overhead whatever
        it holds (2 ms with 64 rows or 1,024), and at most 65,536, where a step is all arithmetic.
        """
        chosen = self.batch_rows or min(max(training_rows // 16, 1024), 65536)
        return min(chosen, training_rows)

    def share_visited(self, rows: int) -> float:
        """Returns the share of the rows of a training that the allowed steps visit, in (0, 1]."""
        reach = self.maximum_steps * self.rows_per_step(rows)
        return min(1.0, reach / rows) if rows else 1.0

    def stretch_steps(self, epoch_steps: int) -> int:
        """Returns the steps from one validation to the next, where an epoch has `epoch_steps`."""
        interval = self.validation_interval_steps
        if epoch_steps >= 2 * interval:
            return interval
        return epoch_steps * max(1, round(interval / epoch_steps))

    def steps_allowed(self, epoch_steps: int) -> int:
        """Returns the most steps of a training, where an epoch has `epoch_steps`."""
        stretch = self.stretch_steps(epoch_steps)
        return stretch * math.ceil(self.maximum_steps / stretch)

    def annealed_steps(self, best_step: int, epoch_steps: int) -> int:
        """Returns for how many steps a candidate is trained whose best validation was at a step."""
        wanted = self.annealed_steps_per_best_step * best_step
        return min(wanted, self.steps_allowed(epoch_steps))

    def to_dict(self) -> dict[str, Any]:
        """Returns a JSON-ready description; `from_dict` is its inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Self:
        """Returns the settings that `to_dict` described, also after a trip through JSON.

        Raises:
            TrainingSettingsError: for an unknown setting, or a value that is not allowed.
        """
        values = dict(description)
        known = sorted(field.name for field in fields(cls))
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise TrainingSettingsError(f"unknown training settings {unknown}; there are {known}")
        if "architectures" in values:
            values["architectures"] = tuple(
                Architecture.from_dict(architecture) for architecture in values["architectures"]
            )
        return cls(**values)


def _require(name: str, value: object, allowed: str, *, fulfilled: bool) -> None:
    if not fulfilled:
        raise TrainingSettingsError(f"training setting {name} = {value!r} must be {allowed}")


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Everything that one rank needs to know; the same file for all ranks.

    Attributes:
        rows: `weather.parquet`, a file or a folder of parts.
        contract: `contract.json`, as `Contract.to_dict` wrote it.
        statistics: `statistics.json` of the training rows.
        output: folder for the candidate; made if missing. Checkpoints and row files are in it until
            they are removed.
        settings: how to train.
    """

    rows: Path
    contract: Path
    statistics: Path
    output: Path
    settings: TrainingSettings = TrainingSettings()

    @property
    def row_files(self) -> Path:
        """Folder of the rows as training reads them, made from `rows` by the rank that is first."""
        return self.output / "row_files"

    @property
    def row_files_lock(self) -> Path:
        """Held by the rank that makes them."""
        return self.output / "row_files.lock"

    @property
    def checkpoints(self) -> Path:
        """Folder of what a relaunched gang continues from."""
        return self.output / "checkpoints"

    @property
    def meeting(self) -> Path:
        """Folder in which ranks that share a machine find each other; nobody else may open it."""
        return self.output / "meeting"

    def remove_scratch(self) -> None:
        """Removes from the output what only an unfinished training needs."""
        for folder in (self.checkpoints, self.row_files, self.meeting):
            shutil.rmtree(folder, ignore_errors=True)
        self.row_files_lock.unlink(missing_ok=True)

    def write(self, path: Path) -> None:
        """Writes the job file."""
        description = {
            "rows": str(self.rows),
            "contract": str(self.contract),
            "statistics": str(self.statistics),
            "output": str(self.output),
            "settings": self.settings.to_dict(),
        }
        path.write_text(json.dumps(description, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a job file.

        Raises:
            TrainingSettingsError: if it is missing, not JSON, or lacks something; names the file.
        """
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                rows=Path(description["rows"]),
                contract=Path(description["contract"]),
                statistics=Path(description["statistics"]),
                output=Path(description["output"]),
                settings=TrainingSettings.from_dict(description.get("settings", {})),
            )
        except (OSError, TypeError, KeyError, json.JSONDecodeError) as error:
            raise TrainingSettingsError(
                f"{path} is not a training job ({type(error).__name__}: {error}); it needs rows, "
                "contract, statistics, output and optionally settings"
            ) from error
