"""What is remembered of rollouts between stages, and after a kill.

Belongs here: the entries, where they are kept, and what they say about one release. Does not belong
here: what the endpoint is like now. That is asked of the service each time; the journal only adds
what a service cannot show: which stages a candidate has passed against which champion, whom it took
the traffic from, and that a rollback was decided and may be unfinished.

An entry is written before the step that it announces, so that a kill in between is safe.

The file. One JSON object a line, UTF-8, only ever appended to. Keys of every entry: `format`, `at`
(ISO 8601 with time zone), `endpoint`, `release` (identity), `version`, `kind`. By kind:

- `deploying`: the release is about to be deployed; what was known of it before is void.
- `passed`: `stage`, `champion` (identity or null), `verdict`. For stage `deployed` it voids, too.
- `taking_over`: `previous` (identity or null): all traffic is about to be taken from it.
- `settled`: the previous slot is removed; there is nobody left to give traffic back to.
- `withdrawing`: `stage`, `verdict`: a rollback was decided. `logs`: `logs` by slot, kept before
  their containers are removed. `withdrawn`: the rollback is complete. `kept`: it was not possible,
  and the release keeps serving.
- `step`: `step`, in words, for people.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from weather_assets.foundation.documents import DocumentFormat
from weather_assets.rollout.stage_verdict import StageVerdict
from weather_assets.rollout.states import Release, Stage

Entry = Mapping[str, Any]
_ENTRY = DocumentFormat("the journal of rollouts")


class Journal(Protocol):
    """Where entries are kept."""

    def append(self, entry: Entry) -> None:
        """Keeps an entry; it is safe when this returns."""
        ...

    def entries(self) -> Sequence[Entry]:
        """Returns all entries, oldest first."""
        ...


class FileJournal:
    """A journal in one file."""

    def __init__(self, path: Path) -> None:
        """Names the file.

        Args:
            path: where it is or will be; folders are made when the first entry is written.
        """
        self._path = path

    def append(self, entry: Entry) -> None:
        """Appends one line and waits until it is on the disk."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(_ENTRY.numbered(entry), allow_nan=False) + "\n"
        with self._path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")  # what a kill left of a line must not swallow this one
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> Sequence[Entry]:
        """Returns all entries; what a kill left of a line is skipped.

        Raises:
            DocumentError: a newer version of weather_assets has written to it.
        """
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        found: list[Entry] = []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                found.append(_ENTRY.content(entry, self._path))
        return found


@dataclass(slots=True)
class Memory:
    """What a journal says about one release on one endpoint.

    Attributes:
        passed: stages that it passed since it was last deployed, and the identity of the champion
            that each was passed against (None: nobody served).
        previous: identity of the release that it took all traffic from, if it did.
        withdrawing: the verdict of a rollback that may be unfinished.
        logs: what was kept of the containers' logs in that rollback, by slot.
    """

    passed: dict[Stage, str | None] = field(default_factory=dict[Stage, str | None])
    previous: str | None = None
    withdrawing: StageVerdict | None = None
    logs: Mapping[str, str] = field(default_factory=dict[str, str])

    def has_passed(self, stage: Stage, champion: str | None) -> bool:
        """Tells whether a stage was passed against a champion that still serves."""
        return stage in self.passed and self.passed[stage] == champion


def remember(entries: Iterable[Entry], endpoint: str, release: Release) -> Memory:
    """Returns what a journal says about one release on one endpoint.

    Args:
        entries: oldest first; entries about others, and of kinds not known, are passed over.
        endpoint: name of the endpoint.
        release: the release.
    """
    memory = Memory()
    for entry in entries:
        if entry.get("endpoint") == endpoint and entry.get("release") == release.identity:
            memory = _after(memory, entry)
    return memory


def _after(memory: Memory, entry: Entry) -> Memory:
    kind = entry.get("kind")
    if kind in {"deploying", "withdrawn"}:
        return Memory()
    if kind == "passed":
        stage = Stage(entry["stage"])
        memory = Memory() if stage is Stage.DEPLOYED else memory
        memory.passed[stage] = entry["champion"]
    elif kind in {"taking_over", "settled"}:
        memory.previous = entry.get("previous")
    elif kind == "withdrawing":
        memory.withdrawing = StageVerdict.from_dict(entry["verdict"])
    elif kind == "logs":
        memory.logs = dict(entry["logs"])
    elif kind == "kept":
        memory.withdrawing, memory.logs = None, {}
    return memory
