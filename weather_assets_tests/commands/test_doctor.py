"""The doctor names what is missing, and what mends it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.cli import main
from weather_assets.commands.doctor import Finding, examine


def finding(name: str, root: Path) -> Finding:
    return next(each for each in examine(DataRoot.at(root)) if each.name == name)


def executable(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("banner", "healthy"),
    [
        ('openjdk version "17.0.15" 2025-04-15', True),
        ('openjdk version "21.0.1" 2023-10-17', True),
        ('openjdk version "11.0.22" 2024-01-16', False),
        ('java version "1.8.0_402"', False),
    ],
)
def test_java_must_be_17_or_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, banner: str, healthy: bool
) -> None:
    executable(tmp_path / "bin" / "java", f"echo '{banner}' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    found = finding("Java", tmp_path)
    assert found.healthy is healthy
    assert banner in found.sentence
    assert "openjdk-17" in found.remedy


def test_without_java_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(main, ["doctor", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "MISSING Java: no java on the PATH" in result.output


def test_a_java_home_that_is_gone_is_named_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/gone")
    for command in ("run", "dev"):
        result = CliRunner().invoke(main, [command, "--data", str(tmp_path / "data")])
        assert result.exit_code == 2
        assert "JAVA_HOME is '/gone', and there is no bin/java; install Java" in result.output
    assert not (tmp_path / "data").exists()
    assert finding("Java", tmp_path).sentence == "JAVA_HOME is '/gone', and there is no bin/java"


def test_files_that_hide_pythons_own_modules_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finding("Python's own modules", tmp_path).healthy
    (tmp_path / "turtle.py").touch()
    (tmp_path / "weather.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    found = finding("Python's own modules", tmp_path)
    assert not found.healthy
    assert found.sentence == f"hidden by {tmp_path / 'turtle.py'}"
    assert f"unset PYTHONPATH (now {str(tmp_path)!r})" in found.remedy
    assert CliRunner().invoke(main, ["run", "--data", str(tmp_path / "data")]).exit_code == 2


def test_as_a_module_the_command_imports_nothing_of_the_current_folder(tmp_path: Path) -> None:
    for name in ("random.py", "click.py"):
        (tmp_path / name).write_text("raise SystemExit('a stranger was imported')")
    command = [sys.executable, "-m", "weather_assets", "doctor", "--data", str(tmp_path / "data")]
    unsafe = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        command, cwd=tmp_path, env=unsafe, capture_output=True, text=True, timeout=60, check=False
    )
    assert "ok      Python: 3" in done.stdout, done.stderr
    assert "ok      Python's own modules: nothing hides one" in done.stdout


def test_a_taken_port_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("weather_assets.commands.doctor._PORTS", {port: "a test"})
        found = finding(f"port {port}", tmp_path)
    assert not found.healthy
    assert not found.needed


@pytest.mark.parametrize(
    ("answer", "healthy"),
    [("echo 20.10.24", True), ("echo Cannot connect to the Docker daemon >&2; exit 1", False)],
)
def test_docker_is_an_engine_that_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, healthy: bool
) -> None:
    executable(tmp_path / "docker", answer)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert finding("Docker", tmp_path).healthy is healthy


def test_half_of_the_azure_settings_is_worse_than_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    assert finding("Azure", tmp_path).healthy
    monkeypatch.setenv("AZURE_WORKSPACE", "w")
    found = finding("Azure", tmp_path)
    assert not found.healthy
    assert "AZURE_SUBSCRIPTION_ID and AZURE_RESOURCE_GROUP must be set too" in found.sentence


def test_a_rollout_setting_that_cannot_work_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLOUT_CANARY_PERCENT", "80")
    found = finding("Azure", tmp_path)
    assert not found.healthy
    assert found.sentence == (
        "ROLLOUT_CANARY_PERCENT is '80'; set it to a whole number from 1 to 49"
    )


def test_a_dotenv_file_sets_what_is_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROLLOUT_MIRROR_PERCENT", "15")
    monkeypatch.setenv("ROLLOUT_CANARY_PERCENT", "1")  # so that it is put back afterwards
    monkeypatch.delenv("ROLLOUT_CANARY_PERCENT")
    (tmp_path / ".env").write_text("ROLLOUT_CANARY_PERCENT=80\nROLLOUT_MIRROR_PERCENT=99\n")
    result = CliRunner().invoke(main, ["doctor", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "ROLLOUT_CANARY_PERCENT is '80'; set it to a whole number" in result.output
    assert os.environ["ROLLOUT_MIRROR_PERCENT"] == "15"
