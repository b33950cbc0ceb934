"""The unmodified SDK goes through a whole rollout, in a process of its own.

The program runs under the environment file and nothing else of the simulator, so whatever it does
would do the same against Azure.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from weather_assets.local_azure import daemon
from weather_assets_tests.local_azure.plain_client import CONDA, MODULE, SCORE

PROGRAM = Path(__file__).with_name("sdk_program.py")


@pytest.fixture(scope="module")
def seen(simulator_state: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program saw."""
    folder = tmp_path_factory.mktemp("sdk")
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCORE)
    (folder / "code" / "rules.py").write_text(MODULE)
    (folder / "conda.yaml").write_text(CONDA)
    (folder / "request.json").write_text('{"x": 5}')
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    environment = {**kept, "HOME": str(folder), **daemon.read_environment(simulator_state)}
    done = subprocess.run(
        [sys.executable, "-P", str(PROGRAM), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def shares(asked: dict[str, int]) -> Counter[str]:
    assert sum(asked.values()) == 100
    return Counter(asked)


def test_endpoint_and_deployments_come_up(seen: dict[str, Any]) -> None:
    assert (seen["endpoint"], seen["blue"], seen["green"]) == ("Succeeded",) * 3


def test_each_stage_sends_requests_where_it_says(seen: dict[str, Any]) -> None:
    assert shares(seen["blue 100"]) == {"blue 2": 100}
    assert shares(seen["mirror 20"]) == {"blue 2": 100}
    assert shares(seen["green 100"]) == {"green 3": 100}
    canary = shares(seen["canary 10"])
    assert set(canary) <= {"blue 2", "green 3"}
    # Binomial with p = 0.1 of 100: five standard deviations are 15.
    assert canary["green 3"] <= 25


def test_mirrored_requests_were_counted(seen: dict[str, Any], simulator_state: Path) -> None:
    log = (simulator_state / "logs" / "access.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in log]
    own = Counter(
        (r["deployment"], r["route"], r["status"]) for r in records if r["endpoint"] == "sdk-rain"
    )
    live = sum(
        count for (_, route, status), count in own.items() if (route, status) == ("live", 200)
    )
    assert live == 4 * 100 + 1  # and the one that was sent with invoke
    assert own["blue", "mirrored", 200] == 0
    mirrored = own["green", "mirrored", 200]
    assert abs(mirrored - 20) < 5 * (100 * 0.2 * 0.8) ** 0.5
    assert seen["left"] == ["green"]


def test_invoke_works(seen: dict[str, Any]) -> None:
    assert json.loads(seen["invoked"])["product"] == 10


def test_a_failed_deployment_is_repaired(seen: dict[str, Any]) -> None:
    assert (seen["broken"], seen["broken state"]) == ("ResourceNotReady", "Failed")
    assert seen["repaired"] == "Succeeded"


def test_logs_and_refusals_reach_the_caller(seen: dict[str, Any]) -> None:
    assert "POST /score 200" in seen["logs"]
    assert "100 percent of live traffic" in seen["refused"]["delete with traffic"]
    assert seen["refused"]["delete with traffic"].startswith("400")
    assert "AADSTS7000215" in seen["refused"]["wrong secret"]
    assert seen["refused"]["wrong secret"].startswith("ClientAuthenticationError")
    assert "403" in seen["refused"]["other host"]
    assert seen["deleted"] == 404
