"""Entry script of the rain-forecast endpoint: raw rows in, probabilities out.

This file ships inside the scoring package as it is and runs under azureml-inference-server-http, so
it imports only the standard library, numpy and onnxruntime. Belongs here: reading a request,
checking rows against `signature.json`, asking the ONNX graph, composing the answer. Does not belong
here: anything fitted (it is inside the graph), or reading files of rows.

Request, in the raw units that the signature names; null or absent means "not observed":
    {"rows": [{"temp": 39.02, "origin": "JFK", "time_hour": "2013-01-01T06:00:00Z"}, ...]}
    or {"columns": ["temp", ...], "data": [[39.02, ...], ...]}
Answer, status 200:
    {"probability": [0.03], "event": [false], "threshold": 0.4, "model": {"name": .., ..}}
A request with any bad row is refused as a whole, status 400, with every problem:
    {"error": {"code": .., "message": .., "problems": 1, "details": [{"row": 0, "column": "temp",
     "value": 999, "reason": "out_of_bounds", "allowed": "-130 to 140 degF"}]}}
"""

import difflib
import functools
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self, cast
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

SERVER = "azureml_inference_server_http.api"
MAX_ROWS = 10_000  # a request: scored in about 0.5 s; Azure's time-out is 5 s by default
MAX_BYTES = 16 * 2**20  # a request: several times what MAX_ROWS rows of a dozen columns take
MAX_ROW_BYTES = 2**18  # so many without a closing bracket are no row
MAX_DEPTH = 32  # brackets in each other, in a column that is not read
MAX_STRANGERS = 1_000  # different names in a request that the signature does not have
MAX_DETAILS = 100  # problems listed in a refusal; all are counted
CATEGORY = "category"
REQUEST_FORMS = '{"rows": [{column: value, ...}, ...]} or {"columns": [...], "data": [[...], ...]}'
Reading = tuple[float | str, ...]  # a row in the order of the inputs: NaN or "" where missing


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be scored."""

    row: int  # position in the request, from 0
    column: str  # "" where the whole row is meant
    value: object  # as found, shortened, safe for JSON
    reason: str  # a code in snake_case
    allowed: str  # what would be accepted, in words

    def __str__(self) -> str:
        """Returns one line without the row: `temp: out_of_bounds 999 (allowed: -130 to 140)`."""
        found = "" if self.value is None else f" {self.value!r}"
        return f"{self.column}: {self.reason}{found} (allowed: {self.allowed})".removeprefix(": ")


class RefusalError(Exception):
    """A request that is refused as a whole, with an HTTP status and a JSON-ready answer."""

    def __init__(self, code: str, text: str, status: int = 400, **problems: object) -> None:
        """Composes the answer; `problems` are `problems` and `details`, if there are any."""
        super().__init__(text)
        error = {"code": code, "message": text, "problems": 0, "details": [], **problems}
        self.status, self.answer = status, cast("dict[str, object]", {"error": error})


@dataclass(frozen=True, slots=True)
class Column:
    """One raw column that the network takes; the fields are those of the contract's columns."""

    name: str
    quantity: str
    unit: str
    kind: str
    minimum: float
    maximum: float
    period: float
    categories: Sequence[str]
    required: bool
    measured: bool  # False for the station, which says where and not what
    folded: bool  # whether a CSV file may spell its categories in any case
    allowed: str  # what a value may be, in words

    def fault(self, value: object) -> str | None:
        """Returns the reason code if `value` cannot be an observation of this column, else None."""
        if value is None:
            return "missing_required_value" if self.required else None
        if self.kind == CATEGORY:
            known = None if value in self.categories else "unknown_category"
            return known if isinstance(value, str) else "wrong_type"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "wrong_type"
        if isinstance(value, float) and not math.isfinite(value):
            return "not_finite"
        # Before any conversion: an integer of 400 digits compares, but is no float.
        return None if self.minimum <= value <= self.maximum else "out_of_bounds"

    def encode(self, value: object) -> float | str:
        """Returns a faultless value as the graph takes it."""
        if self.kind == CATEGORY:
            return cast("str", value or "")
        return math.nan if value is None else float(cast("float", value))


