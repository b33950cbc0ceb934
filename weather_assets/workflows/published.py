"""The scoring package that may serve: what its checks said of it, and which one is published.

Belongs here: the outcome of the checks by digest, the pointer, and refusing a package that has not
passed or was changed since. Does not belong here: building and checking a package (`packaging`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.foundation.documents import DocumentFormat
from weather_assets.processing.doubts.gates import Gate
from weather_assets.scoring.package import package_digest, replace_package

CHECKS_FILE = "package_checks.json"
"""In `registry/<version>`: what the checks said of each package of the version, by digest."""
_CHECKS = DocumentFormat("the record of a package's checks")
_POINTER = DocumentFormat("the name of the published package")
_AGAIN = "materialize scoring_package again"


class PackageRefusedError(ValueError):
    """There is no scoring package that may serve. The message says why, and what to do."""


class PackageChangedError(PackageRefusedError):
    """The package that passed is there no more, or has other files now."""


@dataclass(frozen=True, slots=True)
class PublishedPackage:
    """A scoring package that passed its checks and is as it was then.

    Attributes:
        version: model version in it.
        digest: identity of its content.
        folder: where it lies.
    """

    version: str
    digest: str
    folder: Path


def published_package(root: DataRoot) -> PublishedPackage:
    """Returns the package that is published.

    Raises:
        PackageRefusedError: if there is none, or it has not passed its checks.
        PackageChangedError: if it was changed since it passed.
    """
    pointer = _pointer(root)
    if pointer is None:
        raise PackageRefusedError(_nothing_published(root))
    version, digest = str(pointer["version"]), str(pointer["digest"])
    return PublishedPackage(version, digest, passed_package(root, version, digest))


def published_version(root: DataRoot) -> str | None:
    """Returns the model version whose package is published, or None; may it serve is not asked."""
    pointer = _pointer(root)
    return None if pointer is None else str(pointer["version"])


def published_digest(root: DataRoot) -> str | None:
    """Returns the digest of the published package, or None; may it serve is not asked."""
    pointer = _pointer(root)
    return None if pointer is None else str(pointer["digest"])


def passed_package(root: DataRoot, version: str, digest: str) -> Path:
    """Returns the folder of a package that passed its checks.

    Args:
        root: the data root.
        version: model version in the package.
        digest: identity of its content.

    Raises:
        PackageRefusedError: if it has not passed.
        PackageChangedError: if its files no longer have that digest.
    """
    folder = root.package(version)
    outcome = _outcomes(root, version).get(digest)
    if outcome is None:
        raise PackageRefusedError(f"{folder} has no record of its checks: {_AGAIN}")
    if not outcome["passed"]:
        raise PackageRefusedError(_failure(version, outcome))
    found = package_digest(folder) if folder.is_dir() else "none"
    if found != digest:
        raise PackageChangedError(
            f"{folder} is not the package that passed its checks (it has digest {found[:12]}, that "
            f"one had {digest[:12]}): {_AGAIN}"
        )
    return folder


def publish_if_passed(
    root: DataRoot, version: str, draft: Path, digest: str, gates: Mapping[str, Gate]
) -> Path:
    """Records what the checks said of a package, and publishes it if it passed all of them.

    What was published before stays so where it did not pass.

    Args:
        root: the data root.
        version: model version in the package.
        draft: the package.
        digest: identity of its content.
        gates: the outcomes, by name of the check.

    Returns:
        Where the package lies then: `registry/<version>/package`, or the draft if it did not pass.
    """
    passed = bool(gates) and all(gate.passed for gate in gates.values())
    checks = {
        name: {"passed": gate.passed, "sentence": gate.sentence} for name, gate in gates.items()
    }
    outcomes = {**_outcomes(root, version), digest: {"passed": passed, "checks": checks}}
    _CHECKS.write(root.registry / version / CHECKS_FILE, {"packages": outcomes})
    if not passed:
        return draft
    folder = root.package(version)
    replace_package(folder, draft)
    _POINTER.write(root.package_pointer, {"version": version, "digest": digest})
    return folder


def _nothing_published(root: DataRoot) -> str:
    failures = [
        _failure(path.parent.name, outcome)
        for path in root.registry.glob(f"*/{CHECKS_FILE}")
        for outcome in _outcomes(root, path.parent.name).values()
        if not outcome["passed"]
    ]
    return "; ".join(failures) or "there is no scoring package: materialize scoring_package first"


def _failure(version: str, outcome: Mapping[str, Any]) -> str:
    failed = "; ".join(
        f"{name} ({check['sentence']})"
        for name, check in outcome["checks"].items()
        if not check["passed"]
    )
    return (
        f"the scoring package of model version {version} failed {failed} and must not serve: mend "
        f"what it says, then {_AGAIN}"
    )


def _outcomes(root: DataRoot, version: str) -> Mapping[str, Any]:
    try:
        return _CHECKS.read(root.registry / version / CHECKS_FILE)["packages"]
    except FileNotFoundError:
        return {}


def _pointer(root: DataRoot) -> Mapping[str, Any] | None:
    try:
        return _POINTER.read(root.package_pointer)
    except FileNotFoundError:
        return None
