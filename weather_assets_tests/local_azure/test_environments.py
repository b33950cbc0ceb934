"""Building environments: cached, complete or absent, and readable when it fails."""

import asyncio
import sys
from pathlib import Path

import pytest

from weather_assets.local_azure.conda import EnvironmentDefinition
from weather_assets.local_azure.environments import (
    CACHE_VARIABLE,
    build_environment,
    cache_folder,
)
from weather_assets.local_azure.errors import ProvisioningError

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "environments"


def test_the_cache_can_be_moved(tmp_path: Path) -> None:
    assert cache_folder({CACHE_VARIABLE: str(tmp_path)}) == tmp_path / "environments"
    assert cache_folder({}).parts[-2:] == ("weather_assets", "environments")


def test_a_failed_build_says_why_and_is_not_cached(tmp_path: Path, cache: Path) -> None:
    """An unknown option fails in pip at once, without asking an index."""
    definition = EnvironmentDefinition(HERE, ("--no-such-option",))
    log = tmp_path / "build.log"
    with pytest.raises(ProvisioningError) as caught:
        asyncio.run(build_environment(definition, log))
    assert caught.value.code == "ImageBuildFailed"
    assert "no-such-option" in caught.value.message
    assert not (cache / definition.digest / "complete.json").exists()


def test_a_half_built_environment_is_built_again(tmp_path: Path, cache: Path) -> None:
    """Without requirements pip has nothing to do; what a kill left over is gone afterwards."""
    definition = EnvironmentDefinition(HERE, ())
    left = cache / definition.digest / "left over"
    left.mkdir(parents=True)
    log = tmp_path / "build.log"

    async def both() -> list[Path]:
        return await asyncio.gather(*(build_environment(definition, log) for _ in range(2)))

    first, second = asyncio.run(both())
    assert first == second == cache / definition.digest / "bin" / "python"
    assert not left.exists()
    assert log.read_text().count("building environment") == 1
    asyncio.run(build_environment(definition, log))
    assert "is in the cache" in log.read_text()


def test_a_python_that_is_not_here_is_named(tmp_path: Path) -> None:
    definition = EnvironmentDefinition("3.2", ())
    with pytest.raises(ProvisioningError, match=r"python3\.2"):
        asyncio.run(build_environment(definition, tmp_path / "log"))
