"""No background thread imports: of two threads that do, one can see half a module.

Read from the code here; `system/test_imports.py` watches a run.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "weather_assets"
BY_NAME = {
    # Each in its process's only thread, and for what the platform's environment lacks or what is
    # loaded late on purpose.
    "adapters/azure/client.py",
    "local_azure/serving/scorer_main.py",
    "scoring/score.py",
}
"""Modules that may import by name."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(node: ast.expr) -> str:
    """Returns the last part of a name: of `threading.Thread` and of `self._read`."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def targets(tree: ast.Module) -> Iterator[str]:
    """Yields the names of the functions that are given to threads."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        given: list[ast.expr] = []
        if name_of(node.func) == "Thread":
            given = [each.value for each in node.keywords if each.arg == "target"]
        elif name_of(node.func) in {"to_thread", "submit", "Timer"}:
            given = node.args[:2]
        elif name_of(node.func) == "run_in_executor":
            given = node.args[1:2]
        yield from map(name_of, given)


def reached(tree: ast.Module, start: set[str]) -> Iterator[Function]:
    """Yields the functions of a module with these names, and those of it that they call."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    seen, waiting = set[str](), set(start)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for function in functions:
            if function.name == name:
                yield function
                calls = {name_of(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)}
                waiting |= calls - seen


def importing(source: str) -> list[str]:
    """Returns the functions that import in a thread that the source starts."""
    tree = ast.parse(source)
    return [
        function.name
        for function in reached(tree, set(targets(tree)))
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))
    ]


def imports_by_name(source: str) -> bool:
    called = {
        name_of(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)
    }
    return bool(called & {"import_module", "__import__"})


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_thread_imports(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not importing(source)
    assert not imports_by_name(source) or str(path.relative_to(PACKAGE)) in BY_NAME


THROUGH_ANOTHER = """
def load():
    prepare()
def prepare():
    from a import b
"""


def test_an_importing_thread_is_seen() -> None:
    direct = "def load():\n    import mlflow\n"
    assert importing(f"{direct}Thread(target=load)") == ["load"]
    assert importing(f"{THROUGH_ANOTHER}threading.Thread(target=self.load).start()") == ["prepare"]
    assert importing(f"{THROUGH_ANOTHER}asyncio.to_thread(load)") == ["prepare"]
    assert not importing(f"{direct}load()")
    assert imports_by_name("importlib.import_module('mlflow')")
