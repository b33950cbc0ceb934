"""`run --serve` leaves a model that answers the line it prints; without it nothing is left running.

The job that `run` materializes is replaced by its serving half: what comes before takes a minute,
and `integration/test_graph.py` is about that.
"""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.cli import main
from weather_assets.commands import graph_run
from weather_assets.commands.serving import print_serving
from weather_assets.local_azure import daemon
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.serving.scorers import MARKER_VARIABLE
from weather_assets_tests.integration.prepared_root import (
    SAMPLE_FORECAST,
    Defect,
    PreparedRoot,
)
from weather_assets_tests.integration.served_endpoint import QUICK

VERDICT = {"outcome": "pass", "scores": {}, "claims": []}


@pytest.fixture(scope="module", autouse=True)
def serving_half() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AZURE_", "ENDPOINT_"))]:
            patch.delenv(name)
        for name, value in QUICK.items():
            patch.setenv(name, value)
        patch.setenv(DATA_ROOT_VARIABLE, "set by run, and restored by this")
        patch.setattr(graph_run, "JOB", "azure_automated_rollout")
        yield


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PreparedRoot]:
    """A data root whose path a careless shell line would break."""
    prepared = PreparedRoot.made(tmp_path_factory.mktemp("serving") / "user's data")
    for version, defect in (("1", None), ("bad", Defect.NAN)):
        prepared.add(version, defect)
        verdict = prepared.root.registry / version / "verdict.json"
        verdict.write_text(json.dumps(VERDICT), encoding="utf-8")
    yield prepared
    daemon.stop(prepared.root.local_azure)


def command(prepared: PreparedRoot, *words: str, options: tuple[str, ...] = ()) -> Result:
    return CliRunner().invoke(main, [*words, "--data", str(prepared.root.path), *options])


def ask(line: str) -> subprocess.CompletedProcess[str]:
    """Runs a printed line as it is, in bash, with this environment's command on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", line],  # noqa: S607 - the one that users have
        env={**os.environ, "PATH": path},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def processes_of(root: DataRoot) -> list[psutil.Process]:
    """Returns Local Azure and its scorers, if they run."""
    settings = Settings.load(root.local_azure)
    assert settings is not None
    marker, found = settings.marker(root.local_azure), list[psutil.Process]()
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(MARKER_VARIABLE) == marker
            ours |= str(root.local_azure) in process.cmdline()
        except (psutil.Error, OSError):
            continue
        if ours and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@pytest.fixture(scope="module")
def served(prepared: PreparedRoot) -> Result:
    """What `run --serve` says; Local Azure goes on."""
    prepared.offer("1")
    return command(prepared, "run", options=("--serve",))


def test_before_anything_ran_there_is_nothing_to_see(tmp_path: Path) -> None:
    prepared = PreparedRoot.made(tmp_path / "user's data")
    for words in (("endpoint", "status"), ("endpoint", "key")):
        shown = command(prepared, *words)
        assert shown.exit_code == 1
        assert "Local Azure does not run on" in shown.output
        assert "Traceback" not in shown.output
    assert not prepared.root.local_azure.exists(), "looking starts nothing"


def test_a_workspace_named_in_part_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "10ca1000-0000-4000-8000-000000000000")
    shown = command(PreparedRoot.made(tmp_path / "data"), "endpoint", "status")
    assert shown.exit_code == 1
    assert "AZURE_RESOURCE_GROUP and AZURE_WORKSPACE must be set too" in shown.output


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_printed_line_asks_the_endpoint(served: Result) -> None:
    assert served.exit_code == 0, served.output
    assert "weather-assets, on Local Azure" in served.output
    assert "blue 100 %" in served.output
    line = re.search(r"^ask it +(curl .*)$", served.output, re.MULTILINE)
    assert line is not None, served.output
    assert '"Pressure": 1003.5' in line[1]
    answer = ask(line[1])
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["probability"] == pytest.approx([SAMPLE_FORECAST], abs=1e-9)


@pytest.mark.usefixtures("served")
def test_where_nothing_stays_the_way_back_is_shown(prepared: PreparedRoot) -> None:
    console = Console(record=True, soft_wrap=True, file=io.StringIO())
    print_serving(prepared.root, console, stays=False)
    said = console.export_text()
    again = re.search(r"start it again: \S+ local-azure start --state (.*)$", said, re.MULTILINE)
    assert again is not None, said
    assert shlex.split(again[1]) == [str(prepared.root.local_azure)]
    assert "curl" not in said


def test_status_and_key_show_what_serves(prepared: PreparedRoot, served: Result) -> None:
    status = command(prepared, "endpoint", "status")
    assert status.exit_code == 0, status.output
    tail = served.output[served.output.index("endpoint  weather-assets") :]
    assert status.output == tail
    assert "blue: Succeeded, model version 1" in status.output
    key = command(prepared, "endpoint", "key")
    assert key.exit_code == 0
    assert re.fullmatch(r"\S{20,}\n", key.output)
    assert key.output.strip() not in status.output


def test_the_key_is_had_without_the_libraries_of_training() -> None:
    """The printed line fetches it: with them it took 13 s, without them 4 s."""
    code = "import sys, weather_assets.commands.serving; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert not {"torch", "mlflow", "sklearn", "dagster", "pyspark"} & set(done.stdout.split())


@pytest.mark.usefixtures("served")
def test_local_azure_answers_until_it_is_stopped(prepared: PreparedRoot) -> None:
    assert len(processes_of(prepared.root)) >= 2
    stop = re.search(
        r"^stop it +\S+ (local-azure stop .*)$",
        command(prepared, "endpoint", "status").output,
        re.MULTILINE,
    )
    assert stop is not None
    assert ask(f"weather-assets {stop[1]}").returncode == 0
    assert processes_of(prepared.root) == []
    shown = command(prepared, "endpoint", "status")
    assert shown.exit_code == 1
    again = re.search(r"`\S+ local-azure start --state (.*)`", shown.output)
    assert again is not None, shown.output
    assert shlex.split(again[1]) == [str(prepared.root.local_azure)]


@pytest.mark.usefixtures("served")
def test_without_serve_nothing_is_left_running_also_after_a_rollback(
    prepared: PreparedRoot,
) -> None:
    daemon.stop(prepared.root.local_azure)
    prepared.offer("bad")
    prepared.trigger.touch()
    result = command(prepared, "run")
    assert result.exit_code == 1
    reason = result.output[result.output.index("Error:") :]
    assert reason.startswith("Error: candidate_deployment, check candidate_answers: Roll back")
    assert "a probability of nan" in reason
    assert "Traceback" not in result.output
    assert processes_of(prepared.root) == []
