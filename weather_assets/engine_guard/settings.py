"""What belongs to the stack that the guard serves, from environment variables.

Belongs here: the names, and their form. Does not belong here: what may be done with what they name
(`rules`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

PREFIX = "ENGINE_GUARD_"
"""How the environment variables begin: ENGINE_GUARD_STACK, and so on."""

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
"""What the engine takes as the name or id of a container, network or volume."""
IMAGE = r"[A-Za-z0-9][A-Za-z0-9_./-]{0,127}:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
"""Likewise of an image, with its tag."""
_VOLUME = rf"({NAME}):(/[A-Za-z0-9_./-]+?)(:ro)?"


class SettingsError(ValueError):
    """A variable is missing or not of its form. The message names it and what is allowed."""


@dataclass(frozen=True)
class Volume:
    """A volume that containers may mount, at one place."""

    name: str
    target: str
    read_only: bool


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack on an engine that others may use too."""

    name: str
    """The value of the label that containers and networks made here carry."""
    run_image: str
    """Image of run workers, as `name:tag`."""
    rank_image: str
    """Image of training ranks, as `name:tag`."""
    networks: tuple[str, ...]
    """Networks of run workers: the first at creation, the others by connecting."""
    volumes: tuple[Volume, ...]
    """What runs and ranks may mount."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Returns the stack that the variables describe.

        Args:
            variables: such as `os.environ`: ENGINE_GUARD_STACK, _RUN_IMAGE and _RANK_IMAGE as
                `name:tag`; _NETWORKS, names between commas; _VOLUMES, `name:/target` or
                `name:/target:ro` between commas.

        Raises:
            SettingsError: names the variable, its value and what is allowed.
        """

        def given(name: str, form: str, words: str) -> list[str]:
            values = [each.strip() for each in variables.get(PREFIX + name, "").split(",")]
            for value in values:
                if not re.fullmatch(form, value):
                    raise SettingsError(f"{PREFIX}{name} = {value!r} must be {words}")
            return values

        volumes = [
            re.fullmatch(_VOLUME, each)
            for each in given("VOLUMES", _VOLUME, "name:/target or name:/target:ro, between commas")
        ]
        return cls(
            name=given("STACK", NAME, "a stack's name")[0],
            run_image=given("RUN_IMAGE", IMAGE, "an image as name:tag")[0],
            rank_image=given("RANK_IMAGE", IMAGE, "an image as name:tag")[0],
            networks=tuple(given("NETWORKS", NAME, "names of networks, between commas")),
            volumes=tuple(Volume(v[1], v[2], bool(v[3])) for v in volumes if v),
        )
