"""The package's environment: the one that Local Azure deploys from, with readable failures."""

from pathlib import Path

import pytest

from weather_assets.adapters.files.user_cache import CACHE_VARIABLE, cache_folder
from weather_assets.adapters.scoring.environment import (
    ScoringEnvironmentError,
    scoring_environment,
)
from weather_assets.foundation.environments.building import (
    COMPLETE,
    environments_in,
    substituted,
)
from weather_assets.foundation.environments.conda import read_definition
from weather_assets.scoring.package import conda_environment, requirements_file


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def conda_file(tmp_path: Path) -> Path:
    """The conda file that every package gets."""
    file = tmp_path / "conda.yaml"
    file.write_text(conda_environment(requirements_file().read_text("utf-8")), encoding="utf-8")
    return file


def test_the_cache_can_be_moved(tmp_path: Path) -> None:
    assert cache_folder({CACHE_VARIABLE: str(tmp_path)}) == tmp_path
    assert cache_folder({}).name == "weather_assets"


def test_it_is_the_one_that_the_endpoint_gets(conda_file: Path) -> None:
    definition = substituted(read_definition({"condaFile": conda_file.read_text("utf-8")}))
    deployed = environments_in(cache_folder()) / definition.digest
    (deployed / "bin").mkdir(parents=True)
    (deployed / "bin" / "python").touch()
    (deployed / COMPLETE).touch()
    told: list[str] = []
    assert scoring_environment(conda_file, on_progress=told.append) == deployed / "bin" / "python"
    assert told == [], "nothing is built twice"


def test_a_requirement_that_cannot_be_had_is_said_with_pips_words(conda_file: Path) -> None:
    text = conda_environment("azureml-inference-server-http==1.5.1\nno-such-package-here==1.0")
    conda_file.write_text(text, encoding="utf-8")
    told: list[str] = []
    with pytest.raises(ScoringEnvironmentError) as caught:
        scoring_environment(conda_file, pip_options=["--no-index"], on_progress=told.append)
    message = str(caught.value)
    assert message.startswith(f"the scoring environment of {conda_file} could not be built. Check")
    assert "ended with code 1" in message
    assert "No matching distribution found for" in message
    assert "--only-binary=:all:" in message
    assert told[0].startswith("building environment")
    assert any("No matching distribution" in line for line in told)
    assert not list(environments_in(cache_folder()).glob(f"*/{COMPLETE}"))


def test_a_build_that_takes_too_long_is_ended(conda_file: Path) -> None:
    with pytest.raises(ScoringEnvironmentError, match="ran out of time"):
        scoring_environment(conda_file, timeout_seconds=0.2)


def test_a_conda_file_that_pip_cannot_build_is_refused(conda_file: Path) -> None:
    conda_file.write_text("dependencies: [numpy]", encoding="utf-8")
    with pytest.raises(ScoringEnvironmentError, match="conda package 'numpy'"):
        scoring_environment(conda_file)


def test_the_conda_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scoring_environment(tmp_path / "absent.yaml")
