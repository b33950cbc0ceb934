"""A proposal as the text of a contract.toml, each doubt as a comment beside its line.

Belongs here: TOML. Does not belong here: any judgement of the file.

What is open is written as comments only, and its key left out, so that loading names it.
"""

import json
import re
import textwrap
from collections.abc import Iterable, Sequence

from weather_assets.contract.cells import ISO8601
from weather_assets.contract.columns import Kind
from weather_assets.suggestion.labels import LabelChoice
from weather_assets.suggestion.measurements import Bounds, ProposedColumn
from weather_assets.suggestion.notes import Note, Weight
from weather_assets.suggestion.proposal import Proposal
from weather_assets.suggestion.time_column import TimeChoice

_WIDTH = 98
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WORDS = {Weight.OPEN: "FILL IN", Weight.UNSURE: "Unsure", Weight.SAID: "Note"}


def to_toml(proposal: Proposal) -> str:
    """Returns the proposal as TOML.

    Returns:
        What `weather_assets.contract.loading.load_contract` reads where nothing is open, and
        answers with the open table's name where something is.
    """
    seen = f"{'all' if proposal.is_whole else 'a sample of'} {proposal.rows:,} rows"
    lines = [
        *_comment(
            f"Proposed by `weather-assets contract suggest` from {seen}. Read every comment."
        ),
        f"name = {_text(proposal.name)}",
        f"title = {_text(f'{_plain(proposal.file)}, as proposed')}",
        *_head(proposal),
        *_timestamp(proposal),
        *_label(proposal.label),
        "",
        *_notes(proposal.general, "[split]"),
        "[split]",
        f"method = {_text(proposal.split.value)}",
    ]
    if all(column.leak for column in proposal.columns):
        lines += ["", *_notes(proposal.general, "[columns]")]
    for column in proposal.columns:
        lines += ["", *_column(column)]
    return "\n".join(lines) + "\n"


def _head(proposal: Proposal) -> list[str]:
    """Returns the keys that stand before any table."""
    lines = list(_notes(proposal.general, "file"))
    lines += _notes(proposal.general, "missing_markers")
    if proposal.markers:
        lines.append(f"missing_markers = {_texts(proposal.markers)}")
    for column in proposal.ignored:
        lines += _comment(f"{column.name!r}: {column.why}")
    if proposal.ignored:
        lines.append(f"ignored = {_texts([column.name for column in proposal.ignored])}")
    lines += _notes(proposal.general, "station")
    if proposal.station:
        lines.append(f"station = {_text(proposal.station)}")
    return lines


def _timestamp(proposal: Proposal) -> list[str]:
    time = proposal.time
    if not time.column:
        return []
    lines = ["", *_notes(time.notes, "[timestamp]"), *_notes(proposal.general, "[timestamp]")]
    lines.append("[timestamp]")
    if time.is_open:
        return [*lines, *_open_timestamp(time)]
    lines += [
        f"column = {_text(time.column)}",
        f"format = {_text(time.formats[0])}",
        *_notes(proposal.general, "[timestamp] timezone"),
        'timezone = "UTC"',
        f"features = {_texts(proposal.features)}",
    ]
    return lines


def _open_timestamp(time: TimeChoice) -> list[str]:
    formats = time.formats or (ISO8601,)
    return [
        *_comment(f"column = {_text(time.column)}"),
        *(line for format_ in formats for line in _comment(f"format = {_text(format_)}")),
    ]


def _label(label: LabelChoice) -> list[str]:
    lines = ["", *_notes(label.notes, "[label]"), "[label]"]
    if not label.column:
        return [*lines, '# column = ""', '# positive = [""]', '# negative = [""]']
    lines.append(f"column = {_text(label.column)}")
    if label.is_open:
        for key in ("positive", "negative"):
            lines += _comment(f"{key} = {_texts(label.levels)}")
    elif label.threshold is None:
        lines += [f"positive = {_texts(label.positive)}", f"negative = {_texts(label.negative)}"]
        lines += _notes(label.notes, "[label] lead")
        if label.possible_lead:
            lines.append(f"# lead = {_text(label.possible_lead)}")
    else:
        lines += _notes(label.notes, "[label] threshold")
        lines.append(f"threshold = {_number(label.threshold)}")
        lines += _notes(label.notes, "[label] lead")
        if label.lead:
            lines.append(f"lead = {_text(label.lead)}")
    return [*lines, f"event = {_text(label.event)}"]


def _column(column: ProposedColumn) -> list[str]:
    lines = list(_notes(column.notes, column.subject))
    lines += [f"[columns.{_key(column.name)}]", f"quantity = {_text(column.quantity)}"]
    if column.kind is not Kind.NUMERIC:
        lines.append(f"kind = {_text(column.kind.value)}")
    if column.kind is Kind.CATEGORY:
        lines.append(f"categories = {_texts(column.categories)}")
    elif len(column.bounds) == 1 and not _is_open(column):
        lines += _bounds(column.bounds[0], column.why)
    else:
        lines += ["# One of these:"]
        for bounds in column.bounds:
            lines += [f"# {line}" for line in _bounds(bounds, "")]
    if column.required:
        lines.append("required = true")
    if column.leak:
        lines.append("feature = false")
    if column.reason:
        lines += [f"reason = {_text(column.reason)}", f"source = {_text(column.source)}"]
    return lines


def _is_open(column: ProposedColumn) -> bool:
    return any(note.weight is Weight.OPEN for note in column.notes)


def _bounds(bounds: Bounds, why: str) -> list[str]:
    comment = f"  # {_plain(why)}" if why else ""
    lines = [
        f"unit = {_text(bounds.unit)}{comment}",
        f"minimum = {_number(bounds.minimum)}",
        f"maximum = {_number(bounds.maximum)}",
    ]
    return lines if bounds.period is None else [*lines, f"period = {_number(bounds.period)}"]


def _notes(notes: Sequence[Note], subject: str) -> list[str]:
    return [
        line
        for note in notes
        if note.subject == subject
        for line in _comment(f"{_WORDS[note.weight]}: {note.sentence}")
    ]


def _comment(sentence: str) -> Iterable[str]:
    wrapped = textwrap.wrap(
        _plain(sentence), _WIDTH, break_long_words=False, break_on_hyphens=False
    )
    return [f"# {line}" for line in wrapped]


def _plain(text: str) -> str:
    """Returns text without control characters, which TOML forbids in comments too."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """Returns a TOML basic string; JSON's escapes are TOML's, apart from DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _texts(texts: Sequence[str]) -> str:
    return f"[{', '.join(_text(text) for text in texts)}]"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(float(value))
