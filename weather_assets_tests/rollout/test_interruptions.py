"""Killed anywhere and run again, a rollout and a rollback end as if they had not been killed."""

import pytest

from weather_assets_tests.rollout.memory_service import Scorer, release
from weather_assets_tests.rollout.rollouts import BRIEF, Place, place

NEW = release(2)
CANDIDATES = {
    "good": Scorer(),
    "does not start": Scorer(starts=False),
    "does not answer": Scorer(status=500),
    "flipped": Scorer(probability=lambda row: 1 - row["forecast"]),
    "fails in canary": Scorer(fails_from_share=10),
    "fails when live": Scorer(fails_from_share=100),
}


def fresh(candidate: str, *, champion: bool = True) -> Place:
    return place({2: CANDIDATES[candidate]}, champion=champion, settings=BRIEF)


@pytest.mark.parametrize("champion", [True, False], ids=["champion", "first"])
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_killed_at_any_change_of_the_endpoint(candidate: str, champion: bool) -> None:
    undisturbed = fresh(candidate, champion=champion)
    undisturbed.survive(NEW)
    expected, changes = undisturbed.service.standing(), undisturbed.service.changes
    assert changes >= 2
    for number in range(1, changes + 1):
        for moment in ("before", "during", "after"):
            here = fresh(candidate, champion=champion)
            here.service.kill_at = (number, moment)
            here.survive(NEW)
            assert here.service.kill_at is None, "it was not killed"
            assert here.service.standing() == expected, (number, moment)


@pytest.mark.parametrize("candidate", ["good", "does not start", "flipped", "fails when live"])
def test_killed_at_any_entry_of_the_journal(candidate: str) -> None:
    undisturbed = fresh(candidate)
    undisturbed.survive(NEW)
    expected = undisturbed.service.standing()
    for number in range(1, undisturbed.journal.appended + 1):
        for moment in ("before", "after"):
            here = fresh(candidate)
            here.journal.kill_at = (number, moment)
            here.survive(NEW)
            assert here.service.standing() == expected, (number, moment)


def test_killed_twice_in_one_rollback() -> None:
    expected = fresh("fails when live")
    expected.survive(NEW)
    for first in range(5, 8):
        here = fresh("fails when live")
        here.service.kill_at = (first, "after")
        here.journal.kill_at = (here.journal.appended + 14, "after")
        here.survive(NEW)
        assert here.service.standing() == expected.service.standing()
