"""A package serves only if it passed its checks and is as it was then."""

import json
from pathlib import Path

import pytest

from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.foundation.documents import DocumentError
from weather_assets.processing.doubts.gates import Gate
from weather_assets.rollout.controller import RolloutRefused
from weather_assets.scoring.package import package_digest
from weather_assets.workflows.champions import NoChampionError, find_champion
from weather_assets.workflows.published import (
    CHECKS_FILE,
    PackageChangedError,
    PackageRefusedError,
    passed_package,
    publish_if_passed,
    published_package,
    published_version,
)
from weather_assets.workflows.rollouts import present_release
from weather_assets_tests.workflows.published_packages import PASSED
from weather_assets_tests.workflows.registered_versions import RegisteredVersions

FAILED = {
    "served_package_agrees_with_network": Gate(passed=False, sentence="differs by 0.2"),
    "served_package_refuses_bad_requests": Gate(passed=True, sentence="refused"),
}


def draft_of(root: DataRoot, version: str, text: str) -> Path:
    draft = root.registry / version / "package_draft"
    draft.mkdir(parents=True, exist_ok=True)
    (draft / "score.py").write_text(text)
    return draft


def publish(root: DataRoot, version: str, text: str, gates: dict[str, Gate]) -> str:
    draft = draft_of(root, version, text)
    digest = package_digest(draft)
    publish_if_passed(root, version, draft, digest, gates)
    return digest


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    return DataRoot.at(tmp_path).create()


def test_what_passed_is_published_where_deployments_look(root: DataRoot) -> None:
    digest = publish(root, "1", "good", PASSED)
    package = published_package(root)
    assert (package.version, package.digest) == ("1", digest)
    assert package.folder == root.package("1")
    assert not (root.registry / "1" / "package_draft").exists()


def test_what_failed_leaves_everything_as_it_was(root: DataRoot) -> None:
    digest = publish(root, "1", "good", PASSED)
    bad = publish(root, "2", "bad", FAILED)
    assert published_package(root).digest == digest
    assert not root.package("2").exists()
    with pytest.raises(PackageRefusedError, match=r"agrees_with_network \(differs by 0\.2\)"):
        passed_package(root, "2", bad)


def test_a_failed_package_of_the_same_version_does_not_replace_the_good_one(root: DataRoot) -> None:
    digest = publish(root, "1", "good", PASSED)
    publish(root, "1", "bad", FAILED)
    assert published_package(root).digest == digest
    assert (root.package("1") / "score.py").read_text() == "good"


def test_checks_that_were_not_made_are_not_passed(root: DataRoot) -> None:
    publish(root, "1", "good", {})
    assert published_version(root) is None


def test_where_only_failures_are_the_sentence_says_which(root: DataRoot) -> None:
    with pytest.raises(PackageRefusedError, match="materialize scoring_package first"):
        published_package(root)
    publish(root, "3", "bad", FAILED)
    with pytest.raises(PackageRefusedError, match="version 3 failed served_package_agrees"):
        published_package(root)


@pytest.mark.parametrize("change", ["edited", "removed"])
def test_what_was_changed_since_is_refused(root: DataRoot, change: str) -> None:
    publish(root, "1", "good", PASSED)
    script = root.package("1") / "score.py"
    if change == "edited":
        script.write_text("something else")
    else:
        script.unlink()
    with pytest.raises(PackageChangedError, match="is not the package that passed"):
        published_package(root)
    with pytest.raises(RolloutRefused, match="is not the package that passed"):
        present_release(root, AzureSettings())


def test_a_rollout_refuses_a_pointer_to_what_has_no_record(root: DataRoot) -> None:
    """As in a data root of an earlier version, or where somebody wrote the pointer by hand."""
    digest = publish(root, "1", "good", PASSED)
    (root.registry / "1" / CHECKS_FILE).unlink()
    with pytest.raises(RolloutRefused, match="no record of its checks: materialize"):
        present_release(root, AzureSettings())
    root.package_pointer.write_text(json.dumps({"format": 99, "version": "1", "digest": digest}))
    with pytest.raises(DocumentError, match="format 99"):
        published_package(root)


def test_predict_refuses_a_package_that_was_changed(root: DataRoot) -> None:
    versions = RegisteredVersions(root)
    versions.add("1")
    versions.registry.promote("1")
    versions.package("1")
    assert find_champion(root).way == "its scoring package"
    with (root.package("1") / "score.py").open("a") as script:
        script.write("# changed")
    with pytest.raises(NoChampionError, match="is not the package that passed"):
        find_champion(root)
