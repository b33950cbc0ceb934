"""Local Azure is a product of its own: its command, its variables, and nothing of its neighbour."""

import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import httpx
import pytest

from weather_assets.local_azure.azure.settings import CACHE_VARIABLE, Settings, cache_folder
from weather_assets.local_azure.environment_file import read_environment, write_environment
from weather_assets_tests.local_azure.plain_client import PlainClient

REPOSITORY = Path(__file__).parents[2]
PRODUCT = REPOSITORY / "weather_assets" / "local_azure"
FOUNDATION = PRODUCT.with_name("foundation")
SPELLINGS = (
    (sys.executable, "-P", "-m", "weather_assets.local_azure"),
    (sys.executable, "-P", "-m", "weather_assets", "local-azure"),
)
FOREIGN = re.compile(r"weather|\brain|forecast|humidity|dagster|the stack", re.IGNORECASE)


def names_foreign(text: str) -> bool:
    """Tells whether a text names anything of the platform; where a module lies is no name."""
    return FOREIGN.search(re.sub(r"\bweather_assets\b", "", text)) is not None


@pytest.mark.parametrize(
    "path",
    [
        path
        for folder in (PRODUCT, FOUNDATION)
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".py", ".md"}
    ],
    ids=lambda path: str(path.relative_to(REPOSITORY)),
)
def test_it_names_nothing_of_the_platform(path: Path) -> None:
    named = [line for line in path.read_text("utf-8").splitlines() if names_foreign(line)]
    assert named == []


def test_foreign_names_are_seen() -> None:
    assert names_foreign("deployments of rain, such as")
    assert names_foreign("`weather-assets local-azure start`")
    assert not names_foreign("from weather_assets.local_azure.constraints import trained")


def run(spelling: tuple[str, ...], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*spelling, *words], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--help",), 0),
        (("start", "--help"), 0),
        (("status", "--state", "{state}"), 3),
        (("status", "--state", "{state}", "--json"), 3),
        (("fault", "list", "--state", "{state}"), 1),
        (("stop", "--state", "{state}"), 0),
        (("stop",), 2),
        (("no-such-command",), 2),
    ],
    ids=str,
)
def test_both_spellings_are_one_command(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    filled = [word.format(state=tmp_path) for word in words]
    one, other = (run(spelling, *filled) for spelling in SPELLINGS)
    assert (one.returncode, one.stdout, one.stderr) == (
        other.returncode,
        other.stdout,
        other.stderr,
    )
    assert one.returncode == code, one.stderr
    assert "Traceback" not in one.stderr


def test_it_is_installed_as_a_command() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["scripts"]["local-azure"].partition(":")
    assert callable(getattr(import_module(module), name))


def test_its_cache_can_be_moved(tmp_path: Path) -> None:
    assert cache_folder({CACHE_VARIABLE: str(tmp_path)}) == tmp_path
    assert cache_folder({}).name == "local-azure"


def test_its_health_is_told_to_anybody(azure: PlainClient) -> None:
    answer = httpx.get(f"{azure.variables['LOCAL_AZURE_URL']}/health", trust_env=False)
    subscription = azure.variables["AZURE_SUBSCRIPTION_ID"]
    assert answer.json() == {"subscription": subscription, "restoring": False}


def test_its_environment_names_its_own_settings(azure: PlainClient) -> None:
    own = {key: value for key, value in azure.variables.items() if key.startswith("LOCAL_AZURE_")}
    assert own.pop("LOCAL_AZURE_URL").startswith("http://127.0.0.1:")
    assert own == {
        "LOCAL_AZURE_STATE": str(azure.state),
        "LOCAL_AZURE_METRICS_GRAIN_SECONDS": "60",
    }


def test_a_shell_reads_the_environment_of_a_folder_of_any_name(tmp_path: Path) -> None:
    state = tmp_path / "it's here & $there"
    state.mkdir()
    write_environment(state, Settings.generate())
    line = f'. {shlex.quote(str(state / "environment"))}; printf %s "$LOCAL_AZURE_STATE"'
    said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)  # noqa: S607
    assert (said.stdout, said.stderr) == (str(state), "")
    assert read_environment(state)["LOCAL_AZURE_STATE"] == str(state)