@dataclass(frozen=True, slots=True)
class Clock:
    """The timestamp column and the time features made from it."""

    column: str
    pattern: str  # regular expression with groups year, month, day, hour, ..., fraction, offset
    timezone: str  # IANA zone or offset of timestamps that name no offset
    features: Sequence[str]  # among hour_of_day, day_of_year
    allowed: str  # what a timestamp may be, in words

    def parse(self, value: object) -> datetime | None:
        """Returns the instant in UTC, or None if `value` is no timestamp of this format."""
        match = re.fullmatch(self.pattern, value) if isinstance(value, str) else None
        if match is None:
            return None
        part = match.groupdict()
        names = ("year", "month", "day", "hour", "minute", "second")
        year, month, day, hour, minute, second = (int(part.get(name) or 0) for name in names)
        microsecond = int((part.get("fraction") or "").ljust(6, "0")[:6])
        place = part.get("offset") or self.timezone
        try:
            is_offset = place == "Z" or place[0] in "+-"
            at = datetime.fromisoformat(f"1970-01-01T00{place}").tzinfo if is_offset else None
            zone = at or ZoneInfo(place)
            local = datetime(year, month, day, hour, minute, second, microsecond, zone)
        except ValueError:  # 30 February, hour 24
            return None
        instant = local.astimezone(UTC)
        # An hour that daylight saving skips names no instant: it does not survive the way back.
        return instant if instant.astimezone(zone) == local else None

    def measure(self, instant: datetime) -> list[float]:
        """Returns the time features of an instant in UTC, in order."""
        second = instant.second + instant.microsecond / 1e6
        hour = instant.hour + instant.minute / 60 + second / 3600
        values = {"hour_of_day": hour, "day_of_year": instant.timetuple().tm_yday + hour / 24}
        return [values[name] for name in self.features]


@dataclass(frozen=True, slots=True)
class Signature:
    """What the served model takes and answers, as read from `signature.json`."""

    model: Mapping[str, str]  # name and version
    threshold: float  # the event is forecast where the probability reaches this
    columns: tuple[Column, ...]  # in the order of the network's inputs
    clock: Clock | None  # only where the network takes time features; they follow the columns
    unread: frozenset[str]  # further columns that a row may carry, such as the label
    missing_markers: frozenset[str]  # cell texts that mean "not observed" in a CSV file

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Returns the signature that a parsed `signature.json` describes."""
        return cls(
            model=fields["model"],
            threshold=fields["threshold"],
            columns=tuple(Column(**column) for column in fields["columns"]),
            clock=Clock(**fields["timestamp"]) if fields["timestamp"] else None,
            unread=frozenset(fields["unread"]),
            missing_markers=frozenset(fields["missing_markers"]),
        )

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the network's inputs, in order."""
        return tuple(c.name for c in self.columns) + tuple(
            self.clock.features if self.clock else ()
        )

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of the raw columns that a forecast is made from."""
        return tuple(c.name for c in self.columns) + ((self.clock.column,) if self.clock else ())

    def check_row(
        self, values: Mapping[str, object], row: int = 0
    ) -> tuple[Reading, list[Problem]]:
        """Returns the reading of a row's raw values, and what is wrong: use it if nothing is."""
        problems = self._strangers(values, row)
        reading: list[float | str] = []
        for column in self.columns:
            value = values.get(column.name)
            fault = column.fault(value)
            if fault is None:
                reading.append(column.encode(value))
            else:
                problems.append(Problem(row, column.name, _shown(value), fault, column.allowed))
        measured = [column.name for column in self.columns if column.measured]
        if measured and all(values.get(name) is None for name in measured):
            wanted = "at least one of " + ", ".join(measured)
            problems.append(Problem(row, "", None, "no_measurement", wanted))
        if self.clock is not None:
            value = values.get(self.clock.column)
            instant = self.clock.parse(value)
            if instant is not None:
                reading += self.clock.measure(instant)
            else:
                fault = "missing_required_value" if value is None else "invalid_timestamp"
                where, allowed = self.clock.column, self.clock.allowed
                problems.append(Problem(row, where, _shown(value), fault, allowed))
        return tuple(reading), problems

    def _strangers(self, values: Mapping[str, object], row: int) -> list[Problem]:
        problems: list[Problem] = []
        for name in sorted(values.keys() - self.unread - set(self.needed)):
            # A hint costs about 0.3 ms: not for each of a million names in a hostile request.
            hint = row < MAX_DETAILS and len(problems) < 10
            near = (
                difflib.get_close_matches(name[:80].casefold(), self.needed, 1, 0.5) if hint else []
            )
            allowed = f"did you mean {near[0]}?" if near else ", ".join(self.needed)
            problems.append(Problem(row, name[:80], None, "unknown_column", allowed))
        return problems


