"""What a README names exists: files, variables, commands, options, assets, jobs, targets."""

import itertools
import re
import subprocess
from pathlib import Path

import click
import pytest

from weather_assets.adapters.settings.concerns import CONCERNS
from weather_assets.cli import main
from weather_assets.definitions import build_defs
from weather_assets.local_azure.cli import local_azure
from weather_assets_tests.readme import settings_table
from weather_assets_tests.readmes import GIT, REPOSITORY, Readme, commands, readmes

ALL = readmes()
FIRST = next(each for each in ALL if each.path == Path("README.md"))
FOREIGN_VARIABLES = {
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
}
"""Read by libraries, and so named nowhere in our code."""

every_readme = pytest.mark.parametrize("readme", ALL, ids=lambda each: str(each.path))


@every_readme
def test_links_lead_somewhere(readme: Readme) -> None:
    folder = (REPOSITORY / readme.path).parent
    assert [link for link in sorted(readme.links) if not (folder / link).exists()] == []


@every_readme
def test_paths_and_modules_exist(readme: Readme) -> None:
    folder = (REPOSITORY / readme.path).parent
    missing: list[str] = []
    for name in sorted(readme.quoted):
        if re.fullmatch(r"(weather_assets(_tests)?|docker)/[\w./-]+", name):
            if not (REPOSITORY / name).exists() and not (folder / name).exists():
                missing.append(name)
        elif re.fullmatch(r"weather_assets(\.\w+)+", name):
            place = REPOSITORY / name.replace(".", "/")
            if not (place.is_dir() or place.with_suffix(".py").is_file()):
                missing.append(name)
    assert missing == []


@every_readme
def test_variables_are_read_by_the_code(readme: Readme) -> None:
    settings = {name for concern in CONCERNS for name in concern.variables.values()}

    def known(name: str) -> bool:
        searched = ["weather_assets", "docker", "Makefile", ".ci", "weather_assets_tests"]
        command = [GIT, "grep", "-qwiF", name, "--", *searched, ":!*.md", ":!*test_readmes.py"]
        found = subprocess.run(command, cwd=REPOSITORY, check=False, timeout=60)
        return found.returncode == 0

    names = sorted(readme.variables - FOREIGN_VARIABLES - settings)
    assert [name for name in names if not known(name)] == []


def test_the_tables_of_settings_are_the_settings() -> None:
    text = settings_table.PATH.read_text("utf-8")
    assert text == settings_table.written(text), (
        "run python -m weather_assets_tests.readme.settings_table"
    )
    assert "| `ROLLOUT_CANARY_PERCENT` | `10` | a whole number from 1 to 49 | Live req" in text


@every_readme
def test_commands_and_options_exist(readme: Readme) -> None:
    wrong: list[str] = []
    for block in readme.shell_blocks:
        for command in commands(block):
            wrong += [fault for words in ours(command) if (fault := fault_of(words))]
    assert wrong == []


def ours(command: str) -> list[list[str]]:
    """Returns the calls of our own programs within a shell command, as words."""
    programs = "weather-assets|local-azure|make|docker/stack"
    calls = rf"(?:^|[\s(])(?:\.venv/bin/)?((?:{programs})(?: [^|;&<>()]*)?)"
    return [found.split() for found in re.findall(calls, command)]


def fault_of(words: list[str]) -> str:
    """Returns what is wrong with a call of one of our programs; nothing where all is well."""
    program, rest = words[0], words[1:]
    if program == "make":
        makefile = (REPOSITORY / "Makefile").read_text("utf-8")
        targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
        wanted = [word for word in rest if "=" not in word]
        return "" if set(wanted) <= set(targets) else f"make has no {wanted}"
    if program == "docker/stack":
        script = (REPOSITORY / "docker" / "stack").read_text("utf-8")
        labels = re.findall(r"^  ([\w |-]+)\)", script, re.MULTILINE)
        known = {name for label in labels for name in label.split(" | ")}
        return "" if set(rest[:1]) <= known else f"docker/stack has no {rest[0]}"
    group: click.Command = main if program == "weather-assets" else local_azure
    while isinstance(group, click.Group) and rest and not rest[0].startswith("-"):
        below = group.commands.get(rest[0])
        if below is None:
            return f"{group.name} has no {rest[0]}"
        group, rest = below, rest[1:]
    options = {text for each in group.params for text in (*each.opts, *each.secondary_opts)}
    options |= {"--help", "-h", "--version"}
    strange = [word for word in rest if word.startswith("--") and word not in options]
    return f"{group.name} has no {strange}" if strange else ""


def test_a_wrong_command_is_seen() -> None:
    wrong = ".venv/bin/weather-assets predict --data mine --colour red && make no-such-target"
    assert [bool(fault_of(words)) for words in ours(wrong)] == [True, True]
    assert fault_of(["weather-assets", "no-such-command"])
    assert fault_of(["docker/stack", "no-such-command"])
    assert fault_of(["local-azure", "start", "--no-such-option"])


def test_the_table_of_assets_is_the_graph() -> None:
    graph = build_defs().resolve_asset_graph()
    assets = {key.to_user_string() for key in graph.get_all_asset_keys()}
    rows = re.findall(r"^\| `(\w+)` \|", FIRST.text, re.MULTILINE)
    assert set(rows) == assets
    edges = re.search(r"```mermaid\n(.*?)```", FIRST.text, re.DOTALL)
    assert edges is not None
    drawn: set[tuple[str, str]] = set()
    for line in edges.group(1).splitlines():
        names = [name.split("&") for name in line.replace(" ", "").split("-->")]
        for above, below in itertools.pairwise(names):
            drawn |= set(itertools.product(above, below))
    wanted = {
        (parent.to_user_string(), key.to_user_string())
        for key in graph.get_all_asset_keys()
        for parent in graph.get(key).parent_keys
    }
    assert drawn == wanted


def test_the_jobs_are_named() -> None:
    jobs = {job.name for job in build_defs().jobs or ()}
    assert jobs
    assert jobs <= FIRST.quoted


def test_the_first_readme_is_short() -> None:
    assert len(FIRST.text.splitlines()) <= 200
