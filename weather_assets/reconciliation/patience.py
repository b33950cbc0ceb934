"""Whether something that was tried without success is tried again, and when.

Belongs here: pauses, budgets, and the sentence for whoever looks. Does not belong here: which
attempts count (`plan`, and whoever else asks).
"""

from collections.abc import Sequence

from weather_assets.reconciliation.decision import Decision, Step
from weather_assets.reconciliation.facts import Attempt, Ending

FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
MOST_ATTEMPTS = 8
"""After so many failures that might have healed the breaker opens: two hours after the first."""
HOW_TO_CLOSE = "new content or code closes it, or materializing by hand"
_ONLY = "only new content or code, or a hand, starts another"
_FINAL = {
    Ending.NOTHING: "came to its end and found nothing to make",
    Ending.CANCELLED: f"was cancelled: {_ONLY}",
    Ending.PERMANENT: f"failed, and the same would fail again: {_ONLY}",
}
"""Endings after which nothing is tried again by itself, and what is said of them."""


def patience(attempts: Sequence[Attempt], now: float) -> Decision:
    """Decides whether to try again.

    Args:
        attempts: what was tried with the same content and code, oldest first.
        now: in seconds since the epoch. Where it lies before the last attempt's end (the clock was
            set back), nothing is waited for: the budget still bounds what is tried.
    """
    if not attempts:
        return Decision(Step.MAKE)
    last = attempts[-1]
    run = f"run {last.run_id[:8]}"
    if last.ending in _FINAL:
        return Decision(Step.REST, f"{run} {_FINAL[last.ending]}")
    spent = _since_a_hand(attempts)
    if len(spent) >= MOST_ATTEMPTS:
        kills = sum(each.ending is Ending.KILLED for each in spent)
        tried = f"{len(spent)} runs failed, {kills} of them killed"
        return Decision(Step.OPEN, f"breaker open: {tried}, {run} last; {HOW_TO_CLOSE}")
    left = _left_of_pause(spent, now)
    number = f"attempt {len(spent) + 1}"
    if left > 0:
        return Decision(
            Step.PAUSE, f"{run} failed and may go well another time: {number} in {left:.0f} s"
        )
    return Decision(Step.MAKE, f"{number}, after {run}")


def _left_of_pause(spent: Sequence[Attempt], now: float) -> float:
    """Returns the seconds to wait; a run that was killed is started again at once, the first time.

    What kills it again may be itself, or whoever pulls the plug twice: there the pauses begin.
    """
    last = spent[-1]
    waited = now - last.ended_at
    kills = sum(each.ending is Ending.KILLED for each in spent)
    if waited < 0 or (last.ending is Ending.KILLED and kills == 1):
        return 0.0
    return pause_seconds(len(spent) - min(kills, 1)) - waited


def pause_seconds(failures: int) -> float:
    """Returns how long to wait after so many failures: a minute, two, four, up to an hour."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1))


def _since_a_hand(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """Returns the attempts since a person last asked for one: a hand gives a budget anew."""
    hands = [place for place, attempt in enumerate(attempts) if attempt.by_hand]
    return attempts[hands[-1] :] if hands else attempts
