"""Starts Spark's Java while this process still loads Dagster.

Belongs here: starting the session early, where rows are likely to be new. Does not belong here: how
the session is set up (`adapters.spark_session`), or who uses it (dagster-pyspark).
"""

import contextlib
import os
import threading
from pathlib import Path

from weather_assets.adapters.files.data_root import DataRoot


def start_spark_early(root: DataRoot) -> None:
    """Starts the session in the background, unless there is nothing for it to do.

    Java takes 4 s to start, on the core that is idle until Dagster is loaded. What fails here fails
    again, with its reason, where the session is needed.

    Args:
        root: the data root.
    """
    if not needs_spark(root):
        return
    # All imports in this thread: two of them that import parts of one package can see half of it.
    from pyspark.sql import SparkSession

    from weather_assets.adapters.spark_session import session_configuration, set_spark_environment

    set_spark_environment()
    builder = SparkSession.builder
    for key, value in session_configuration(os.environ).items():
        builder = builder.config(key, value)

    def start() -> None:
        with contextlib.suppress(Exception):
            builder.getOrCreate()

    threading.Thread(target=start, name="early-spark", daemon=True).start()


def needs_spark(root: DataRoot) -> bool:
    """Whether files in `raw/` that may be new hold more text than this process reads itself."""
    from weather_assets.contract.loading import load_contract, recognise_header
    from weather_assets.processing.files.blocks import total_bytes
    from weather_assets.processing.files.layouts import layout_of
    from weather_assets.processing.files.raw_file import RawFile, read_opening
    from weather_assets.processing.parts.tasks import SMALL_BYTES

    try:
        openings = [read_opening(RawFile(str(path), str(path))) for path in may_be_new(root)]
        own = load_contract(root.contract_file) if root.contract_file.is_file() else None
        contract = recognise_header(openings[0].header, own)
        return total_bytes([layout_of(each, contract) for each in openings]) > SMALL_BYTES
    except (ValueError, IndexError, OSError):
        return False  # there is nothing, or the run is going to say what is wrong


def may_be_new(root: DataRoot) -> list[Path]:
    """Returns the files in `raw/` that are younger than what was last recorded of them.

    All of them, if nothing was recorded or the contract is younger.
    """
    from weather_assets.adapters.files.raw_snapshot import list_raw_files

    files = list(list_raw_files(root.raw))
    try:
        recorded = root.snapshot_file.stat().st_mtime
        if root.contract_file.exists() and root.contract_file.stat().st_mtime >= recorded:
            return files
        return [path for path in files if path.stat().st_mtime >= recorded]
    except OSError:
        return files
