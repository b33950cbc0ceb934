"""Where the ranks of a gang find each other, and how they make sure that nobody else is there.

Belongs here: torch's process group, from the store to the first words. Does not belong here: who a
rank is (`rank_environment`), and what is computed together (`lightning_module`).

Ranks that share a machine meet in a file of a folder that only their user can open: rank 0's TCP
store would listen on every interface, and let anybody read and write. Their sockets listen on
loopback (the launcher names it), which other users of the machine reach too. Gloo takes the first
caller that names the right small number for the peer that it expects (torch 2.13), so that the
ranks end the attempt unless each says what only the file says.
"""

import os
import secrets
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed
from torch.distributed import FileStore  # pyright: ignore[reportPrivateImportUsage] - documented

from weather_assets.forecasting.rank_environment import RankEnvironment

_TOKEN_BYTES = 32


class StrangerError(RuntimeError):
    """Something that is no rank of this gang took a rank's place."""


def meet(place: RankEnvironment, folder: Path, device: torch.device, timeout: timedelta) -> None:
    """Makes the process group of this gang; does nothing for a gang of one.

    Ranks on machines of their own, or that nobody gave a rendezvous id, meet at MASTER_ADDR.

    Args:
        place: who this rank is.
        folder: private to this gang's user, the same for every rank; made if missing.
        device: what this rank computes on.
        timeout: how long to wait for another rank, here and inside a collective.

    Raises:
        StrangerError: if another program was faster than a rank.
        RuntimeError: from torch, if another rank does not come in time.
    """
    if place.world_size == 1:
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    if not place.rendezvous:
        torch.distributed.init_process_group(backend, timeout=timeout)
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    # NCCL has a variable of its own for the interface that the launcher named to gloo.
    os.environ["NCCL_SOCKET_IFNAME"] = os.environ.get("GLOO_SOCKET_IFNAME", "")
    store = FileStore(str(folder / place.rendezvous), place.world_size)
    store.set_timeout(timeout)
    tokens = _exchange_tokens(store, place)
    torch.distributed.init_process_group(
        backend, store=store, rank=place.rank, world_size=place.world_size, timeout=timeout
    )
    _recognize(tokens, place, device)


def _exchange_tokens(store: FileStore, place: RankEnvironment) -> list[bytes]:
    """Returns each rank's token, once all are there: sockets then wait a moment for each other."""
    store.set(f"token-{place.rank}", secrets.token_hex(_TOKEN_BYTES // 2))
    return [store.get(f"token-{rank}") for rank in range(place.world_size)]


def _recognize(tokens: list[bytes], place: RankEnvironment, device: torch.device) -> None:
    own = torch.frombuffer(bytearray(tokens[place.rank]), dtype=torch.uint8).to(device)
    heard = [torch.empty_like(own) for _ in tokens]
    torch.distributed.all_gather(heard, own)
    for rank, (token, said) in enumerate(zip(tokens, heard, strict=True)):
        if not secrets.compare_digest(token, bytes(said.tolist())):
            raise StrangerError(
                f"a program that is no rank of this training took the place of rank {rank}; "
                "another user of this machine may be attacking it"
            )
