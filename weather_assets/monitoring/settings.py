"""What a model that serves must keep. Belongs here: limits, with the reason for each default."""

from dataclasses import dataclass

from weather_assets.foundation.settings import CheckedSettings, number, setting, whole


@dataclass(frozen=True, slots=True)
class LiveSkillSettings(CheckedSettings):
    """When live skill is called lost."""

    margin: float = setting(0.05, number(above=0, below=1))
    """Brier skill score that what serves may fall below what its verdict has shown. The margin of
    the verdict itself: what was not worth refusing is not worth an alarm."""
    false_alarm_weeks: int = setting(520, whole(10, 10_000))
    """Weeks with rows between two false alarms, on average, of a model that has lost the margin and
    no more; ten years, and far longer where it has lost nothing."""
