"""Observations: raw files, the rows made from them, and the rows set aside.

Belongs here: the assets of the group `observations` and their blocking checks. Does not belong
here: what a row must satisfy (`contract`), or how rows are processed (`processing`).
"""

from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from weather_assets.adapters.files.raw_headers import evaluate_headers
from weather_assets.adapters.files.raw_snapshot import take_snapshot
from weather_assets.defs.automation import follows_its_inputs, tried
from weather_assets.defs.code_versions import processing_code
from weather_assets.defs.metadata import (
    OWNERS,
    check_result,
    processing_metadata,
    rejection_metadata,
    snapshot_metadata,
)
from weather_assets.defs.pools import ROWS
from weather_assets.defs.raw_sensor import complete_files
from weather_assets.defs.resources import DataRootResource
from weather_assets.defs.settings import LimitsResource, SettingsConfig, SparkResource
from weather_assets.workflows.preparation import PreparedWeather, prepare_weather


class RawWeatherConfig(dg.Config):
    """How careful to be with files that may still be growing."""

    settle_seconds: float = Field(
        default=0.0,
        ge=0,
        description="Leave out files that have not looked the same for so long; 0 takes all.",
    )


class ProcessingConfig(SettingsConfig):
    """Limits of the blocking checks."""

    reject_ratio_limit: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Highest share of faulty rows that is let through; where nothing is given, as "
        "the resource `limits`, and else the contract, says.",
    )

    def given(self) -> dict[str, Any]:
        """Returns the limits that have a value here."""
        limit = self.reject_ratio_limit
        return {} if limit is None else {"reject_ratio": limit}


@dg.asset(
    group_name="observations",
    kinds={"csv"},
    owners=OWNERS,
    code_version="1",
    **tried("1", ROWS),
    check_specs=[
        dg.AssetCheckSpec(
            "header_fits_contract",
            asset="raw_weather",
            blocking=True,
            description="One contract, built in or contract.toml, explains every header.",
        )
    ],
)
def raw_weather(config: RawWeatherConfig, data_root: DataRootResource) -> dg.MaterializeResult:
    """The set of raw CSV files in `raw/`, identified by content.

    One entry is one file; the data version is a hash of the files' hashes, so that touching or
    renaming a file changes nothing below. Written to `processed/raw_files.json`. Fails if `raw/`
    holds no complete file; the blocking check fails if no contract explains a header.
    """
    root = data_root.get()
    files = complete_files(root, config.settle_seconds)
    snapshot = take_snapshot(root.raw, root.contract_file, root.hashes_file, files)
    gate = evaluate_headers(root.raw, snapshot, root.contract_file)
    snapshot.save(root.snapshot_file)
    return dg.MaterializeResult(
        metadata=snapshot_metadata(snapshot, root.raw),
        data_version=dg.DataVersion(snapshot.version),
        check_results=[check_result("header_fits_contract", "raw_weather", gate)],
    )


def _spec(key: str, description: str) -> dg.AssetSpec:
    """Returns one of the two assets that are made together."""
    return dg.AssetSpec(
        key,
        deps=["raw_weather"],
        group_name="observations",
        kinds={"pyspark", "parquet"},
        owners=OWNERS,
        code_version=processing_code(),
        automation_condition=follows_its_inputs(),
        description=description,
    )


_CHECKS = (
    ("rows_accounted_for", "processed_weather", "Rows read = rows kept + rows rejected."),
    (
        "columns_in_their_units",
        "processed_weather",
        "No column's values show it to be in another unit than the contract says.",
    ),
    (
        "features_within_physical_bounds",
        "processed_weather",
        "Every value written lies within the contract's bounds; read from the Parquet.",
    ),
    (
        "no_feature_is_the_label",
        "processed_weather",
        "No feature is the label in other words.",
    ),
    (
        "both_classes_in_every_split",
        "processed_weather",
        "There are enough rows, with and without the event in every split.",
    ),
    (
        "reject_ratio_within_limit",
        "rejected_weather",
        "The share of faulty rows is low enough to trust the rest.",
    ),
)
"""Name, asset and claim of each blocking check."""


@dg.multi_asset(
    name="processed_weather",
    specs=[
        _spec(
            "processed_weather",
            "Rows that satisfy the contract: one row is one observation in raw units with its "
            "label (`label_encoded`) and its split, made (by Spark where they are many) from the "
            "files that `raw_weather` recorded, in `processed/weather.parquet`. The statistics of "
            "the training rows lie beside it. Replaced as a whole, and only if every check passes. "
            "Fails if a file changed since it was recorded, or cannot be read at all.",
        ),
        _spec(
            "rejected_weather",
            "Rows that were set aside: file, line, column, reason code and raw text of each, in "
            "`processed/rejected.parquet`. Rows read = rows kept + rows rejected, always. Fails "
            "with `processed_weather`, which it is made with.",
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(name, asset=asset, blocking=True, description=description)
        for name, asset, description in _CHECKS
    ],
    can_subset=True,
    **tried(processing_code(), ROWS),
)
def observations(
    context: dg.AssetExecutionContext,
    config: ProcessingConfig,
    data_root: DataRootResource,
    limits: LimitsResource,
    spark: SparkResource,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Processes the recorded raw files, judges the result, and publishes it if it may go on."""
    prepared = prepare_weather(
        data_root.get(),
        spark.session,
        processing_code(),
        limits.overrides(config),
        context.log.info,
    )
    yield from _check_results(prepared, context.selected_asset_check_keys)
    prepared.publish()
    yield from _results(prepared, context.selected_asset_keys)


def _check_results(
    prepared: PreparedWeather, chosen: Collection[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    for (asset, name), gate in prepared.gates.items():
        if dg.AssetCheckKey(dg.AssetKey(asset), name) in chosen:
            yield check_result(name, asset, gate)


def _results(
    prepared: PreparedWeather, chosen: Collection[dg.AssetKey]
) -> Iterator[dg.MaterializeResult]:
    report, folder = prepared.report, prepared.folder
    metadata = {
        "processed_weather": processing_metadata(report, folder, prepared.contract),
        "rejected_weather": rejection_metadata(report, folder),
    }
    for key in chosen:
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=metadata[key.to_user_string()],
            data_version=dg.DataVersion(prepared.content_version),
        )