def _shown(value: object) -> object:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if value is None or (isinstance(value, int | float) and -1e18 < value < 1e18):
        return value
    return str(value)[:80]


def _check_extent(signature: Signature, body: bytes) -> None:
    """Refuses on bytes, piece by piece, what would cost much memory once it is parsed.

    Commas and brackets in texts count too: names and categories have theirs, and what is not read
    may have four commas a column and a list a row, on average.
    """
    wide = any(first in body for first in range(0xF0, 0xF5))  # text of four bytes a character
    if len(body) > (most := MAX_BYTES // (1 + wide)):
        raise RefusalError("too_large", f"{len(body)} bytes; at most {most} a request", 413)
    names = [*signature.needed, *signature.unread]
    texts = "".join(names + [text for c in signature.columns for text in c.categories])
    in_row = {",": len(names) + 4 * len(signature.unread), "{": 1, "}": 1, "[": 2, "]": 2}
    spare = {mark: MAX_ROWS * texts.count(mark) + 2 for mark in in_row}
    found = dict.fromkeys(in_row, 0)
    for start in range(0, len(body), MAX_ROW_BYTES):
        piece = np.frombuffer(body[start : start + MAX_ROW_BYTES], np.uint8)
        here = {mark: int(np.count_nonzero(piece == ord(mark))) for mark in in_row}
        found = {mark: found[mark] + here[mark] for mark in in_row}
        if len(piece) == MAX_ROW_BYTES and not here["}"] + here["]"]:
            raise RefusalError("too_large", f"a row of over {MAX_ROW_BYTES} bytes", 413)
        if found["["] - found["]"] > MAX_DEPTH + spare["["]:
            raise RefusalError("not_json", f"lists in each other; send {REQUEST_FORMS}")
        if any(found[mark] > MAX_ROWS * in_row[mark] + spare[mark] for mark in in_row):
            raise RefusalError("too_many_rows", f"more than {MAX_ROWS} rows of known columns")


def read_rows(signature: Signature, body: bytes) -> list[dict[str, object]]:
    """Returns the rows that a request carries, not yet checked, or raises RefusalError."""
    _check_extent(signature, body)
    known, strangers = {*signature.needed, *signature.unread}, set[str]()

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        strangers.update(found.keys() - known)
        if len(found) != len(pairs):
            raise RefusalError("duplicate_name", "an object in the request names something twice")
        if len(strangers) > MAX_STRANGERS:
            raise RefusalError("too_many_names", f"over {MAX_STRANGERS} names that nobody knows")
        return found

    try:
        request: Any = json.loads(body.decode("utf-8-sig"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        message = f"the body is not JSON in UTF-8: {error}; send {REQUEST_FORMS}"
        raise RefusalError("not_json", message) from None
    names: list[str] = sorted(request) if isinstance(request, dict) else []
    if names not in (["rows"], ["columns", "data"]):
        raise RefusalError("wrong_shape", f"the body must be {REQUEST_FORMS}")
    rows: Any = request["rows"] if names == ["rows"] else request["data"]
    if isinstance(rows, list) and not 1 <= (count := len(cast("list[Any]", rows))) <= MAX_ROWS:
        code = "too_many_rows" if count else "no_rows"
        raise RefusalError(code, f"{count} rows; send 1 to {MAX_ROWS} a request")
    if names != ["rows"]:
        return _join(request["columns"], rows)
    if not isinstance(rows, list) or {type(row) for row in cast("list[Any]", rows)} - {dict}:
        raise RefusalError("wrong_shape", f'"rows" must be a list of objects; send {REQUEST_FORMS}')
    return cast("list[dict[str, object]]", rows)


def _join(columns: Any, data: Any) -> list[dict[str, object]]:
    distinct = isinstance(columns, list) and {type(name) for name in columns} == {str}
    width = len(columns) if distinct and len(set(columns)) == len(columns) else -1
    lists: list[Any] = data if isinstance(data, list) else [None]
    for row, cells in enumerate(lists):
        if not isinstance(cells, list) or len(cells) != width:
            want = '"columns" must be different texts, "data" lists of one value for each of them'
            raise RefusalError("wrong_shape", f"{want}; see row {row}")
    return [dict(zip(columns, cells, strict=True)) for cells in lists]


def check_rows(signature: Signature, rows: Sequence[Mapping[str, object]]) -> list[Reading]:
    """Returns the readings of all rows, or raises RefusalError with the first problems."""
    readings, details, count, bad = list[Reading](), list[Problem](), 0, 0
    for row, values in enumerate(rows):
        reading, found = signature.check_row(values, row)
        readings.append(reading)
        details += found[: MAX_DETAILS - len(details)]
        count, bad = count + len(found), bad + bool(found)
    if bad:
        first = f"{bad} of {len(rows)} rows cannot be scored; row {details[0].row}: {details[0]}"
        listed = [asdict(problem) for problem in details]
        raise RefusalError("invalid_rows", first, problems=count, details=listed)
    return readings


@dataclass(frozen=True, slots=True)
class Scorer:
    """A loaded package: its signature, and an onnxruntime session on its graph."""

    signature: Signature
    session: Any

    @classmethod
    def load(cls, package: Path) -> Self:
        """Loads a package; raises ValueError if graph and signature name other features."""
        onnxruntime: Any = import_module("onnxruntime")  # late: checking rows must not need it
        signature = Signature.from_dict(json.loads((package / "signature.json").read_text("utf-8")))
        options = onnxruntime.SessionOptions()
        # Many small requests: one thread each beats a pool that spins between them.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        graph = str(package / "model.onnx")
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        inputs = sorted(node.name for node in session.get_inputs())
        if inputs != sorted(signature.features):
            raise ValueError(f"model.onnx takes {inputs}, signature.json says {signature.features}")
        return cls(signature, session)

    def probabilities(self, readings: Sequence[Reading]) -> npt.NDArray[np.float64]:
        """Returns the probability of the event for each reading, float64 [rows]."""
        by_feature = zip(self.signature.features, zip(*readings, strict=True), strict=True)
        feeds = {
            name: np.array(values, object if isinstance(values[0], str) else np.float64)[:, None]
            for name, values in by_feature
        }
        answer = np.asarray(self.session.run(["probability"], feeds)[0], dtype=np.float64).ravel()
        if len(answer) != len(readings) or not np.all((answer >= 0) & (answer <= 1)):  # NaN fails
            raise RefusalError("model_failure", "the model answered what is no probability", 500)
        return answer


def compose_answer(signature: Signature, probabilities: Sequence[float]) -> dict[str, object]:
    """Returns the JSON-ready answer of status 200."""
    event = [value >= signature.threshold for value in probabilities]
    answer = {"probability": list(probabilities), "event": event, "threshold": signature.threshold}
    return {**answer, "model": dict(signature.model)}


def respond(scorer: Scorer, body: bytes) -> tuple[int, dict[str, object]]:
    """Returns the HTTP status and the JSON-ready answer to a request body."""
    try:
        readings = check_rows(scorer.signature, read_rows(scorer.signature, body))
        return 200, compose_answer(scorer.signature, scorer.probabilities(readings).tolist())
    except RefusalError as refusal:
        return refusal.status, refusal.answer


@functools.cache
def served() -> Scorer:
    """Returns this process's scorer, loaded from AZUREML_MODEL_DIR or one below, else from here."""
    root = Path(os.environ.get("AZUREML_MODEL_DIR") or Path(__file__).parent)
    files = sorted(root.glob("signature.json")) or sorted(root.glob("*/signature.json"))
    if len(files) != 1:
        raise FileNotFoundError(f"{root} must hold one signature.json; found {len(files)}")
    return Scorer.load(files[0].parent)


def init() -> None:
    """Loads the package. The server calls it once a worker, and does not start if it raises."""
    served()


def run(request: Any) -> Any:
    """Answers one HTTP request; with status 200 only if every row was scored."""
    if request.method == "POST":
        body = bytearray()
        while piece := request.stream.read(MAX_BYTES + 1 - len(body)):  # one more shows enough
            body += piece
        status, answer = respond(served(), bytes(body))
    else:
        status = 405
        answer = RefusalError("wrong_method", f"{request.method}: send rows by POST").answer
    return import_module(f"{SERVER}.aml_response").AMLResponse(answer, status, json_str=True)


if find_spec(SERVER.partition(".")[0]):  # not where the platform scores a file offline
    run = import_module(f"{SERVER}.aml_request").rawhttp(run)  # run() gets the HTTP request itself
