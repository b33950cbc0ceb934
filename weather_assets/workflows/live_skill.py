"""The skill of what serves, on rows that came since it was trained, from version to version.

Belongs here: which model served when, what it says of the rows that came meanwhile, and the record
of it. Does not belong here: what days come to (`monitoring`), or what follows (`reconciliation`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions
from weather_assets.adapters.tracking.model_registry import ModelRegistry, ModelVersion
from weather_assets.contract.schema import Contract
from weather_assets.forecasting.network import NetworkFileError
from weather_assets.foundation.documents import DamagedDocumentError, DocumentFormat, read_json
from weather_assets.monitoring.drift import RECENT_DAYS, Reading, compare_seasons, in_words
from weather_assets.monitoring.live_skill import Day, Promise, Scores, Watch, watch
from weather_assets.monitoring.scores import skill
from weather_assets.monitoring.settings import LiveSkillSettings
from weather_assets.verification.baselines import BASE_RATE, CLIMATOLOGY, forecast_climatology
from weather_assets.verification.samples import VerificationError, read_samples
from weather_assets.verification.verdict import CANDIDATE
from weather_assets.workflows.bound_weights import load_bound_network
from weather_assets.workflows.candidates import (
    SERVED_UNTIL,
    SERVED_WEIGHTS,
    candidate_folder,
    newest_learned,
    served_folder_of,
)
from weather_assets.workflows.judged_rows import answers, read_rows_around
from weather_assets.workflows.judgement import VerdictError, read_verdict

RECORD_FORMAT = DocumentFormat("the record of live skill")
_EPOCH = date(1970, 1, 1)
_MENDED = "bring it back from a copy, or delete it, and live skill is recorded from now on"


@dataclass(frozen=True, slots=True)
class LiveSkill:
    """How what serves has fared.

    Attributes:
        sentence: the same in words.
        champion: version that serves; empty where none does.
        wants_training: whether that it is lost, or that nobody can tell, is a reason to train.
        days: that were recorded, of all versions that served.
        promises: by version.
        seen: what the days come to.
        readings: of the newest four weeks, beside that season in the years before.
    """

    sentence: str
    champion: str = ""
    wants_training: bool = True
    days: tuple[Day, ...] = ()
    promises: Mapping[str, Promise] = field(default_factory=dict[str, Promise])
    seen: Watch = field(default_factory=lambda: Watch((), ""))
    readings: tuple[Reading, ...] = ()

    @property
    def is_lost(self) -> bool:
        """Whether there is an alarm: it does worse than its verdict has shown."""
        return bool(self.seen.alarm)


@dataclass(frozen=True, slots=True)
class _Record:
    """What is kept: `registry/live_skill.json`.

    Attributes:
        champion: that served when it was written; empty before the first.
        until: time of the newest row that is in it, or that the champion had learned (ISO 8601).
        days: ascending.
        promises: by version.
    """

    champion: str = ""
    until: str = ""
    days: tuple[Day, ...] = ()
    promises: Mapping[str, Promise] = field(default_factory=dict[str, Promise])

    @classmethod
    def load(cls, path: Path) -> Self:
        try:
            content = RECORD_FORMAT.read(path)
            return cls(
                content["champion"],
                content["until"],
                tuple(Day(**day) for day in content["days"]),
                {version: Promise(**each) for version, each in content["promises"].items()},
            )
        except FileNotFoundError:
            return cls()
        except DamagedDocumentError as error:
            raise DamagedDocumentError(f"{error}; {_MENDED}") from None
        except (KeyError, TypeError) as error:
            raise DamagedDocumentError(
                f"{path}, {RECORD_FORMAT.what}, is damaged: it has no {error}; {_MENDED}"
            ) from None

    def with_days(self, days: Sequence[Day]) -> Self:
        """Returns it with further days; what came in parts of one day is one day."""
        together = {(day.date, day.version): day for day in self.days}
        for day in days:
            before = together.get((day.date, day.version))
            together[day.date, day.version] = day if before is None else _sum(before, day)
        return replace(self, days=tuple(together.values()))


def record_file(root: DataRoot) -> Path:
    """Returns where the record of a data root lies."""
    return root.registry / "live_skill.json"


def watch_champion(
    root: DataRoot, registry: ModelRegistry, settings: LiveSkillSettings
) -> LiveSkill:
    """Has what serves forecast the rows that came since it was trained, and records how it fared.

    Rows that came before the champion was replaced are forecast by the one that served then. Each
    row counts once. What came later than newer rows counts not at all.

    Args:
        root: the data root; `registry/live_skill.json` is written.
        registry: knows the champion.
        settings: what it must keep.

    Raises:
        DocumentError: the record is damaged, or of a newer version of weather_assets.
        NetworkFileError: the champion's weights are gone or changed.
    """
    processed = ProcessedVersions(root.processed).current()
    contract = Contract.from_dict(read_json(processed / "contract.json"))
    champion = registry.champion()
    if contract.timestamp is None:
        return LiveSkill("rows have no time, so nobody can tell which are new to what serves")
    if champion is None:
        return LiveSkill("nothing serves yet")
    folder = candidate_folder(root, registry, champion)
    if not answers(Contract.from_dict(read_json(folder / "contract.json")), contract):
        return LiveSkill(
            f"champion {champion.version} was trained for other rows than those of contract "
            f"{contract.name!r}, and cannot be asked about them",
            champion.version,
        )
    column = contract.timestamp.column
    rows = _Rows(processed, contract, column, newest_learned(processed, contract)[SERVED_UNTIL])
    record = _Record.load(record_file(root))
    if not record.champion:
        record = replace(record, until=champion.tags.get(SERVED_UNTIL, rows.newest))
    days: list[Day] = []
    for version, begin, end in _spans(registry, record, champion, rows.newest):
        try:
            days += rows.forecast(candidate_folder(root, registry, version), version, begin, end)
        except (NetworkFileError, MlflowException, OSError):
            if version.version == champion.version:
                raise  # what served before may be gone: nobody knows what it would have said
    promise = _promise(folder, settings)
    record = replace(
        record.with_days(days),
        champion=champion.version,
        until=max(record.until, rows.newest, key=datetime.fromisoformat),
        promises={**record.promises, **({champion.version: promise} if promise else {})},
    )
    RECORD_FORMAT.write(record_file(root), asdict(record))
    told, readings = _told(record, settings), rows.readings()
    moved = [in_words(reading) for reading in readings if reading.has_moved]
    explained = f"; moved beside this season in earlier years: {', '.join(moved)}" if moved else ""
    return replace(told, readings=readings, sentence=told.sentence + explained)


def recorded_live_skill(root: DataRoot, settings: LiveSkillSettings) -> LiveSkill:
    """Returns what was last recorded, without a look at rows or models.

    Raises:
        DocumentError: the record is damaged, or of a newer version of weather_assets.
    """
    return _told(_Record.load(record_file(root)), settings)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The processed rows of a moment.

    Attributes:
        processed: folder of their version.
        contract: of the rows.
        column: of their times.
        newest: time of the newest one (ISO 8601).
    """

    processed: Path
    contract: Contract
    column: str
    newest: str

    def _around(self, begin: datetime, end: datetime) -> pd.DataFrame:
        return read_rows_around(self.processed / "weather.parquet", self.column, begin, end)

    def readings(self) -> tuple[Reading, ...]:
        """Returns the readings of the newest weeks beside those of that season in earlier years."""
        newest = datetime.fromisoformat(self.newest)
        table = self._around(newest - timedelta(days=RECENT_DAYS), newest)
        samples = read_samples(table, self.contract)
        measured = [each.name for each in self.contract.columns if each.feature]
        both = (samples.train, samples.test)
        return compare_seasons(
            np.concatenate([each.features_NF for each in both])[:, : len(measured)],
            np.concatenate([each.block_N for each in both]),
            self.contract.features[: len(measured)],
        )

    def forecast(self, folder: Path, version: ModelVersion, begin: str, end: str) -> list[Day]:
        """Returns how a version fared on the rows after a time, up to another one.

        Args:
            folder: of the version.
            version: that served.
            begin: the first time (ISO 8601).
            end: the second one (ISO 8601).
        """
        first, last = (datetime.fromisoformat(time) for time in (begin, end))
        trained_for = Contract.from_dict(read_json(folder / "contract.json"))
        if first >= last or not answers(trained_for, self.contract):
            return []
        table = self._around(datetime.fromisoformat(version.tags.get(SERVED_UNTIL, begin)), last)
        samples = read_samples(table, self.contract)
        reference_N = forecast_climatology(samples).test_N
        times: Any = pd.to_datetime(table.loc[table["split"] == "test", self.column], utc=True)
        is_new_N = (times > pd.Timestamp(first)).to_numpy(dtype=bool)
        rows = samples.test.where(is_new_N)
        if not len(rows):
            return []
        network = load_bound_network(served_folder_of(folder), version.tags.get(SERVED_WEIGHTS))
        errors = {
            "squared_error": (network.probabilities(rows.features_NF) - rows.observed_N) ** 2,
            "reference_error": (reference_N[is_new_N] - rows.observed_N) ** 2,
        }
        days, place_N, counts = np.unique(rows.block_N, return_inverse=True, return_counts=True)
        sums = {name: np.bincount(place_N, weights=error_N) for name, error_N in errors.items()}
        return [
            Day(
                date=(_EPOCH + timedelta(days=int(day))).isoformat(),
                version=version.version,
                rows=int(counts[place]),
                **{name: float(sum_D[place]) for name, sum_D in sums.items()},
            )
            for place, day in enumerate(days)
        ]


