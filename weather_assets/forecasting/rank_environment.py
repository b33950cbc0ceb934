"""Who a rank is and where it meets the others, from its environment variables.

Belongs here: reading and checking those variables. Does not belong here: choosing them
(`weather_assets.adapters`), and meeting the others, which Lightning does by the same variables.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


class RankEnvironmentError(ValueError):
    """The environment does not say who this rank is. The message names the variable."""


@dataclass(frozen=True, slots=True)
class RankEnvironment:
    """One rank of a gang.

    Attributes:
        rank: 0 to world_size - 1.
        world_size: number of ranks.
        local_rank: position among the ranks on this machine; picks the GPU where there are several.
        local_world_size: number of ranks on this machine.
        rendezvous: names this launch of the gang, where its ranks share one machine; empty where
            they do not, or nobody named it.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1
    rendezvous: str = ""

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Returns what the variables say; without any of them, a gang of one.

        `LOCAL_WORLD_SIZE` may be left out: ranks that meet on a loopback address share one machine,
        others have one each.

        Args:
            variables: such as `os.environ`.

        Raises:
            RankEnvironmentError: naming the variable, its value and what is allowed.
        """
        world_size = _whole(variables, "WORLD_SIZE", 1, 1, 4096)
        shared = _is_loopback(variables.get("MASTER_ADDR", "127.0.0.1"))
        _whole(variables, "MASTER_PORT", 29500, 1, 65535)
        if world_size > 1:
            for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
                if name not in variables:
                    raise RankEnvironmentError(
                        f"WORLD_SIZE is {world_size} but {name} is not set: the launcher must"
                    )
        return cls(
            rank=_whole(variables, "RANK", 0, 0, world_size - 1),
            world_size=world_size,
            local_rank=_whole(variables, "LOCAL_RANK", 0, 0, world_size - 1),
            local_world_size=_whole(
                variables, "LOCAL_WORLD_SIZE", world_size if shared else 1, 1, world_size
            ),
            rendezvous=variables.get("WEATHER_ASSETS_RENDEZVOUS", "") if shared else "",
        )


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _whole(variables: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    text = variables.get(name, str(default))
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise RankEnvironmentError(
            f"environment variable {name} = {text!r} must be a whole number from {lowest} to "
            f"{highest}"
        )
    return int(text)
