"""Packages that are published without having been served.

Belongs here: publishing what a test has made. Does not belong here: making packages.
"""

import shutil

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.processing.doubts.gates import Gate
from weather_assets.scoring.package import package_digest
from weather_assets.workflows.published import publish_if_passed

PASSED = {"made_for_a_test": Gate(passed=True, sentence="nobody asked it anything")}


def publish_for_a_test(root: DataRoot, version: str) -> None:
    """Publishes the package that lies in the folder of a version, as one that has passed.

    Args:
        root: the data root.
        version: the model version.
    """
    package = root.package(version)
    draft = package.with_name("package_draft")
    shutil.copytree(package, draft)
    publish_if_passed(root, version, draft, package_digest(package), PASSED)