def _spans(
    registry: ModelRegistry, record: _Record, champion: ModelVersion, newest: str
) -> Iterator[tuple[ModelVersion, str, str]]:
    """Yields who served from when to when, since the record ends."""
    begin = record.until
    if record.champion not in ("", champion.version):
        learned = champion.tags.get(SERVED_UNTIL, newest)
        handover = max(begin, learned, key=datetime.fromisoformat)
        with suppress(LookupError):  # somebody deleted it
            yield registry.get(record.champion), begin, handover
        begin = handover
    yield champion, begin, newest


def _promise(folder: Path, settings: LiveSkillSettings) -> Promise | None:
    """Returns what the verdict on a version has shown; None where it has none to go by."""
    try:
        verdict = read_verdict(folder)
    except (VerdictError, VerificationError):
        return None
    interval, scores = verdict.skill_intervals.get(CANDIDATE), verdict.scores
    if interval is None or not scores[CLIMATOLOGY].brier_score:
        return None
    found = Scores(
        model=scores[CANDIDATE].brier_score,
        climatology=scores[CLIMATOLOGY].brier_score,
        base_rate=scores[BASE_RATE].brier_score,
        doubt=interval.estimate - interval.lower,
        standard_error=interval.standard_error,
        days=interval.blocks,
    )
    return Promise.of(found, settings.margin)


