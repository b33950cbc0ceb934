"""Imports point down and never in circles; charters name their rooms; start-up stays light."""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "weather_assets"

LAYERS = {
    "foundation": -1,
    "contract": 0,
    "local_azure": 1,
    "engine_guard": 1,
    "processing": 1,
    "forecasting": 1,
    "verification": 1,
    "monitoring": 1,
    "scoring": 1,
    "rollout": 1,
    "reconciliation": 1,
    "suggestion": 1,
    "adapters": 2,
    "workflows": 3,
    "defs": 4,
    "definitions": 5,
    "commands": 6,
    "cli": 7,
    "__main__": 8,
}
STANDALONE: dict[str, set[str]] = {"local_azure": {"foundation"}, "engine_guard": set()}
"""Products of their own, with the parts that each may import. Nothing imports them."""

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
    if importer == imported:
        return False
    if importer in STANDALONE:
        return imported not in STANDALONE[importer]
    if imported in STANDALONE:
        return True
    return LAYERS[imported] >= LAYERS[importer]


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
    assert violation("adapters", "local_azure")
    assert violation("cli", "local_azure")
    assert violation("engine_guard", "foundation")
    assert violation("adapters", "engine_guard")
    assert violation("adapters", "workflows")
    assert violation("foundation", "contract")
    assert not violation("contract", "foundation")
    assert not violation("local_azure", "foundation")
    assert not violation("adapters", "processing")
    assert not violation("defs", "workflows")


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Returns modules that need each other, by whatever way round."""
    found: list[list[str]] = []
    sorter = graphlib.TopologicalSorter(imports)
    try:
        sorter.prepare()
    except graphlib.CycleError as circle:
        found.append(circle.args[1])
    return found


def test_no_circle() -> None:
    names = {module_name(path): path for path in modules()}
    imports = {name: (imported_names(path) & names.keys()) - {name} for name, path in names.items()}
    assert not circles(imports)
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}})


def charter_names(folder: Path) -> set[str]:
    """Returns the module and folder names that a package's docstring mentions in backticks."""
    charter = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    return {
        name for quoted in re.findall(r"`(.*?)`", charter) for name in re.findall(r"\w+", quoted)
    }


def rooms(folder: Path) -> set[str]:
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    return files | {path.parent.name for path in folder.glob("*/__init__.py")}


@pytest.mark.parametrize(
    "folder",
    sorted(path.parent for path in PACKAGE.rglob("__init__.py")),
    ids=lambda folder: str(folder.relative_to(PACKAGE.parent)),
)
def test_a_charter_names_what_is_in_its_folder(folder: Path) -> None:
    missing = rooms(folder) - charter_names(folder)
    assert not missing, f"{folder.name}/__init__.py does not say what is in {sorted(missing)}"


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


def test_starting_loads_nothing_heavy() -> None:
    """The command, a run, the code location: nothing that one of them loads is unloaded again."""
    start = (
        "import weather_assets.cli, weather_assets.commands.graph_run, weather_assets.definitions"
    )
    code = (
        f"{start} as definitions, sys\ndefinitions.build_defs()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
