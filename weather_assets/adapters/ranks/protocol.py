"""What the gang's supervisor, its backends and the ranks say to one another.

Belongs here: the Protocol that a backend implements (processes, containers), the types that cross
it, and the reading of a rank's output lines. Does not belong here: how a rank is placed
(`processes`), when a rank counts as failed (`watch`), what is done about it (`gang`).

A rank is any program that writes JSON objects, one per line, to standard output, each with a key
`event`: `started` once its code runs, `heartbeat` with a `step` that counts its main loop's
progress, anything it wants shown (`epoch`), and at its end `finished` or `failed` with a readable
`error`. A `failed` event may carry `"permanent": true`: trying again cannot help (a NaN loss, a
mistake in the configuration). It writes an event and its line end in one call, with `event` as the
first key. Every other line is a log line. It exits 0 only on success, and resumes from its own
checkpoint when it is started again.
"""

import json
import queue
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, cast

SIGNAL_EXIT_BASE = 128
"""Exit codes above this say "ended by signal code - 128", as shells and container engines do."""

RENDEZVOUS_VARIABLE = "WEATHER_ASSETS_RENDEZVOUS"
"""Environment variable with the attempt's id: in every rank and in all that a rank starts."""


RANK_VARIABLE = "RANK"
"""Environment variable with the rank's number, likewise."""

EVENT_BEGIN = '{"event"'
"""How an event begins where other text stands before it on the same line."""


QUEUED_LINES = 10_000
"""Lines kept for a slow reader; beyond it the rank's writes wait, as in any pipe."""

LONGEST_LINE = 65_536
"""Characters; a longer line arrives in pieces, so that a rank cannot fill our memory with one."""


class RankLaunchError(RuntimeError):
    """A backend could not start a rank (no memory, image missing, engine unreachable)."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        """Says why.

        Args:
            message: what is wrong, and what to do.
            permanent: whether trying again cannot help.
        """
        super().__init__(message)
        self.permanent = permanent
        self.may_heal = not permanent


class Stream(StrEnum):
    """Which of a rank's two output streams a line came from."""

    OUTPUT = "output"
    ERROR = "error"


@dataclass(frozen=True)
class Rendezvous:
    """Where the ranks of one attempt meet."""

    identity: str
    """Unique to the attempt; everything that belongs to the attempt carries it."""
    address: str
    """Host name or IP address of rank 0, as the ranks see it."""
    port: int
    """TCP port that rank 0 listens on, where the ranks do not share one machine."""


@dataclass(frozen=True)
class RankSpec:
    """One rank to start."""

    rank: int
    """0-based number of the rank."""
    world_size: int
    """Number of ranks in the gang."""
    command: tuple[str, ...]
    """Program and arguments, the same for every rank."""
    environment: Mapping[str, str]
    """Variables the rank must see, on top of what the backend's placement gives it."""
    rendezvous: Rendezvous
    """Where this attempt's ranks meet."""


@dataclass(frozen=True)
class OutputLine:
    """One line that a rank wrote."""

    text: str
    """Without its line end."""
    stream: Stream
    """Only lines of `Stream.OUTPUT` can be events."""
    received_at: float
    """`time.monotonic()` when it arrived, in seconds: the order of lines of different ranks."""


def drained(lines: "queue.Queue[OutputLine]") -> list[OutputLine]:
    """Takes what a queue holds, and no more than it can hold: its writer may never pause."""
    taken: list[OutputLine] = []
    with suppress(queue.Empty):
        while len(taken) < QUEUED_LINES:
            taken.append(lines.get_nowait())
    return taken


class RankHandle(Protocol):
    """One running or ended rank. All methods return at once."""

    def poll(self) -> int | None:
        """Exit code, 128 + n for signal n; None while it runs or has output not yet received.

        After a code was returned, `drain` holds every line that the rank wrote, and nothing that
        the rank had started is running any more.
        """
        ...

    def drain(self) -> Sequence[OutputLine]:
        """Lines received since the last call, in the order of their arrival."""
        ...

    def terminate(self) -> None:
        """Asks the rank and all it started to end; does nothing where it has ended."""
        ...

    def kill(self) -> None:
        """Ends the rank and all it started by force; does nothing where it has ended."""
        ...

    def describe(self) -> Mapping[str, str]:
        """Where it runs (host and process, or container and image digest), to be shown."""
        ...


class RankBackend(Protocol):
    """A place where ranks can run."""

    @property
    def python(self) -> str:
        """Path of the interpreter, at that place, that has what ranks import."""
        ...

    def prepare(self, identity: str) -> Rendezvous:
        """Picks a meeting point for one attempt, never one that an earlier attempt used.

        Args:
            identity: the attempt's unique id.

        Raises:
            RankLaunchError: no rank can be started there; nothing of the attempt is left.
        """
        ...

    def launch(self, spec: RankSpec) -> RankHandle:
        """Starts one rank.

        Raises:
            RankLaunchError: it could not be started; the message says why.
        """
        ...

    def clean_up(self, rendezvous: Rendezvous) -> None:
        """Ends and removes by force whatever still belongs to the attempt; safe to repeat.

        Raises:
            RuntimeError: something could not be ended; another attempt would collide with it.
        """
        ...


@dataclass(frozen=True)
class RankEvent:
    """Something that happened to the gang, in the order in which it was noticed."""

    attempt: int
    """1-based."""
    rank: int | None
    """None for what concerns the whole gang."""
    name: str
    """A rank's own event (`started`, `heartbeat`, `epoch`, `finished`, `failed`, or whatever it
    sent), `log` for a plain line, or the supervisor's `launched`, `attempt_failed`,
    `relaunching`."""
    seconds: float
    """Since the gang was started."""
    fields: Mapping[str, object] = field(default_factory=dict[str, object])
    """A rank's JSON object as it was sent; for `log`: `line` and `stream`."""


def parse_line(line: OutputLine) -> list[tuple[str, Mapping[str, object]]]:
    """Reads one output line.

    A line that is no JSON object with a text under `event` is a `log`, whatever it looks like:
    third-party code prints what it likes. It also prints from another thread than the heartbeat's,
    and `print` writes its line end separately: then an event stands at the end of the other line,
    where it is found as long as `event` is its first key.

    Args:
        line: as received.

    Returns:
        Names and fields, in order: none for a blank line, two for an event behind other text.
    """
    if not line.text.strip():
        return []
    plain = ("log", {"line": line.text, "stream": line.stream.value})
    begin = max(line.text.find(EVENT_BEGIN), 0)
    event = _event_in(line.text[begin:]) if line.stream is Stream.OUTPUT else None
    if event is None:
        return [plain]
    if begin == 0:
        return [event]
    return [("log", {"line": line.text[:begin], "stream": line.stream.value}), event]


def _event_in(text: str) -> tuple[str, Mapping[str, object]] | None:
    if not text.startswith("{"):
        return None
    try:
        message: object = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    fields = cast("dict[str, object]", message)
    name = fields.get("event")
    return (name, fields) if isinstance(name, str) else None
