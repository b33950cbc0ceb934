"""What is remembered, and what is not."""

import json
from pathlib import Path

import pytest

from weather_assets.foundation.documents import DocumentError
from weather_assets.rollout.journal import Entry, FileJournal, remember
from weather_assets.rollout.stage_verdict import StageOutcome, StageVerdict
from weather_assets.rollout.states import Stage
from weather_assets_tests.rollout.memory_service import release

VERDICT = StageVerdict(StageOutcome.ROLL_BACK, ("It was slow.",), {"probes": 3.0})


def entry(kind: str, number: int = 1, endpoint: str = "weather", **fields: object) -> Entry:
    return {"endpoint": endpoint, "release": release(number).identity, "kind": kind, **fields}


def test_what_was_written_is_read_also_beside_what_a_kill_left(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "rollouts.jsonl"
    journal = FileJournal(path)
    assert journal.entries() == []
    journal.append(entry("step", step="größer"))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"endpoint": "wea')
    journal.append(entry("settled"))
    assert FileJournal(path).entries() == [entry("step", step="größer"), entry("settled")]


def test_older_entries_are_read_and_newer_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "rollouts.jsonl"
    path.write_text(json.dumps(entry("settled")) + "\n")  # from before entries had a number
    FileJournal(path).append(entry("step", step="new"))
    assert FileJournal(path).entries() == [entry("settled"), entry("step", step="new")]
    assert json.loads(path.read_text().splitlines()[1])["format"] == 1
    with path.open("a") as file:
        file.write(json.dumps({"format": 2, "kind": "unheard-of"}) + "\n")
    with pytest.raises(DocumentError, match="the journal of rollouts, has format 2"):
        FileJournal(path).entries()


def test_a_number_that_json_cannot_carry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        FileJournal(tmp_path / "rollouts.jsonl").append(entry("step", step=float("nan")))


def test_a_stage_counts_for_its_release_endpoint_and_champion_alone() -> None:
    kept = [
        entry("passed", stage="shadow", champion="old"),
        entry("passed", 2, stage="canary", champion="old"),
        entry("passed", endpoint="other", stage="canary", champion="old"),
    ]
    memory = remember(kept, "weather", release(1))
    assert memory.has_passed(Stage.SHADOW, "old")
    assert not memory.has_passed(Stage.SHADOW, None)
    assert not memory.has_passed(Stage.CANARY, "old")


@pytest.mark.parametrize("kind", ["deploying", "withdrawn"])
def test_a_new_deployment_and_a_withdrawal_make_all_before_void(kind: str) -> None:
    kept = [
        entry("passed", stage="shadow", champion="old"),
        entry("taking_over", previous="old"),
        entry("withdrawing", stage="live", verdict=VERDICT.to_dict()),
        entry("logs", logs={"green": "Traceback"}),
    ]
    memory = remember(kept, "weather", release(1))
    assert (memory.previous, memory.withdrawing) == ("old", VERDICT)
    assert memory.logs == {"green": "Traceback"}
    memory = remember([*kept, entry(kind)], "weather", release(1))
    assert (memory.previous, memory.withdrawing, memory.passed) == (None, None, {})


def test_a_rollback_that_was_not_possible_is_not_pending() -> None:
    kept = [entry("withdrawing", stage="live", verdict=VERDICT.to_dict()), entry("kept")]
    assert remember(kept, "weather", release(1)).withdrawing is None
