"""Local Azure ends with the last who uses it, also where that one was killed; others keep it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from weather_assets.adapters.azure import simulator
from weather_assets.adapters.azure.simulator import end_abandoned, ending_with_its_users
from weather_assets.foundation.held_files import files_in
from weather_assets_tests.foundation.dying import waiting

USE = """
from contextlib import ExitStack
from pathlib import Path
from weather_assets.adapters.azure import simulator
kept = ExitStack()
kept.enter_context(simulator.ending_with_its_users(Path({state!r}), Path({users!r})))
simulator.start(Path({state!r}))
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    simulator.stop(tmp_path / "state")


@pytest.fixture
def users(tmp_path: Path) -> Path:
    return tmp_path / "users"


def user(state: Path, users: Path) -> str:
    """Returns a program that uses the simulator, which it starts."""
    return USE.format(state=str(state), users=str(users))


def test_it_ends_at_the_next_command_after_its_only_user_was_killed(
    state: Path, users: Path
) -> None:
    with waiting(user(state, users)) as killed:
        end_abandoned(state, users)
        assert simulator.running(state) is not None, "its user lives"
        killed.kill()
        killed.wait()
    assert simulator.running(state) is not None
    end_abandoned(state, users)
    assert simulator.running(state) is None
    assert files_in(users) == []


def test_it_ends_with_the_last_of_its_users(state: Path, users: Path) -> None:
    with waiting(user(state, users)) as killed:
        with ending_with_its_users(state, users) as stays:
            assert not stays
            killed.kill()
            killed.wait()
            end_abandoned(state, users)
            assert simulator.running(state) is not None, "this one lives"
        assert simulator.running(state) is None


def test_one_that_was_started_for_itself_stays(state: Path, users: Path) -> None:
    simulator.start(state)
    with ending_with_its_users(state, users) as stays:
        assert stays
        assert files_in(users) == []
    end_abandoned(state, users)
    assert simulator.running(state) is not None
