"""Finding the contract of a file: built-in ones, a `contract.toml`, recognition by header.

Belongs here: TOML in, checked `Contract` out, and the choice between contracts. Does not belong
here: what a contract means (`schema`), or reading rows (`weather_assets.processing`).
"""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import timedelta
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from weather_assets.contract.cells import fold_header, is_number
from weather_assets.contract.columns import Column, ContractError, Kind, Timestamp
from weather_assets.contract.limits import Limits
from weather_assets.contract.schema import Contract, Label, Split, SplitMethod
from weather_assets.foundation.settings import SettingError

_Choice = TypeVar("_Choice", Kind, SplitMethod)
_Part = TypeVar("_Part", Contract, Column, Label, Timestamp, Split)
_LISTED_NAMES, _LISTED_CHARACTERS = 30, 60
_LEAD_UNITS = {"min": "minutes", "h": "hours", "d": "days"}
_LEAD_PATTERN = re.compile(r"([0-9]+)\s*(min|h|d)")


def load_contract(path: Path) -> Contract:
    """Reads a contract from a TOML file (the format is in `data/README.md`).

    Args:
        path: the file.

    Returns:
        The checked contract.

    Raises:
        ContractError: if the file is missing, not TOML, or not a contract; the message names the
            file, the key, what was found and what is allowed.
    """
    document = _document(path)
    try:
        return contract_from_document(document)
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from None


def own_contract(path: Path) -> tuple[Contract | None, Limits]:
    """Returns the contract that a data root has of its own, if any, and the limits of its rows.

    Args:
        path: its contract.toml. Where that says nothing but [limits], they hold for whichever
            built-in contract recognises the files.

    Raises:
        ContractError: as `load_contract`.
    """
    if not path.is_file():
        return None, Limits()
    document = _document(path)
    if set(document) != {"limits"}:
        contract = load_contract(path)
        return contract, contract.limits
    try:
        return None, _limits(document["limits"])
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from None


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ContractError(
            f"{path}: no such file; write a contract there or drop the option"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: not a TOML file: {error}") from None


def builtin_contracts() -> tuple[Contract, ...]:
    """Returns the contracts that come with the product, in alphabetical order of their names."""
    folder = resources.files("weather_assets.contract").joinpath("builtin")
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=str)
    return tuple(contract_from_document(tomllib.loads(item.read_text("utf-8"))) for item in files)


def recognise_header(header: Sequence[str], own: Contract | None = None) -> Contract:
    """Finds the contract that a header fits: the data root's own one, or else a built-in one.

    A contract fits when the header has every column that it declares. Case, surrounding spaces and
    the order of columns do not matter. Of several that fit, the one that explains most wins.

    Args:
        header: the header cells of one raw file.
        own: the contract of the data root, which then is the only candidate.

    Returns:
        The contract.

    Raises:
        ContractError: if none fits, or a column is named twice; names what was found, what each
            contract still lacks, and what to do.
    """
    twice = repeated_names(header)
    if twice:
        raise ContractError(
            f"the header names {listed(twice)} more than once: {listed(header)}; rename one"
        )
    candidates = builtin_contracts() if own is None else (own,)
    fitting = [contract for contract in candidates if not missing_columns(contract, header)]
    if fitting:
        return max(fitting, key=lambda contract: len({*contract.header, *contract.ignored}))
    lacking = "\n".join(
        f"  {contract.name}: lacks {listed(missing_columns(contract, header))}"
        for contract in candidates
    )
    advice = (
        "put a contract.toml into the data root, which `weather-assets contract suggest FILE` "
        "proposes (data/README.md)"
        if own is None
        else "correct contract.toml or the file"
    )
    raise ContractError(
        f"no contract fits the header {listed(header)}{_likely_mistake(header, candidates)}.\n"
        f"What each contract lacks:\n{lacking}\nWhat to do: {advice}"
    )


def repeated_names(header: Sequence[str]) -> tuple[str, ...]:
    """Returns the names that a header has more than once, folded; cells without a name are none."""
    counts = Counter(fold_header(name) for name in header)
    return tuple(sorted(name for name, count in counts.items() if count > 1 and name))


def listed(names: Sequence[str]) -> str:
    """Returns names as a person can read them: quoted, escaped, cut off, and not too many.

    Names come from broken files too: a message about them must neither garble a terminal with
    control characters nor fill a log.
    """
    shown = [
        repr(name if len(name) <= _LISTED_CHARACTERS else f"{name[:_LISTED_CHARACTERS]}...")
        for name in names[:_LISTED_NAMES]
    ]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def missing_columns(contract: Contract, header: Sequence[str]) -> tuple[str, ...]:
    """Returns the columns that `contract` declares and `header` does not have."""
    found = {fold_header(name) for name in header}
    return tuple(name for name in contract.header if fold_header(name) not in found)


