"""`weather-assets settings`: every setting, its value, where that is from, and what it may be.

Belongs here: showing settings. Does not belong here: any of them (`adapters.settings.concerns`).
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.settings.concerns import (
    CONCERNS,
    ENDPOINT,
    PLACES,
    ROLLOUT,
    ROW_LIMITS,
    mistakes,
)
from weather_assets.adapters.settings.variables import Concern, without_password
from weather_assets.contract.columns import ContractError
from weather_assets.contract.loading import own_contract
from weather_assets.foundation.settings import allowed_values, descriptions
from weather_assets.rollout.settings import RolloutSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting.

    Attributes:
        name: its environment variable.
        value: what holds; only whether there is one, of a secret.
        origin: `default`, `environment`, `contract.toml` or `--data`.
        allowed: what it may be.
        about: what it does.
        group: what it is a setting of.
        problem: why it cannot be as it is; empty where it can.
    """

    name: str
    value: Any
    origin: str
    allowed: str = ""
    about: str = ""
    group: str = ""
    problem: str = ""


def settings_of(root: DataRoot) -> Iterator[Row]:
    """Yields every setting as it is for a data root, and variables that only look like one."""
    sentences = list(mistakes())
    names = {name for concern in CONCERNS for name in concern.variables.values()}
    for sentence in sentences:
        name = sentence.split()[0]
        if name not in names and name in os.environ:
            yield Row(name=name, value=os.environ[name], origin="environment", problem=sentence)
    for concern in CONCERNS:
        yield from _rows(concern, root, sentences)


def _rows(concern: Concern[Any], root: DataRoot, sentences: list[str]) -> Iterator[Row]:
    default, problem = concern.kind(), ""
    base: Any = default
    if concern is ROW_LIMITS:
        try:
            _, base = own_contract(root.contract_file)
        except ContractError as error:
            problem = str(error)
    elif concern is ROLLOUT and "subscription_id" not in ENDPOINT.examined()[0]:
        base = default = RolloutSettings.local()
    chosen, _ = concern.examined()
    about, allowed = descriptions(concern.kind), allowed_values(concern.kind)
    for field, name in concern.variables.items():
        origin = "default" if getattr(base, field) == getattr(default, field) else "contract.toml"
        value: Any = getattr(base, field)
        if text := os.environ.get(name, "").strip():
            value, origin = chosen.get(field, text), "environment"
        elif concern is PLACES and field == "data" and DataRoot.from_environment() != root:
            value, origin = str(root.path), "--data"
        if field in concern.hidden:
            value = "set, and not shown" if value else ""
        elif isinstance(value, str):
            value = without_password(value)
        said = next((each for each in sentences if re.search(rf"\b{name}\b", each)), problem)
        yield Row(
            name=name,
            value=value,
            origin=origin,
            allowed=allowed[field].words,
            about=about[field],
            group=concern.title,
            problem=said,
        )


def show(root: DataRoot, echo: Callable[[str], None], *, as_json: bool) -> bool:
    """Shows every setting.

    Args:
        root: the data root, whose contract.toml may have some.
        echo: called with each piece of text.
        as_json: as one JSON document, for programs.

    Returns:
        Whether all of them can be as they are.
    """
    rows = list(settings_of(root))
    if as_json:
        echo(json.dumps([asdict(row) for row in rows], indent=1))
        return not any(row.problem for row in rows)
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            echo(f"\n{group}")
        shown = ",".join(row.value) if isinstance(row.value, tuple) else str(row.value)
        shown = shown if shown.isprintable() else ascii(shown)
        echo(f"  {row.name} = {shown}   ({row.origin})")
        if row.problem:
            echo(f"      WRONG: {row.problem}")
        elif row.about:
            echo(f"      {row.about} May be {row.allowed}.")
    return not any(row.problem for row in rows)
