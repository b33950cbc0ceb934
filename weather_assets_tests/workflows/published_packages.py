"""Packages that are published, or refused, without having been served.

Belongs here: publishing what a test has made. Does not belong here: making packages.
"""

import shutil
from collections.abc import Mapping

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.processing.doubts.gates import Gate
from weather_assets.scoring.package import package_digest
from weather_assets.workflows.published import publish_if_passed

PASSED = {"made_for_a_test": Gate(passed=True, sentence="nobody asked it anything")}
FAILED = {"made_for_a_test": Gate(passed=False, sentence="the test says so")}


def publish_for_a_test(root: DataRoot, version: str, gates: Mapping[str, Gate] = PASSED) -> None:
    """Publishes the package that lies in the folder of a version, if it has passed.

    Args:
        root: the data root.
        version: the model version.
        gates: what its checks are to have said.
    """
    package = root.package(version)
    draft = package.with_name("package_draft")
    shutil.copytree(package, draft)
    publish_if_passed(root, version, draft, package_digest(package), gates)
