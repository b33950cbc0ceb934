"""How the tests are dealt out to the processes of one run, so that none waits long for the others.

Belongs here: which tests stay together, and which come first. Does not belong here: how many
processes there are (the Makefile says it), or anything that a test can see.

A file stays in one process, as under xdist's `--dist loadfile`: its fixtures are made once. The
files that use the shared Spark session stay in one bundle, because every further process would
start, and warm up, a Java of its own. What takes long begins first; what takes a moment fills the
gaps at the end. All of it concerns time alone: any order passes.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

TESTS = "weather_assets_tests"

WITH_SPARK: tuple[str, ...] = (
    "processing/cells/test_hashing.py",
    "processing/files/test_blocks.py",
    "processing/parts/test_tasks.py",
    "processing/test_hostile_files.py",
    "processing/test_pipeline.py",
    "workflows/test_preparation.py",
    "commands/test_suggestion.py",
    "adapters/test_spark_session.py",
    "integration/test_agreement.py",
)
"""Files whose tests share the Spark session; one that is missing costs time alone."""

LONGEST: tuple[str, ...] = (
    "integration/test_graph.py",
    *WITH_SPARK,
    "integration/test_rollout.py",
    "commands/test_recovery.py",
    "forecasting/test_training.py",
    "defs/test_reconciliation.py",
    "integration/test_mutations.py",
    "commands/test_serving.py",
    "integration/test_rollout_kills.py",
    "processing/files/test_bombs.py",
    "verification/test_simulated_retrainings.py",
    "commands/test_storage_errors.py",
    "local_azure",
    "adapters",
    "workflows",
    "benchmarks",
    "test_layers.py",
    "verification",
    "engine_guard",
    "integration",
    "commands",
    "scoring",
    "processing",
    "defs",
    "forecasting",
)
"""Files and folders that take more than 4 s each on 2 idle cores, longest first."""


def work_unit(node_id: str) -> str:
    """Returns what a test is dealt out with: its file, or all that use Spark.

    Args:
        node_id: pytest's, relative to the root of the repository.
    """
    file = node_id.split("::", 1)[0]
    return "spark" if _place(file, WITH_SPARK) < len(WITH_SPARK) else file


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
    """As `--dist loadfile`, with Spark's files together, and in the order of collection."""

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
