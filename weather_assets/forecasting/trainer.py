"""Lightning's trainer for one rank of a gang: device, strategy, silence.

Belongs here: what Lightning must be told about processes and devices. Does not belong here: what is
trained (`lightning_module`), or in which order (`training`).
"""

import logging
import warnings
from pathlib import Path

import torch
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy, Strategy

from weather_assets.forecasting.rank_environment import RankEnvironment


class GangEnvironment(TorchElasticEnvironment):
    """Reads the variables that `RankEnvironment` has checked; every rank counts as a node."""

    def local_rank(self) -> int:
        """Always 0: a rank drives one device."""
        return 0

    def node_rank(self) -> int:
        """The rank."""
        return self.global_rank()


def make_trainer(place: RankEnvironment, *, epochs: int, folder: Path) -> Trainer:
    """Returns a trainer that writes nothing and says nothing, for ranks that have met (`meeting`).

    Args:
        place: who this rank is.
        epochs: to train.
        folder: where Lightning would write, were it asked to.
    """
    device = rank_device(place)
    strategy: Strategy
    if place.world_size == 1:
        strategy = SingleDeviceStrategy(device)
    else:
        strategy = DDPStrategy(
            cluster_environment=GangEnvironment(),
            parallel_devices=[device],
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
