"""Who a rank is."""

import pytest

from weather_assets.adapters.ranks.protocol import RENDEZVOUS_VARIABLE
from weather_assets.forecasting.rank_environment import RankEnvironment, RankEnvironmentError

GANG = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1234"}


def test_without_variables_a_rank_is_alone() -> None:
    assert RankEnvironment.read({}) == RankEnvironment()


def test_ranks_that_meet_on_loopback_share_a_machine_and_others_do_not() -> None:
    assert RankEnvironment.read(GANG).local_world_size == 2
    assert RankEnvironment.read({**GANG, "MASTER_ADDR": "master"}).local_world_size == 1


def test_ranks_that_share_a_machine_and_were_named_a_rendezvous_meet_there() -> None:
    named = {**GANG, RENDEZVOUS_VARIABLE: "a1-1"}
    assert RankEnvironment.read(named).rendezvous == "a1-1"
    assert RankEnvironment.read({**named, "MASTER_ADDR": "master"}).rendezvous == ""
    assert RankEnvironment.read(GANG).rendezvous == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [("RANK", "2"), ("RANK", "-1"), ("WORLD_SIZE", "two"), ("MASTER_PORT", "0"), ("RANK", "")],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(RankEnvironmentError, match=name):
        RankEnvironment.read({**GANG, name: value})


@pytest.mark.parametrize("name", ["RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_a_gang_needs_a_meeting_place(name: str) -> None:
    with pytest.raises(RankEnvironmentError, match=name):
        RankEnvironment.read({key: value for key, value in GANG.items() if key != name})
