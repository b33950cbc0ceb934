"""Whole rollouts as assets: the unmodified `MLClient`, TLS, real scorers, users all the while.

Shadow, canary, 100 % and back again, and a rollback from each stage for each kind of bad candidate.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from weather_assets_tests.integration.live_clients import Record, right
from weather_assets_tests.integration.prepared_root import Defect
from weather_assets_tests.integration.served_endpoint import (
    STAGES,
    ServedEndpoint,
    StageResult,
    served,
)

NAME = "rollout-assets"
DEPLOYED, SHADOW, CANARY, LIVE = STAGES
TRAFFIC = {
    DEPLOYED: ("blue 100 %", "blue 100 %"),
    SHADOW: ("blue 100 %", "blue 100 %; mirrored to green: 20 %"),
    CANARY: ("blue 100 %; mirrored to green: 20 %", "blue 90 %, green 10 %"),
    LIVE: ("blue 90 %, green 10 %", "green 100 %"),
}


@dataclass(frozen=True)
class History:
    """Three releases, one after the other, and what users were told meanwhile."""

    first: dict[str, StageResult]
    second: dict[str, StageResult]
    ends: dict[str, float]
    second_standing: tuple[dict[str, int], dict[str, str]]
    third: dict[str, StageResult]
    third_standing: tuple[dict[str, int], dict[str, str]]
    mirrored: int
    users: Record


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedEndpoint]:
    with served(tmp_path_factory.mktemp("rollout"), NAME) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def history(endpoint: ServedEndpoint) -> History:
    """Release 1 at once, release 2 stage by stage, release 3 in one run."""
    for version in ("1", "2", "3"):
        endpoint.prepared.add(version)
    endpoint.prepared.offer("1")
    first = endpoint.run(job="azure_manual_deploy")
    endpoint.prepared.offer("2")
    second: dict[str, StageResult] = {}
    ends: dict[str, float] = {}
    mirrored = 0
    with endpoint.users() as users:
        for stage in STAGES:
            second |= endpoint.run(stage)
            ends[stage] = time.monotonic()
            if stage == CANARY:
                counts = endpoint.control.metrics(NAME, "green")
                mirrored = counts["mirrored"]["requests"]
        second_standing = endpoint.standing()
        endpoint.prepared.offer("3")
        third = endpoint.run()
    return History(
        first, second, ends, second_standing, third, endpoint.standing(), mirrored, users
    )


def test_manual_deployment_makes_the_endpoint_and_gives_all_traffic_at_once(
    history: History,
) -> None:
    assert list(history.first) == [DEPLOYED, LIVE]
    assert all(stage.passed for stage in history.first.values())
    assert history.first[LIVE].metadata["traffic_before"] == "none"
    assert history.first[LIVE].metadata["traffic_after"] == "blue 100 %"


def test_a_rollout_goes_through_its_stages_and_the_next_one_goes_back(history: History) -> None:
    assert list(history.second) == list(STAGES)
    assert all(stage.passed for stage in history.second.values())
    traffic = {
        name: (stage.metadata["traffic_before"], stage.metadata["traffic_after"])
        for name, stage in history.second.items()
    }
    assert traffic == TRAFFIC
    assert history.second_standing == ({"green": 100}, {"green": "2"})
    assert list(history.third) == list(STAGES)
    assert history.third_standing == ({"blue": 100}, {"blue": "3"})
    assert {stage.metadata["slot"] for stage in history.third.values()} == {"blue"}


def test_stages_show_evidence_and_where_the_model_answers(history: History) -> None:
    for results, version in ((history.second, "2"), (history.third, "3")):
        for name, stage in results.items():
            assert stage.metadata["model_version"] == version
            assert stage.metadata["rolled_back"] is False
            assert stage.metadata["scoring_uri"].startswith(f"https://{NAME}.")
            if name != DEPLOYED:
                assert "rows were answered" in stage.sentence
                for number in ("candidate requests", "skill difference", "mean difference"):
                    assert number in stage.metadata["evidence"], name


def test_no_request_is_lost_and_none_is_answered_by_a_removed_slot(history: History) -> None:
    users, ends = history.users, history.ends
    assert users.lost == []
    assert users.interrupted == []
    assert all(right(answer) for answer in users.answers)
    assert users.served() == {("blue", "1"), ("green", "2"), ("blue", "3")}
    assert users.served(until=ends[SHADOW]) == {("blue", "1")}, "a mirrored answer is nobody's"
    assert ("blue", "1") not in users.served(since=ends[LIVE]), "it was removed"
    went = [(answer.deployment, answer.version) for answer in users.answers]
    assert ("green", "2") not in went[went.index(("blue", "3")) + 50 :]
    assert history.mirrored > 0
    assert len(users.answers) > 80
    assert len(users.sights) > 50


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("stage", "defect", "said"),
    [
        (DEPLOYED, Defect.OTHER_COLUMNS, "last problem: HTTP 424: the container answered 400"),
        (DEPLOYED, Defect.NAN, "a probability of nan"),
        (SHADOW, Defect.ANSWERS_503, "HTTP 424: the container answered 503"),
        (SHADOW, Defect.CRASHES, "requests to the candidate failed"),
        (CANARY, Defect.SLOW, "ms (median) and"),
        (LIVE, Defect.FLIPPED, "at most 0.25 is allowed"),
    ],
    ids=lambda value: value.name if isinstance(value, Defect) else "",
)
def test_a_bad_candidate_is_rolled_back(
    endpoint: ServedEndpoint, stage: str, defect: Defect, said: str
) -> None:
    endpoint.prepared.add(defect.name, defect)
    endpoint.prepared.offer(defect.name)
    before = STAGES[: STAGES.index(stage)]
    with endpoint.users(pause_seconds=0.1) as users:
        try:
            if before:
                assert all(each.passed for each in endpoint.run(*before).values())
            endpoint.prepared.trigger.touch()
            # The stages that follow do not run: the check blocks.
            results = endpoint.run(*STAGES[len(before) :])
            ended = time.monotonic()
            time.sleep(0.2)
        finally:
            endpoint.prepared.trigger.unlink()
    assert list(results) == [stage]
    failed = results[stage]
    assert not failed.passed
    assert said in failed.sentence
    assert failed.metadata["rolled_back"] is True
    assert failed.metadata["traffic_after"] == "blue 100 %"
    assert endpoint.standing() == ({"blue": 100}, {"blue": "3"})
    _check_logs(failed, defect)
    assert users.served(since=ended) == {("blue", "3")}
    assert {answer.deployment for answer in users.lost} <= {"green"}
    harmless = {Defect.SLOW, Defect.NAN, Defect.FLIPPED}  # they answer 200, or nobody is told
    assert not (users.lost and defect in harmless)
    assert not (users.lost and stage in {DEPLOYED, SHADOW}), "the champion answered everybody"
    if defect is not Defect.CRASHES:
        assert users.interrupted == []


def _check_logs(failed: StageResult, defect: Defect) -> None:
    bad, champion = failed.metadata["log_of_green"], failed.metadata["log_of_blue"]
    for log in (bad, champion):
        assert "storage-initializer" in log
        assert "inference-server" in log
    told = "this scorer has gone bad" if defect.value else " 400 "
    assert (told in bad, told in champion) == (True, False)


@pytest.mark.usefixtures("history")
def test_manual_deployment_over_a_champion_loses_nothing(endpoint: ServedEndpoint) -> None:
    endpoint.prepared.add("at-once")
    endpoint.prepared.offer("at-once")
    with endpoint.users() as users:
        results = endpoint.run(job="azure_manual_deploy")
    assert [stage.passed for stage in results.values()] == [True, True]
    assert endpoint.standing() == ({"green": 100}, {"green": "at-once"})
    assert (users.lost, users.interrupted) == ([], [])


@pytest.mark.usefixtures("history")
def test_what_is_live_already_is_left_alone(endpoint: ServedEndpoint) -> None:
    live, versions = endpoint.standing()
    endpoint.prepared.offer(next(iter(versions.values())))
    results = endpoint.run()
    assert all(stage.passed for stage in results.values())
    assert endpoint.standing() == (live, versions)
    deployments = endpoint.control.status()["endpoints"][NAME]["deployments"]
    assert [facts["instances"][0]["restarts"] for facts in deployments.values()] == [0]