def contract_from_document(document: Mapping[str, Any]) -> Contract:
    """Returns the contract that a parsed TOML document describes.

    Raises:
        ContractError: naming the key, what was found and what is allowed.
    """
    told = dict(document)
    tables, label = told.pop("columns", None), told.pop("label", None)
    timestamp, split, limits = (told.pop(key, None) for key in ("timestamp", "split", "limits"))
    split = _table({} if split is None else split, "[split]")
    method = SplitMethod.HASH if timestamp is None else SplitMethod.CHRONOLOGICAL
    _check_keys("the contract", document, {field.name for field in fields(Contract)})
    if not isinstance(tables, Mapping) or not tables:
        raise ContractError("the contract needs at least one table [columns.<name>]")
    if not isinstance(label, Mapping):
        raise ContractError("the contract needs a table [label] with the key 'column'")
    return _read(
        Contract,
        {"title": told.get("name"), **told},
        "the contract",
        columns=tuple(_column(name, table) for name, table in tables.items()),
        label=_read(Label, label, "[label]"),
        timestamp=None if timestamp is None else _read(Timestamp, timestamp, "[timestamp]"),
        split=_read(Split, {"method": method.value, **split}, "[split]"),
        limits=_limits({} if limits is None else limits),
    )


def parse_lead(text: object) -> timedelta:
    """Returns a forecast lead such as `30min`, `1h` or `1d`.

    Raises:
        ContractError: if it is not a whole number followed by min, h or d.
    """
    match = _LEAD_PATTERN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ContractError(f"label: lead = {text!r} must be a number and a unit: 30min, 1h or 1d")
    return timedelta(**{_LEAD_UNITS[match[2]]: int(match[1])})


def _column(name: str, table: object) -> Column:
    where = f"[columns.{name}]"
    values = _values(Column, table, where, "name")
    if values.get("kind") is not Kind.CATEGORY and "unit" not in values:
        raise ContractError(f'{where} needs a unit, as in unit = "degC"')
    return Column(name=name, **values)


def _limits(table: object) -> Limits:
    told = _table(table, "[limits]")
    _check_keys("[limits]", told, {field.name for field in fields(Limits)})
    try:
        return Limits(**told)
    except SettingError as error:
        raise ContractError(f"[limits] {error}") from None


def _read(kind: type[_Part], table: object, where: str, **given: Any) -> _Part:
    """Returns a part of a contract from its table and what is given beside it."""
    return kind(**given, **_values(kind, table, where, *given))


def _values(kind: type[Any], table: object, where: str, *given: str) -> dict[str, Any]:
    """Returns what a table says of a part, each key read as its field's type says."""
    told = _table(table, where)
    of_kind = {field.name: field for field in fields(kind) if field.name not in given}
    _check_keys(where, told, set(of_kind))
    for name, field in of_kind.items():
        found = told.get(name)
        if field.default is MISSING and not (isinstance(found, str) and found.strip()):
            raise ContractError(f"{where} needs {name} as a text; found {found!r}")
    types = get_type_hints(kind)
    return {key: _READERS[types[key]](told[key], f"{where} {key}") for key in told}


def _table(table: object, where: str) -> Mapping[str, Any]:
    if not isinstance(table, Mapping):
        raise ContractError(f"{where} must be a table")
    return table


def _check_keys(where: str, table: Mapping[str, Any], allowed: set[str]) -> None:
    for key in table:
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ContractError(f"{where}: unknown key {key!r}{hint} Allowed: {sorted(allowed)}")


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ContractError(f"{where} must be a text; found {value!r}")
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ContractError(f"{where} must be a list of texts; found {value!r}")
    return tuple(value)


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ContractError(f"{where} must be a number; found {value!r}")
    return float(value)


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise ContractError(f"{where} must be true or false; found {value!r}")
    return value


def _choice(options: type[_Choice], value: object, where: str) -> _Choice:
    try:
        return options(value)
    except ValueError:
        allowed = [option.value for option in options]
        raise ContractError(f"{where} = {value!r} is not among {allowed}") from None


_READERS: Mapping[Any, Callable[[object, str], Any]] = {
    str: _text,
    str | None: _text,
    tuple[str, ...]: _texts,
    float: _number,
    float | None: _number,
    bool: _flag,
    Kind: partial(_choice, Kind),
    SplitMethod: partial(_choice, SplitMethod),
    timedelta | None: lambda value, _where: parse_lead(value),
}
"""How a key is read, by the type of its field."""


def _likely_mistake(header: Sequence[str], candidates: Sequence[Contract]) -> str:
    """Returns what is probably the matter with a header that no contract fits, or nothing."""
    first = header[0].removeprefix("\ufeff").strip()
    if first.casefold().startswith("sep="):
        return f": {first!r} is a line for Excel; delete it, so that the header comes first"
    if first.startswith("#"):
        return ": a line of comment stands where the header must; delete what comes before it"
    if any(is_number(name.strip()) for name in header):
        return ": these are values, so the header line with the names is missing; add it"
    if len(header) == 1 and len(first.split()) > 1:
        return (
            ": one cell only; separate cells by a comma (or by semicolons, tabs or '|', by one of "
            "them throughout)"
        )
    known = {fold_header(name): name for contract in candidates for name in contract.header}
    near: list[str] = []
    for name in header[:_LISTED_NAMES]:
        folded = fold_header(name[:_LISTED_CHARACTERS])
        match = difflib.get_close_matches(folded, known, n=1, cutoff=0.8)
        if match and folded not in known:
            near.append(f"{name.strip()!r} meant to be {known[match[0]]!r}")
    return f" (is {', '.join(near)}?)" if near else ""
