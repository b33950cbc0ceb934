"""Writes the tables of settings in a README from the settings themselves.

    python -m weather_assets_tests.readme.settings_table

Belongs here: the tables. Does not belong here: holding the README against them (`test_readmes`).
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

from weather_assets.adapters.settings.concerns import CONCERNS, ROLLOUT
from weather_assets.adapters.settings.variables import Concern
from weather_assets.foundation.settings import allowed_values, descriptions
from weather_assets.rollout.settings import RolloutSettings

PATH = Path(__file__).resolve().parents[2] / "weather_assets/adapters/settings/README.md"
BEGIN, END = "<!-- tables of settings, made by this product -->\n", "<!-- end of the tables -->\n"


def tables() -> str:
    """Returns one table for each group of settings."""
    lines: list[str] = []
    for title in dict.fromkeys(concern.title for concern in CONCERNS):
        lines += ["", f"## {title.capitalize()}", ""]
        lines += ["| variable | default | may be | what it does |", "| --- | --- | --- | --- |"]
        for concern in CONCERNS:
            lines += _lines(concern) if concern.title == title else []
    return "\n".join(lines[1:]) + "\n\n"


def _lines(concern: Concern[Any]) -> list[str]:
    allowed, about = allowed_values(concern.kind), descriptions(concern.kind)
    names = [field.name for field in fields(concern.kind) if field.name in concern.variables]
    return [
        f"| `{concern.variables[name]}` | {_default(concern, name)} | {allowed[name].words} | "
        f"{about[name]} |"
        for name in names
    ]


def _default(concern: Concern[Any], name: str) -> str:
    value = getattr(concern.kind(), name)
    local = getattr(RolloutSettings.local(), name) if concern is ROLLOUT else value
    shown = f"`{value}`" if value or value == 0 else ""
    return shown if local == value else f"{shown}; `{local}` on Local Azure"


def written(text: str) -> str:
    """Returns the text of the README with the tables as they are now."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{tables()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PATH.write_text(written(PATH.read_text("utf-8")), encoding="utf-8")
