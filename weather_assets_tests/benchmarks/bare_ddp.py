"""The same networks trained by a bare PyTorch DDP loop over tensors in memory: one rank.

`python -m weather_assets_tests.benchmarks.bare_ddp JOB.json RESULT.json`, under RANK, WORLD_SIZE,
MASTER_ADDR and MASTER_PORT. Belongs here: what anybody would write first, with nothing around it:
no Lightning, no validation, no events, no checkpoints, no resuming, no learning-rate schedule. Does
not belong here: the comparison (`training_throughput`).
"""

import json
import os
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.parallel import DistributedDataParallel

from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.forecasting.data import feature_matrix
from weather_assets.forecasting.network import RainNetwork
from weather_assets.forecasting.settings import TrainingJob, TrainingSettings


class Encoded(nn.Module):
    """The network from its encoded columns on."""

    def __init__(self, network: RainNetwork) -> None:
        """Takes the network."""
        super().__init__()
        self.network = network

    def forward(self, encoded_BD: Tensor) -> Tensor:
        """Returns each member's logits [K, B]."""
        return self.network.member_logits(encoded_BD)


def main(job_file: Path, result_file: Path) -> None:
    """Trains every architecture of a job for its number of steps; rank 0 writes the rate."""
    job = TrainingJob.read(job_file)
    torch.set_num_threads(job.settings.threads_per_rank)
    dist.init_process_group("gloo")
    rank, world_size = dist.get_rank(), dist.get_world_size()
    contract = Contract.from_dict(json.loads(job.contract.read_text(encoding="utf-8")))
    statistics = TrainingStatistics.from_json(job.statistics.read_text(encoding="utf-8"))
    table = pq.read_table(job.rows, filters=[("split", "=", "train")])
    steps_per_epoch = max(1, len(table) // job.settings.rows_per_step(len(table)))
    rows_per_step = len(table) // steps_per_epoch // world_size
    table = table.slice(rank * len(table) // world_size, len(table) // world_size)
    features_NF = torch.from_numpy(feature_matrix(table, contract))
    labels_N = torch.tensor(table["label_encoded"].to_numpy(), dtype=torch.float32)
    seconds = 0.0
    for architecture in job.settings.architectures:
        torch.manual_seed(job.settings.seed)
        network = RainNetwork.fitted(architecture, contract, statistics)
        with torch.no_grad():
            encoded_ND = network.encode(features_NF)
        model = DistributedDataParallel(
            Encoded(network), broadcast_buffers=False, gradient_as_bucket_view=True
        )
        dist.barrier()
        seconds += train(model, encoded_ND, labels_N, rows_per_step, job.settings)
    rows = rows_per_step * world_size * job.settings.maximum_steps * len(job.settings.architectures)
    if rank == 0:
        content = {"samples_per_second": rows / seconds, "seconds": seconds, "rows": rows}
        result_file.write_text(json.dumps(content), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


def train(
    model: nn.Module,
    encoded_ND: Tensor,
    labels_N: Tensor,
    rows_per_step: int,
    settings: TrainingSettings,
) -> float:
    """Returns the seconds of `maximum_steps` steps over shuffled rows."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, weight_decay=settings.weight_decay, fused=True
    )
    began = time.monotonic()
    order_N, place = torch.randperm(len(labels_N)), 0
    for _ in range(settings.maximum_steps):
        if place + rows_per_step > len(labels_N):
            order_N, place = torch.randperm(len(labels_N)), 0
        pick_B = order_N[place : place + rows_per_step]
        place += rows_per_step
        logits_KB = model(encoded_ND[pick_B])
        loss = binary_cross_entropy_with_logits(logits_KB, labels_N[pick_B].expand_as(logits_KB))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return time.monotonic() - began


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)  # gloo's threads can keep the interpreter from ending
