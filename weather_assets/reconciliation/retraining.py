"""On what terms new rows are reason enough to train again.

Belongs here: the settings, and the sentence that says what is waited for. Does not belong here:
failures (`patience`), or how the facts are read (`weather_assets.defs.retraining`).

The terms are for what is made by itself. Whoever asks by hand gets a training, and so does new
code.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from weather_assets.foundation.settings import CheckedSettings, number, one_of, setting, whole

EVERY_VERSION, LOST_SKILL = "every_version", "lost_skill"
_DAY, _WEEK = 86_400.0, 604_800.0


@dataclass(frozen=True, slots=True)
class RetrainingSettings(CheckedSettings):
    """When new rows train. All terms have to be met."""

    when: str = setting(EVERY_VERSION, one_of(EVERY_VERSION, LOST_SKILL))
    """Whether each new version of the rows trains, or only one of which `live_skill` says that what
    serves has lost what its verdict has shown. `weather-assets replay` shows what either is worth
    on rows of your own; the gate keeps a worse model from serving either way."""
    least_days: float = setting(0.0, number(least=0))
    """Days since the last training; 7 trains once a week at most."""
    least_new_rows: int = setting(0, whole(0))
    """Rows by which there must be more (or fewer) of them than the newest model has learned."""
    most_a_week: int = setting(0, whole(0))
    """Trainings in any seven days; 0 sets no limit."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms, and what is known of trainings.

    Attributes:
        settings: the terms.
        trained_at: when trainings ended, in seconds since the epoch.
        new_rows: how many more or fewer there are now than the newest model has learned; None where
            nobody can tell.
        is_wanted: whether `live_skill` says of the newest rows that it is time; None where it has
            not looked at them yet.
        problem: why the settings cannot be read; empty where they can.
    """

    settings: RetrainingSettings
    trained_at: tuple[float, ...] = ()
    new_rows: int | None = None
    is_wanted: bool | None = None
    problem: str = ""

    def wait(self, now: float, *, inputs_follow: bool = False) -> str:
        """Returns what is waited for before new rows train; empty where they may train now.

        Args:
            now: in seconds since the epoch.
            inputs_follow: whether the rows are just to be made: what depends on them is decided
                once they are there.
        """
        return next(self._waits(now, inputs_follow=inputs_follow), "")

    def _waits(self, now: float, *, inputs_follow: bool) -> Iterator[str]:
        chosen = self.settings
        if self.problem:
            yield self.problem
        # A clock that was set back makes nothing wait.
        past = sorted(time for time in self.trained_at if time <= now)
        if past and now - past[-1] < chosen.least_days * _DAY:
            yield _again(past[-1] + chosen.least_days * _DAY - now, "least_days", chosen.least_days)
        in_week = [time for time in past if now - time < _WEEK]
        if chosen.most_a_week and len(in_week) >= chosen.most_a_week:
            left = in_week[-chosen.most_a_week] + _WEEK - now
            yield _again(left, "most_a_week", chosen.most_a_week)
        if inputs_follow and (chosen.least_new_rows or chosen.when == LOST_SKILL):
            yield "that is decided when its rows are there"
        if self.new_rows is not None and self.new_rows < chosen.least_new_rows:
            yield f"{self.new_rows:,} new rows are fewer than {chosen.least_new_rows:,}"
        if chosen.when == LOST_SKILL and not self.is_wanted:
            yield (
                "live_skill has not looked at these rows yet"
                if self.is_wanted is None
                else "what serves does what its verdict has shown (live_skill)"
            )


def _again(seconds: float, name: str, value: float) -> str:
    return f"training may start again in {seconds / _DAY:.1f} days, by {name} {value:g}"
