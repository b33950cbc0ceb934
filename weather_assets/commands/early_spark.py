"""Starts Spark's Java while this process still loads Dagster.

Belongs here: starting the session early, where rows are likely to be new. Does not belong here: how
the session is set up (`adapters.spark_io`), or who uses it (dagster-pyspark's resource finds it).
"""

import contextlib
import os
import threading

from weather_assets.adapters.data_root import DataRoot


def start_spark_early(root: DataRoot, *, sample: bool) -> None:
    """Starts the session in the background, unless there is nothing for it to do.

    Java takes 4 s to start, on the core that is idle until Dagster is loaded. What fails here fails
    again, with its reason, where the session is needed.

    Args:
        root: the data root.
        sample: whether a sample is going to be put into an empty `raw/`.
    """
    if not may_have_new_rows(root, sample=sample):
        return
    if any(root.raw.glob("[!.]*")) and not needs_spark(root):
        return
    # All imports in this thread: two of them that import parts of one package can see half of it.
    from pyspark.sql import SparkSession

    from weather_assets.adapters.spark_io import session_configuration, set_spark_environment

    set_spark_environment()
    builder = SparkSession.builder
    for key, value in session_configuration(os.environ).items():
        builder = builder.config(key, value)

    def start() -> None:
        with contextlib.suppress(Exception):
            builder.getOrCreate()

    threading.Thread(target=start, name="early-spark", daemon=True).start()


def needs_spark(root: DataRoot) -> bool:
    """Whether rows are compared with others, or are so many that Spark distributes the work."""
    from weather_assets.adapters.raw_snapshot import list_raw_files
    from weather_assets.contract.loading import load_contract, recognise_header
    from weather_assets.processing.file_entries import is_small
    from weather_assets.processing.parts import is_row_by_row
    from weather_assets.processing.raw_files import RawFile, layouts_of, read_header

    try:
        files = [RawFile(str(path), str(path)) for path in list_raw_files(root.raw)]
        own = load_contract(root.contract_file) if root.contract_file.is_file() else None
        contract = recognise_header(read_header(files[0]), own)
        return not (is_row_by_row(contract) and is_small(layouts_of(files, contract)))
    except (ValueError, IndexError):
        return False  # the run is going to say what is wrong


def may_have_new_rows(root: DataRoot, *, sample: bool) -> bool:
    """Whether a file in `raw/`, or the contract, is younger than what was last recorded of them."""
    if not root.raw.is_dir():
        return sample
    files = [path for path in root.raw.iterdir() if not path.name.startswith(".")]
    if not files:
        return sample
    try:
        recorded = root.snapshot_file.stat().st_mtime
        contract = [root.contract_file] if root.contract_file.exists() else []
        return any(path.stat().st_mtime >= recorded for path in (*files, *contract))
    except OSError:
        return True
