"""From the recorded raw files to a judged, publishable version of the processed rows.

Belongs here: the order of work around `processing`: find or build the version, verify the files,
judge, publish. Does not belong here: how rows are processed, or when this happens (`defs`).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pyspark.sql import SparkSession

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import (
    RESULTS,
    ProcessedVersions,
    read_manifest,
    write_manifest,
)
from weather_assets.adapters.files.raw_headers import explain_files
from weather_assets.adapters.files.raw_snapshot import (
    RawSnapshot,
    verify_snapshot,
)
from weather_assets.contract.limits import Limits
from weather_assets.contract.schema import Contract
from weather_assets.processing.comparing.kept_results import KeptResults
from weather_assets.processing.doubts.explanations import examples_of
from weather_assets.processing.doubts.gates import (
    Gate,
    evaluate_accounts,
    evaluate_bounds,
    evaluate_classes,
    evaluate_label_copies,
    evaluate_reject_ratio,
    evaluate_units,
)
from weather_assets.processing.doubts.suspicions import suspicions_of
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.identity import content_version
from weather_assets.processing.parts.accounting import ProcessingReport
from weather_assets.processing.pipeline import REJECTED, WEATHER, process

_EXAMPLES_SHOWN = 3


class RefusedError(ValueError):
    """The processed rows must not be used. The message says which gate refused them and why."""


@dataclass(frozen=True, slots=True)
class PreparedWeather:
    """A complete version of the processed rows, not yet current.

    Attributes:
        version: its name, from raw content, contract and code.
        content_version: identity of what is in it.
        folder: where it lies.
        contract: the contract of its rows.
        report: counts and timings.
        gates: verdicts by asset and check name.
        versions: where it is published.
    """

    version: str
    content_version: str
    folder: Path
    contract: Contract
    report: ProcessingReport
    gates: Mapping[tuple[str, str], Gate]
    versions: ProcessedVersions

    def publish(self) -> None:
        """Makes the version the current one if every gate lets it pass; else removes it.

        Raises:
            RefusedError: naming the gates that refuse it; what was current stays current.
        """
        refusals = [
            f"{name}: {gate.sentence}" for (_, name), gate in self.gates.items() if not gate.passed
        ]
        if refusals:
            # The same version may be current, published under a laxer limit: then it stays.
            if not _is_current(self.versions, self.version):
                self.versions.discard(self.version)
            raise RefusedError("\n".join(refusals))
        self.versions.publish(self.version)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """The raw files that `raw_weather` recorded, and what their headers say.

    Attributes:
        root: the data root.
        snapshot: the files.
        contract: the one that explains them.
        layouts: where its columns are.
        code_version: of the processing code.
    """

    root: DataRoot
    snapshot: RawSnapshot
    contract: Contract
    layouts: tuple[Layout, ...]
    code_version: str

    @classmethod
    def read(cls, root: DataRoot, code_version: str) -> "_Recorded":
        snapshot = RawSnapshot.load(root.snapshot_file)
        contract, layouts = explain_files(root.raw, snapshot, root.contract_file)
        return cls(root, snapshot, contract, layouts, code_version)

    @property
    def version(self) -> str:
        """A name for all that decides what is made of the files."""
        return self._name(self.snapshot.version)

    def entry_names(self) -> dict[str, str]:
        """Returns, by file, a name for all that decides what is made of the file by itself.

        Its own name is part of it, because rejected rows say which file they are of.
        """
        return {
            file.name: self._name(f"{file.sha256}\n{file.name}") for file in self.snapshot.files
        }

    def verify(self) -> None:
        """Makes sure that the files are still those that were recorded."""
        verify_snapshot(self.root.raw, self.snapshot, self.root.hashes_file)

    def _name(self, content: str) -> str:
        identity = f"{content}\n{self.contract.fingerprint}\n{self.code_version}"
        return hashlib.sha256(identity.encode()).hexdigest()[:16]


def prepare_weather(
    root: DataRoot,
    spark: Callable[[], SparkSession],
    code_version: str,
    overrides: Mapping[str, float],
    report_progress: Callable[[str], None],
) -> PreparedWeather:
    """Processes the raw files that `raw_weather` recorded, unless that was done before.

    Args:
        root: the data root.
        spark: starts a session; called only where there is something for Spark to do.
        code_version: version of the processing code.
        overrides: limits, by name, that hold in place of the contract's.
        report_progress: called with one sentence per step.

    Returns:
        The version, judged, not yet current.

    Raises:
        RawDataError: if nothing was recorded yet, or a file changed since.
        RawFileError: if a file cannot be read.
        ContractError: if no contract explains the files.
        DocumentError: if what was recorded is damaged, or of a newer version.
    """
    recorded = _Recorded.read(root, code_version)
    versions = ProcessedVersions(root.processed)
    if versions.has(recorded.version):
        recorded.verify()
        report_progress(
            f"the rows of version {recorded.version} were processed before; nothing to read again"
        )
    else:
        _build(recorded, versions, spark, report_progress)
    limits = replace(recorded.contract.limits, **overrides)
    return _judged(recorded, versions, limits, report_progress)


def _build(
    recorded: _Recorded,
    versions: ProcessedVersions,
    spark: Callable[[], SparkSession],
    report_progress: Callable[[str], None],
) -> None:
    """Writes a version, reading only files that were not read before."""
    names = recorded.entry_names()
    results = KeptResults(names, versions.result)
    files = recorded.snapshot.files
    new = [file for file in files if not versions.has_result(names[file.name])]
    report_progress(
        f"processing {len(files)} file(s) under contract {recorded.contract.name}, of which "
        f"{len(new)} are new, {sum(file.size_bytes for file in new) / 1e6:.1f} MB"
    )

    def write(folder: Path) -> None:
        _write(spark, recorded, folder, results)
        versions.keep_results()

    versions.build(recorded.version, write)


def _write(
    spark: Callable[[], SparkSession], recorded: _Recorded, folder: Path, results: KeptResults
) -> None:
    """Fills the folder of a version, its manifest last."""
    layouts, contract = recorded.layouts, recorded.contract
    report = process(spark, layouts, contract, folder, results)
    recorded.verify()
    suspicions = suspicions_of(folder, report, layouts, contract, datetime.now(UTC))
    report = replace(report, warnings=(*report.warnings, *suspicions.warnings))
    manifest = {
        **report.to_dict(),
        "refusals": {
            "wrong_units": suspicions.wrong_units,
            "label_copies": suspicions.label_copies,
        },
        "content_version": content_version(folder, contract),
        RESULTS: sorted(results.used),
    }
    write_manifest(folder, manifest)


def _judged(
    recorded: _Recorded,
    versions: ProcessedVersions,
    limits: Limits,
    report_progress: Callable[[str], None],
) -> PreparedWeather:
    """Reads what was written of a version, and judges it."""
    folder = versions.path(recorded.version)
    manifest = read_manifest(folder)
    content = manifest.pop("content_version")
    refusals = manifest.pop("refusals")
    manifest.pop(RESULTS)
    report = ProcessingReport.from_dict(manifest)
    report_progress(f"{report.rows_kept:,} rows kept, {report.rows_rejected:,} set aside")
    for warning in report.warnings:
        report_progress(f"warning: {warning}")
    return PreparedWeather(
        version=recorded.version,
        content_version=content,
        folder=folder,
        contract=recorded.contract,
        report=report,
        gates=_gates(recorded, folder, report, refusals, limits),
        versions=versions,
    )


def _gates(
    recorded: _Recorded,
    folder: Path,
    report: ProcessingReport,
    refusals: Mapping[str, Sequence[str]],
    limits: Limits,
) -> Mapping[tuple[str, str], Gate]:
    """Judges a version. The gate that names a cause comes before those that see its effects."""
    contract = recorded.contract
    rejects = evaluate_reject_ratio(report, limits)
    if not rejects.passed:
        examples = examples_of(folder / REJECTED, recorded.layouts)
        shown = [example.sentence(contract) for example in examples[:_EXAMPLES_SHOWN]]
        rejects = evaluate_reject_ratio(report, limits, shown)
    return {
        ("processed_weather", "rows_accounted_for"): evaluate_accounts(report),
        ("processed_weather", "columns_in_their_units"): evaluate_units(refusals["wrong_units"]),
        ("rejected_weather", "reject_ratio_within_limit"): rejects,
        ("processed_weather", "features_within_physical_bounds"): evaluate_bounds(
            folder / WEATHER, contract
        ),
        ("processed_weather", "no_feature_is_the_label"): evaluate_label_copies(
            refusals["label_copies"]
        ),
        ("processed_weather", "both_classes_in_every_split"): evaluate_classes(report, limits),
    }


def _is_current(versions: ProcessedVersions, version: str) -> bool:
    try:
        return versions.current() == versions.path(version).resolve()
    except FileNotFoundError:
        return False
