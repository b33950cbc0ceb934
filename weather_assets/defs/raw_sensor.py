"""The sensor that looks at `raw/`, and has recorded what has changed there.

Belongs here: comparing what is in `raw/` with what is recorded. Does not belong here: which files
are complete (`adapters.files.raw_looks`), or what follows from new content (`automation`).
"""

from pathlib import Path
from time import time

import dagster as dg

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.raw_looks import RawLook, look_at_raw_files
from weather_assets.adapters.files.raw_snapshot import (
    RawDataError,
    RawFilesChangedError,
    RawSnapshot,
    take_snapshot,
)
from weather_assets.defs.recorded_facts import RunLog
from weather_assets.defs.resources import DataRootResource
from weather_assets.defs.run_tags import ASKED_BY
from weather_assets.foundation.documents import DocumentError
from weather_assets.reconciliation.decision import Step
from weather_assets.reconciliation.patience import patience

SETTLE_SECONDS = 4.0
"""How long a raw file must look the same: for two looks of the sensor, which come every 5 s."""
RAW_PLACE_TAG = "weather_assets/raw_place"
"""On a run of `raw_weather`: what the sensor had seen, by content and place."""
RAW_WEATHER = dg.AssetKey("raw_weather")


@dg.sensor(
    name="raw_weather_sensor",
    target=dg.AssetSelection.assets(RAW_WEATHER),
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Looks at raw/ and has raw_weather record it where content or place of a file has changed. "
        "Touching a file or the same bytes again cause nothing; a file that is still being written "
        "is left out until it is complete."
    ),
)
def raw_weather_sensor(
    context: dg.SensorEvaluationContext, data_root: DataRootResource
) -> dg.RunRequest | dg.SkipReason:
    """Compares content and place of the files in `raw/` with what `raw_weather` last recorded.

    It keeps no cursor: what was recorded is read where it is recorded, so that no arrival, failure
    or restart can make the two differ for ever.
    """
    root = data_root.get()
    recorded = recorded_snapshot(root)
    look = look_at(root, recorded, SETTLE_SECONDS)
    if look.awaited:
        return dg.SkipReason(f"recorded files are being rewritten: {_names(look.awaited)}")
    if look.growing and not look.complete:
        return dg.SkipReason(f"files are still being written: {_names(look.growing)}")
    try:
        present = take_snapshot(root.raw, root.contract_file, root.hashes_file, look.complete)
    except RawDataError as problem:
        return dg.SkipReason(str(problem))
    left_out = f"; still being written: {_names(look.growing)}" if look.growing else ""
    return _request_or_reason(RunLog(context.instance), recorded, present, left_out)


def recorded_snapshot(root: DataRoot) -> RawSnapshot | None:
    """Returns the files that `raw_weather` last recorded; None where there is no such record."""
    try:
        return RawSnapshot.load(root.snapshot_file)
    except (RawDataError, DocumentError):
        return None


def look_at(root: DataRoot, recorded: RawSnapshot | None, settle_seconds: float) -> RawLook:
    """Looks at the raw files of a data root, and remembers it for the next look."""
    return look_at_raw_files(
        root.raw,
        root.looks_file,
        recorded=[] if recorded is None else [file.name for file in recorded.files],
        settle_seconds=settle_seconds,
        now=time(),
    )


def complete_files(root: DataRoot, settle_seconds: float) -> tuple[Path, ...] | None:
    """Returns the raw files that are complete; None, for all of them, where nothing is awaited.

    Args:
        root: the data root.
        settle_seconds: how long a file must look the same; 0 takes it as it is.

    Raises:
        RawFilesChangedError: if a recorded file is being rewritten.
    """
    if settle_seconds == 0:
        return None
    look = look_at(root, recorded_snapshot(root), settle_seconds)
    if look.awaited:
        raise RawFilesChangedError(f"recorded files are being rewritten: {_names(look.awaited)}")
    return look.complete


def _request_or_reason(
    log: RunLog, recorded: RawSnapshot | None, present: RawSnapshot, left_out: str
) -> dg.RunRequest | dg.SkipReason:
    made = log.made(RAW_WEATHER)
    if made is not None and made.version == present.version and recorded == present:
        count = len(present.files)
        return dg.SkipReason(
            f"raw/ is as recorded: version {present.version}, {count} file(s){left_out}"
        )
    if runs := log.unfinished.get(RAW_WEATHER):
        return dg.SkipReason(f"run {min(runs)[:8]} records raw/ just now")
    tags = {RAW_PLACE_TAG: present.place}
    again = patience(list(log.attempts(RAW_WEATHER, made, tags)), time())
    if again.step is not Step.MAKE:
        return dg.SkipReason(f"version {present.version} of raw/ is not recorded: {again.sentence}")
    return dg.RunRequest(
        run_config={"ops": {"raw_weather": {"config": {"settle_seconds": SETTLE_SECONDS}}}},
        tags={
            **tags,
            ASKED_BY: "raw_weather_sensor",
            "weather_assets/raw_files": _names([Path(file.name).name for file in present.files]),
        },
    )


def _names(names: tuple[str, ...] | list[str]) -> str:
    """Returns names on one line that does not grow with their number."""
    return ", ".join(names)[:200]
