"""Lightning's trainer for one rank of a gang: device, strategy, silence.

Belongs here: what Lightning must be told about processes and devices. Does not belong here: what is
trained (`lightning_module`), or in which order (`training`).
"""

import logging
import warnings
from datetime import timedelta
from pathlib import Path

import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy, Strategy

from weather_assets.forecasting.rank_environment import RankEnvironment


class GangEnvironment(ClusterEnvironment):
    """Tells Lightning where this rank stands. One "node" per rank: each is its own process."""

    def __init__(self, place: RankEnvironment) -> None:
        """Takes the rank's place in the gang."""
        super().__init__()
        self._place = place

    @property
    def creates_processes_externally(self) -> bool:
        """Lightning starts no process of its own."""
        return True

    @property
    def main_address(self) -> str:
        """Where rank 0 listens."""
        return self._place.master_address

    @property
    def main_port(self) -> int:
        """On which port."""
        return self._place.master_port

    @staticmethod
    def detect() -> bool:
        """Never chosen by itself."""
        return False

    def world_size(self) -> int:
        """Number of ranks."""
        return self._place.world_size

    def set_world_size(self, size: int) -> None:
        """Fixed by the launcher."""

    def global_rank(self) -> int:
        """This rank."""
        return self._place.rank

    def set_global_rank(self, rank: int) -> None:
        """Fixed by the launcher."""

    def local_rank(self) -> int:
        """Always 0: a rank drives one device."""
        return 0

    def node_rank(self) -> int:
        """The rank, since every rank counts as a node."""
        return self._place.rank


def make_trainer(
    place: RankEnvironment, *, epochs: int, process_group_timeout_seconds: float, folder: Path
) -> Trainer:
    """Returns a trainer that writes nothing and says nothing.

    Args:
        place: who this rank is.
        epochs: to train.
        process_group_timeout_seconds: how long to wait for another rank inside a collective.
        folder: where Lightning would write, were it asked to.
    """
    device = rank_device(place)
    strategy: Strategy
    if place.world_size == 1:
        strategy = SingleDeviceStrategy(device)
    else:
        strategy = DDPStrategy(
            cluster_environment=GangEnvironment(place),
            parallel_devices=[device],
            process_group_backend="nccl" if device.type == "cuda" else "gloo",
            timeout=timedelta(seconds=process_group_timeout_seconds),
            broadcast_buffers=False,  # they are constants; broadcasting them costs 1 ms per step
            gradient_as_bucket_view=True,
        )
    return Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=[device.index] if device.type == "cuda" else 1,
        num_nodes=place.world_size,
        strategy=strategy,
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=folder,
    )


def rank_device(place: RankEnvironment) -> torch.device:
    """Returns this rank's GPU where each rank of the machine can have one, or else the CPU.

    Two ranks cannot share a GPU under NCCL; Apple's GPUs have no float64.
    """
    if torch.cuda.device_count() >= place.local_world_size:
        return torch.device("cuda", place.local_rank)
    return torch.device("cpu")


def silence_lightning() -> None:
    """Keeps Lightning's advice off the log: what a rank reports are its events."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\.")
