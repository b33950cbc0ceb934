"""How the tests are dealt out to the processes of one run, so that none waits long for the others.

Belongs here: which tests stay together, and which come first. Does not belong here: how many
processes there are (the Makefile says it), or anything that a test can see.

A file stays in one process, as under xdist's `--dist loadfile`: its fixtures are made once. The
files that use the shared Spark session stay in two bundles, because every further process would
start, and warm up, a Java of its own. What takes long begins first; what takes a moment fills the
gaps at the end. All of it concerns time alone: any order passes.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

TESTS = "weather_assets_tests"

SPARK_BUNDLES: tuple[tuple[str, ...], ...] = (
    (
        "integration/test_graph.py",
        "integration/test_agreement.py",
        "commands/test_suggestion.py",
        "benchmarks/test_benchmarks.py",
    ),
    (
        "processing",
        "workflows/test_preparation.py",
        "workflows/test_growing_data.py",
        "adapters/test_spark_session.py",
    ),
)
"""Files and folders whose tests share a Spark session; one that is missing costs time alone."""

LONGEST: tuple[str, ...] = (
    *SPARK_BUNDLES[0],
    *SPARK_BUNDLES[1],
    "integration/test_old_root.py",
    "integration/test_rollout.py",
    "adapters/ranks/test_gang.py",
    "adapters/azure/test_service.py",
    "commands/test_recovery.py",
    "adapters/test_spark_environment.py",
    "adapters/tracking",
    "commands/test_instance.py",
    "local_azure/serving/test_pools.py",
    "commands/test_serving.py",
    "forecasting/test_training.py",
    "workflows/test_prediction.py",
    "adapters/scoring/test_server.py",
    "integration/test_rollout_kills.py",
    "local_azure/test_restarts.py",
    "local_azure/azure/test_faults.py",
    "local_azure/test_sdk.py",
    "integration/test_rollout_secrets.py",
)
"""Files and folders that take more than 4 s each on 2 idle cores, longest first."""


def work_unit(node_id: str) -> str:
    """Returns what a test is dealt out with: its file, or its bundle.

    Args:
        node_id: pytest's, relative to the root of the repository.
    """
    file = node_id.split("::", 1)[0]
    for number, bundle in enumerate(SPARK_BUNDLES):
        if _place(file, bundle) < len(bundle):
            return f"spark-{number}"
    return file


def in_order(node_ids: Sequence[str]) -> list[int]:
    """Returns the positions of tests in the order of running: long files first, else unchanged."""
    return sorted(
        range(len(node_ids)), key=lambda each: _place(node_ids[each].split("::", 1)[0], LONGEST)
    )


def _place(file: str, among: Sequence[str]) -> int:
    path = PurePosixPath(file)
    parts = {path, *path.parents}
    return next((i for i, name in enumerate(among) if PurePosixPath(TESTS, name) in parts), 10**6)


class BundledFiles(LoadFileScheduling):
    """As `--dist loadfile`, with Spark's files in bundles, and in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return work_unit(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BundledFiles | None:
    """Deals out whole files; any other `--dist` is xdist's own."""
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # xdist's order is by number of tests, not by time
    return BundledFiles(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts long files first where the run is shared; alone, tests run in the order of the tree."""
    if hasattr(config, "workerinput"):
        items[:] = [items[each] for each in in_order([item.nodeid for item in items])]
