"""What of our own code an asset's result depends on, as Dagster code versions.

Belongs here: a hash of what the packages that an asset runs say to Python. Edits anywhere else do
not make an asset out of date, and neither do comments, docstrings and layout. Does not belong here:
versions of data or of configuration.
"""

import ast
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from weather_assets.adapters.files.user_cache import cache_folder
from weather_assets.foundation.atomic_files import write_text

_PINS, _WORDS = ".txt", ".j2"
"""What a package ships beside code; a built-in contract's TOML has a fingerprint of its own."""


def code_version(*packages: str) -> str:
    """Returns a hash over the code of some packages, of all that lies below them.

    Args:
        packages: dotted names, for instance `weather_assets.processing`.

    Returns:
        Twelve hex digits, the same on every machine and Python for the same code.
    """
    digest = hashlib.sha256()
    for package in sorted(packages):
        digest.update(package_digest(package, resources.files(package)).encode())
    return digest.hexdigest()[:12]


@cache
def package_digest(name: str, folder: Traversable) -> str:
    """Returns a hash of one package.

    Args:
        name: goes into the hash.
        folder: where it lies.
    """
    files = [
        (path, item.read_bytes())
        for path, item in _files(folder, name)
        if path.endswith((".py", _PINS, _WORDS))
    ]
    # To parse all packages takes 0.4 s of every start, and the same bytes always say the same.
    bytes_read = hashlib.sha256(Path(__file__).read_bytes() + name.encode())
    for path, content in files:
        bytes_read.update(f"{path}\0{len(content)}\0".encode() + content)
    memo = cache_folder() / "code_versions" / bytes_read.hexdigest()
    with suppress(OSError):
        return memo.read_text(encoding="utf-8")
    digest = hashlib.sha256(name.encode())
    for path, content in files:
        said = " ".join(words_of(ast.parse(content))).encode() if path.endswith(".py") else content
        digest.update(f"{path}\0".encode() + said)
    with suppress(OSError):  # a cache that cannot be written costs time alone
        memo.parent.mkdir(parents=True, exist_ok=True)
        write_text(memo, digest.hexdigest())
    return digest.hexdigest()


def words_of(node: object) -> Iterator[str]:
    """Yields what a piece of parsed code says, without positions, comments and docstrings.

    `ast.dump` would do but for what it says of absent parts, which differs between Pythons.
    """
    if not isinstance(node, ast.AST):
        yield repr(node)
        return
    yield type(node).__name__
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or value == []:
            continue
        yield name
        if not isinstance(value, list):
            yield from words_of(value)
            continue
        yield "["
        for each in value:
            if not (name == "body" and _is_docstring(each)):
                yield from words_of(each)
        yield "]"
    yield "."


def _is_docstring(statement: ast.AST) -> bool:
    """A string that stands alone in a body is a docstring, of whatever stands above it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        below = f"{path}/{item.name}"
        if item.is_dir():
            yield from _files(item, below)
        else:
            yield below, item


def processing_code() -> str:
    """Returns the code version of everything that decides which rows come out."""
    return code_version("weather_assets.contract", "weather_assets.processing")


def training_code() -> str:
    """Returns the code version of everything that decides which weights come out."""
    return code_version("weather_assets.contract", "weather_assets.forecasting")


def verification_code() -> str:
    """Returns the code version of everything that decides a verdict."""
    return code_version("weather_assets.verification")


def monitoring_code() -> str:
    """Returns the code version of everything that decides whether live skill is lost."""
    return code_version("weather_assets.monitoring")


def scoring_code() -> str:
    """Returns the code version of everything that goes into a scoring package."""
    # Of the contract: the patterns of timestamps go into the signature.
    return code_version(
        "weather_assets.contract", "weather_assets.scoring", "weather_assets.forecasting"
    )


def rollout_code() -> str:
    """Returns the code version of everything that decides what serves."""
    return code_version("weather_assets.rollout")
