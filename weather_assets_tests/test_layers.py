"""Imports point down only, domain code never imports Dagster, and start-up stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "weather_assets"

LAYERS = {
    "contract": 0,
    "processing": 1,
    "forecasting": 1,
    "verification": 1,
    "scoring": 1,
    "rollout": 1,
    "suggestion": 1,
    "adapters": 2,
    "defs": 3,
    "commands": 3,
    "cli": 3,
    "__main__": 3,
    "definitions": 4,
}
STANDALONE = {"local_azure"}
"""Imports nothing of the rest."""

ALLOWED = {
    # The command runs the graph, so it takes the assembled one.
    ("commands", "definitions"),
    # python -m weather_assets.forecasting and the like start their own package.
}
HEAVY = ("torch", "lightning", "mlflow", "sklearn", "scores", "matplotlib", "onnx", "azure.ai.ml")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(str(node.module))
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_parts(path: Path) -> set[str]:
    return {
        name.split(".")[1] for name in imported_names(path) if name.startswith("weather_assets.")
    }


def violation(importer: str, imported: str) -> bool:
    """Tells whether one part may not import another."""
    if importer == imported or (importer, imported) in ALLOWED:
        return False
    if importer in STANDALONE or imported in STANDALONE:
        return importer not in {"adapters", "cli", "commands"}
    return LAYERS[imported] >= LAYERS[importer] and not (
        LAYERS[imported] == LAYERS[importer] == 3 and importer in {"cli", "__main__", "commands"}
    )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    importer = part_of(path)
    if importer == "__init__":
        assert not own_parts(path)
        return
    wrong = sorted(part for part in own_parts(path) if violation(importer, part))
    assert not wrong, f"{path.name} ({importer}) must not import {wrong}"


def test_the_rule_sees_an_upward_import() -> None:
    assert violation("processing", "adapters")
    assert violation("processing", "forecasting")
    assert violation("contract", "processing")
    assert violation("local_azure", "contract")
    assert not violation("adapters", "processing")
    assert not violation("defs", "adapters")


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if part_of(path) not in {"defs", "definitions", "commands"}],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_only_the_wiring_knows_dagster(path: Path) -> None:
    assert not {name for name in imported_names(path) if name.split(".")[0].startswith("dagster")}


def test_the_contract_needs_the_standard_library_alone() -> None:
    standard = set(sys.stdlib_module_names) | {"weather_assets"}
    for path in (PACKAGE / "contract").rglob("*.py"):
        assert {name.split(".")[0] for name in imported_names(path)} <= standard, path


@pytest.mark.parametrize(
    "start",
    [
        "import weather_assets.definitions as d; d.build_defs()",
        "import weather_assets.cli",
        "import weather_assets.commands.graph_run",
    ],
    ids=["code location", "command", "run"],
)
def test_starting_loads_nothing_heavy(start: str) -> None:
    code = f"{start}\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
