"""What holds for every file: hooks run what `make lint` runs, and broken promises say which."""

import ast
import subprocess
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parent.parent


def test_every_commit_is_checked_as_make_lint_checks() -> None:
    dry_run = ["make", "--dry-run", "--no-print-directory", "--old-file=.venv/.ready", "lint"]
    recipe = subprocess.run(
        dry_run, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=30
    )
    settings = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = settings["repos"]
    assert repository["repo"] == "local"  # any other is downloaded
    hooks = repository["hooks"]
    assert [hook["entry"] for hook in hooks] == recipe.stdout.strip().split(" && ")
    for hook in hooks:
        assert hook["language"] == "system"  # any other makes an environment
        assert (hook["always_run"], hook["pass_filenames"]) == (True, False)  # the whole tree


def bare_assertions(source: str) -> list[int]:
    """Returns the lines that raise an AssertionError without a sentence."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Raise)
        and ast.unparse(node).startswith("raise AssertionError")
        and not (isinstance(node.exc, ast.Call) and any(map(is_sentence, node.exc.args)))
    ]


def is_sentence(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@pytest.mark.parametrize(
    ("source", "bare"),
    [
        ("raise AssertionError", [1]),
        ("raise AssertionError()", [1]),
        ("raise AssertionError(column)", [1]),
        ("raise AssertionError(f'column {column} has no bounds')", []),
        ("raise ValueError(column)", []),
    ],
)
def test_the_rule_sees_an_assertion_without_a_sentence(source: str, bare: list[int]) -> None:
    assert bare_assertions(source) == bare


def test_a_broken_promise_says_which() -> None:
    found = {
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in (REPOSITORY / "weather_assets").rglob("*.py")
        for line in bare_assertions(path.read_text(encoding="utf-8"))
    }
    assert not found
