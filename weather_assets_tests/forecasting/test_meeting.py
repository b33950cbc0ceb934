"""Ranks that share a machine find each other, and nobody else comes in between."""

import os
import stat
import subprocess
import sys
from pathlib import Path

RANK = """
import sys, torch
from datetime import timedelta
from pathlib import Path
from weather_assets.forecasting.meeting import meet
from weather_assets.forecasting.rank_environment import RankEnvironment
place = RankEnvironment(int(sys.argv[2]), 2, rendezvous="one")
meet(place, Path(sys.argv[1]), torch.device("cpu"), timedelta(seconds=20))
total = torch.ones(1)
torch.distributed.all_reduce(total)
print("met", int(total))
"""
IMPOSTOR = """
import sys, torch
from pathlib import Path
store = torch.distributed.FileStore(str(Path(sys.argv[1]) / "one"), 2)
store.set("token-1", "0" * 32)
torch.distributed.init_process_group("gloo", store=store, rank=1, world_size=2)
heard = [torch.empty(32, dtype=torch.uint8) for _ in range(2)]
torch.distributed.all_gather(heard, torch.frombuffer(bytearray(b"1" * 32), dtype=torch.uint8))
"""


def start(program: str, *arguments: str | Path | int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ranks_meet_in_a_folder_of_their_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "meeting"
    folder.mkdir(mode=0o755)
    with start(RANK, folder, 0) as first, start(RANK, folder, 1) as second:
        said = [rank.communicate(timeout=60) for rank in (first, second)]
    assert said == [("met 2\n", ""), ("met 2\n", "")]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_who_does_not_know_the_rank_s_word_ends_the_attempt(tmp_path: Path) -> None:
    with start(RANK, tmp_path, 0) as rank, start(IMPOSTOR, tmp_path) as impostor:
        output, errors = rank.communicate(timeout=60)
        impostor.communicate(timeout=60)
    assert output == ""
    assert "a program that is no rank of this training took the place of rank 1" in errors
