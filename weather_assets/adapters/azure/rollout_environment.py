"""Percentages, times and limits of a rollout from environment variables.

Belongs here: one variable for each setting, on top of the defaults for Azure or Local Azure. Does
not belong here: what the settings mean and which values are allowed (`rollout.settings`).
"""

import difflib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from weather_assets.rollout.settings import Limits, RolloutSettings

PREFIX = "ROLLOUT_"
_LIMITS = frozenset(field.name for field in fields(Limits))
_SETTINGS = frozenset(field.name for field in fields(RolloutSettings)) - {"limits"}


class RolloutSettingsError(ValueError):
    """A rollout setting that cannot work; the message names its variable and what is allowed."""


def rollout_settings(environ: Mapping[str, str], *, local: bool) -> RolloutSettings:
    """Returns the settings of rollouts.

    Args:
        environ: such as `os.environ`; `ROLLOUT_CANARY_PERCENT=5` sets `canary_percent`, and an
            empty variable counts as unset.
        local: whether Local Azure serves, where stages take seconds.

    Raises:
        RolloutSettingsError: if a variable names no setting or has a value that cannot work.
    """
    settings = RolloutSettings.local() if local else RolloutSettings()
    chosen: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or not text.strip():
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in _LIMITS:
            limits[name] = _number(variable, text, whole=False)
        elif name in _SETTINGS:
            chosen[name] = _number(variable, text, whole=isinstance(getattr(settings, name), int))
        else:
            near = difflib.get_close_matches(name, _LIMITS | _SETTINGS, n=1)
            known = ", ".join(f"{PREFIX}{each.upper()}" for each in sorted(_LIMITS | _SETTINGS))
            meant = f"did you mean {PREFIX}{near[0].upper()}? " if near else ""
            raise RolloutSettingsError(f"{variable} is no setting; {meant}There are {known}")
    try:
        return replace(settings, limits=replace(settings.limits, **limits), **chosen)
    except ValueError as error:
        raise RolloutSettingsError(
            f"{error} (environment variables {PREFIX}..., in capitals)"
        ) from None


def _number(variable: str, text: str, *, whole: bool) -> float | int:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise RolloutSettingsError(f"{variable} is {text!r}; set it to {kind}") from None