def _sum(before: Day, day: Day) -> Day:
    return replace(
        before,
        rows=before.rows + day.rows,
        squared_error=before.squared_error + day.squared_error,
        reference_error=before.reference_error + day.reference_error,
    )


def _told(record: _Record, settings: LiveSkillSettings) -> LiveSkill:
    seen = watch(record.days, record.promises, settings.false_alarm_weeks)
    promise, lately = record.promises.get(record.champion), record.days[-RECENT_DAYS:]
    recent, whole = skill(lately), skill(record.days)
    if recent is None or whole is None:
        sentence = f"champion {record.champion} serves, and no row has come since it was trained"
    else:
        sentence = (
            f"what served has a Brier skill of {whole:+.3f} against climatology on the "
            f"{len(record.days)} days with rows since {record.days[0].date}, {recent:+.3f} on the "
            f"last {len(lately)}"
        )
    if promise is not None:
        sentence += (
            f"; the verdict on champion {record.champion} showed {promise.skill:+.3f}; an alarm "
            f"takes evidence, beyond chance, of less than {promise.floor:+.3f}: there is "
            f"{seen.evidence:.1%} of it"
        )
    if seen.alarm:
        sentence = f"live skill is lost since {seen.alarm}: {sentence}"
    return LiveSkill(
        sentence=sentence,
        champion=record.champion,
        wants_training=bool(seen.alarm),
        days=record.days,
        promises=record.promises,
        seen=seen,
    )
