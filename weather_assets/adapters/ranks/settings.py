"""Where ranks run, and how patient their supervisor is. Nothing but the settings belongs here."""

from dataclasses import dataclass

from weather_assets.forecasting.settings import TrainingSettings
from weather_assets.foundation.settings import CheckedSettings, number, one_of, setting, whole

_SECONDS = number(above=0)


@dataclass(frozen=True, kw_only=True)
class RankPlacement(CheckedSettings):
    """Where training ranks run."""

    placement: str = setting("process", one_of("process", "docker"))
    """Ranks are processes of this machine, or containers of a Docker engine."""


@dataclass(frozen=True, kw_only=True)
class GangSettings(CheckedSettings):
    """Size of a gang, its time limits, and how often it is started again."""

    world_size: int = setting(2, whole(1, TrainingSettings().logical_shards))
    """Number of ranks. Rows are dealt into as many parts as there can be ranks."""
    start_timeout_seconds: float = setting(120.0, _SECONDS)
    """Longest time from launch to a rank's `started`. Importing torch and Lightning takes 5 s on
    two idle cores, and several times that on a machine that is busy."""
    heartbeat_timeout_seconds: float = setting(15.0, _SECONDS)
    """Longest silence of a started rank, and longest time from its `finished` to its exit. Ranks
    beat every 2 s. Keep it below the process group's time-out, so that the frozen rank is seen
    before its peers complain."""
    progress_timeout_seconds: float = setting(300.0, _SECONDS)
    """Longest time in which a rank's heartbeats may carry the same `step`."""
    stop_grace_seconds: float = setting(5.0, number(least=0))
    """Time between asking a rank to end (SIGTERM) and ending it by force (SIGKILL)."""
    max_relaunches: int = setting(2, whole(0))
    """How often the whole gang is started again after a failure."""
    attribution_seconds: float = setting(1.0, number(least=0))
    """How long to look for the cause after a rank complained of losing its peers: the complaint
    reached us 0.2 s after a peer was killed, on two idle cores."""
    poll_seconds: float = setting(0.05, _SECONDS)
    """Time between two looks at the ranks."""
    log_tail_lines: int = setting(30, whole(1))
    """How many of a rank's last output lines a failure carries."""
