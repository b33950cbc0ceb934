"""How patient the supervisor of a gang is. Nothing but the settings belongs here."""

import math
from dataclasses import dataclass, fields


class GangSettingsError(ValueError):
    """A gang setting is outside its allowed range."""


@dataclass(frozen=True, kw_only=True)
class GangSettings:
    """Size of a gang, its time limits, and how often it is started again."""

    world_size: int = 2
    """Number of ranks."""
    start_timeout_seconds: float = 60.0
    """Longest time from launch to a rank's `started`. Importing torch and Lightning takes 5 s on
    two idle cores, and several times that on a machine that is busy."""
    heartbeat_timeout_seconds: float = 15.0
    """Longest silence of a started rank, and longest time from its `finished` to its exit. Ranks
    beat every 2 s. Keep it below the process group's time-out, so that the frozen rank is seen
    before its peers complain."""
    progress_timeout_seconds: float = 300.0
    """Longest time in which a rank's heartbeats may carry the same `step`."""
    stop_grace_seconds: float = 5.0
    """Time between asking a rank to end (SIGTERM) and ending it by force (SIGKILL)."""
    max_relaunches: int = 2
    """How often the whole gang is started again after a failure."""
    attribution_seconds: float = 1.0
    """How long to look for the cause after a rank complained of losing its peers: the complaint
    reached us 0.2 s after a peer was killed, on two idle cores."""
    poll_seconds: float = 0.05
    """Time between two looks at the ranks."""
    log_tail_lines: int = 30
    """How many of a rank's last output lines a failure carries."""

    def __post_init__(self) -> None:
        """Refuses what cannot work.

        Raises:
            GangSettingsError: names the setting, its value and the allowed range.
        """
        least = {"world_size": 1, "max_relaunches": 0, "log_tail_lines": 1}
        may_be_zero = {"stop_grace_seconds", "attribution_seconds"}
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if name in least:
                if not isinstance(value, int) or value < least[name]:
                    message = f"{name} is {value!r}; give a whole number of at least {least[name]}"
                    raise GangSettingsError(message)
            elif not math.isfinite(value) or value < 0 or (value == 0 and name not in may_be_zero):
                bound = "at least 0" if name in may_be_zero else "above 0"
                message = f"{name} is {value!r}; give a finite number of seconds {bound}"
                raise GangSettingsError(message)
