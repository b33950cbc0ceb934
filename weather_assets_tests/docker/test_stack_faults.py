"""What goes wrong in a running stack ends in bounded time, and leaves nothing behind."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from weather_assets_tests.docker.stack import Run, Stack
from weather_assets_tests.synthetic import five_column_chunks

SEEDS = itertools.count(1000)
"""Another seed is another training: equal ones would be found, not made."""
SENSORS = ("raw_weather_sensor", "continuous_training_sensor", "rollout_sensor")
STEPS = 30_000
"""So many that ranks still train when something happens to them, and end soon afterwards."""


@pytest.fixture(scope="module")
def rows(stack: Stack) -> Iterator[None]:
    """Small rows in the stack, and no sensors that could train beside the tests."""
    for sensor in SENSORS:
        stack.switch(sensor, on=False)
    stack.drop("weather.csv", "".join(five_column_chunks(2500)).encode())
    run = stack.finished(stack.materialize("raw_weather", "processed_weather", "rejected_weather"))
    assert run.status == "SUCCESS"
    yield
    for sensor in SENSORS:
        stack.switch(sensor, on=True)


pytestmark = pytest.mark.usefixtures("rows")


def train(stack: Stack, *, steps: int = STEPS) -> str:
    """Launches a training that was never made."""
    chosen: dict[str, Any] = {"seed": next(SEEDS), "maximum_steps": steps}
    config = {"ops": {"weather_checkpoint": {"config": chosen}}}
    return stack.materialize("weather_checkpoint", config=config)


def tried_again(stack: Stack, before: set[str]) -> Run | None:
    """Returns the run that a sensor has started since, for the training that died."""
    return next(
        (
            run
            for run in stack.runs()
            if run.run_id not in before and run.tags.get("weather_assets/asked_by")
        ),
        None,
    )


def test_cancelled_in_the_ui(stack: Stack) -> None:
    run_id = train(stack)
    assert len(stack.trains(run_id)) == 2
    stack.cancel(run_id)
    assert stack.finished(run_id).status == "CANCELED"


def test_a_killed_run_worker_is_run_again(stack: Stack) -> None:
    run_id = train(stack)
    orphans = {rank.id for rank in stack.trains(run_id)}
    before = {run.run_id for run in stack.runs()}
    stack.worker(run_id).kill()
    stack.wait(
        "its ranks end with it",
        lambda: not orphans & {each.id for each in stack.launched()},
        seconds=30,
    )
    assert stack.finished(run_id).status == "FAILURE"
    stack.switch("continuous_training_sensor", on=True)
    again = stack.wait("it is run again", lambda: tried_again(stack, before))
    stack.switch("continuous_training_sensor", on=False)
    # The champion of `test_stack` knows rows of another kind: the verdict on this training, which
    # the sensor asks for in the same run, refuses to compare the two.
    assert stack.finished(again.run_id).steps["weather_checkpoint"] == "SUCCESS"


@pytest.mark.parametrize("service", ["mlflow", "postgres"])
def test_a_service_is_restarted_during_training(stack: Stack, service: str) -> None:
    run_id = train(stack)
    stack.trains(run_id)
    stack.service(service).restart(timeout=10)
    assert stack.finished(run_id).status == "SUCCESS"


def test_the_engine_is_out_of_reach(stack: Stack) -> None:
    run_id = train(stack)
    ranks = {rank.id for rank in stack.trains(run_id)}
    engine = stack.service("engine")
    engine.stop(timeout=1)
    try:
        stack.wait(
            "ranks that nobody can reach end by themselves",
            lambda: not ranks & {each.id for each in stack.launched()},
            seconds=60,
        )
    finally:
        engine.start()
    run = stack.finished(run_id)
    assert run.status in ("SUCCESS", "FAILURE")
    if run.status == "FAILURE":
        assert any("the Docker engine" in message for message in stack.messages(run_id))
