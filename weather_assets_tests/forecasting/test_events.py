"""What a rank tells its launcher."""

import io
import json
import time
from typing import Any

from weather_assets.forecasting.events import RankEvents


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_heartbeats_carry_the_counter_and_end_with_the_rank() -> None:
    stream = io.StringIO()
    events = RankEvents(3, stream)
    events.started(heartbeat_interval_seconds=0.02)
    events.step = 7
    while '"step": 7' not in stream.getvalue():
        time.sleep(0.01)
    events.finished()
    time.sleep(0.1)
    lines = _lines(stream)
    assert lines[0]["event"] == "started"
    assert {"pid", "host"} <= lines[0].keys()
    assert lines[-1] == {"event": "finished", "rank": 3}


def test_a_failure_is_one_line_that_says_whether_to_try_again() -> None:
    stream = io.StringIO()
    RankEvents(0, stream).failed("first\n  second", permanent=True)
    assert _lines(stream) == [
        {"event": "failed", "rank": 0, "error": "first second", "permanent": True}
    ]


def test_epochs_in_quick_succession_are_thinned_out() -> None:
    stream = io.StringIO()
    events = RankEvents(0, stream)
    for epoch in range(50):
        events.epoch(variant="a", epoch=epoch)
    assert [line["epoch"] for line in _lines(stream)] == [0]


def test_an_event_begins_with_its_name() -> None:
    stream = io.StringIO()
    RankEvents(0, stream).finished()
    assert stream.getvalue().startswith('{"event"')
