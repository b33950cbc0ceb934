"""Reading settings: what is given wins over the environment, which wins over the default.

Belongs here: one environment variable for each setting of a dataclass, read by pydantic-settings,
and the sentence for a value that cannot work. Does not belong here: any setting (`concerns`).
"""

import difflib
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from weather_assets.foundation.settings import Allowed, SettingError, allowed_values

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Concern(Generic[Settings]):
    """A dataclass of settings, and the environment variables that they are read from.

    Attributes:
        title: what the settings are of, for people.
        kind: the dataclass.
        prefix: how its variables begin; the rest is the field's name in capitals.
        named: variables of fields that are called otherwise.
        owns_prefix: whether another variable that begins so is a mistake.
        only: the fields that have a variable; all that say what they may be where empty.
        hidden: fields whose values are shown to nobody.
    """

    title: str
    kind: type[Settings]
    prefix: str
    named: tuple[tuple[str, str], ...] = ()
    owns_prefix: bool = True
    only: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """The variable of each field that is a setting."""
        named, names = dict(self.named), self.only or tuple(allowed_values(self.kind))
        return {name: named.get(name, f"{self.prefix}{name.upper()}") for name in names}

    def examined(self, given: Mapping[str, Any] = NOTHING) -> tuple[dict[str, Any], dict[str, str]]:
        """Returns the settings that are given or set in the environment, and what is wrong.

        Args:
            given: values by field, which win over the environment; None and names of other
                concerns count as not given.

        Returns:
            Those that can work, and a sentence on each of those that cannot, by field.
        """
        variables, wrong = self.variables, dict[str, str]()
        own = {name: given[name] for name in variables if given.get(name) is not None}
        for _ in range(2):  # with defaults in place of what is wrong, all the others are read
            in_place = {**own, **{name: getattr(self.kind(), name) for name in wrong}}
            try:
                found = _model(self)(**{variables[name]: value for name, value in in_place.items()})
            except ValidationError as error:
                wrong = _sentences(error, self, set(own))
            else:
                good = found.model_fields_set - set(wrong)
                return {name: getattr(found, name) for name in variables if name in good}, wrong
        raise AssertionError(f"the defaults of {self.kind.__name__} are not what it allows")

    def chosen(self, given: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """Returns the settings that are given or set in the environment.

        Args:
            given: as for `examined`.

        Raises:
            SettingError: naming each value that cannot work, where it is from and what is allowed.
        """
        chosen, wrong = self.examined(given)
        if wrong:
            raise SettingError("; ".join(wrong.values()))
        return chosen

    def read(
        self,
        given: Mapping[str, Any] = NOTHING,
        base: Settings | None = None,
    ) -> Settings:
        """Returns the settings.

        Args:
            given: as for `examined`.
            base: what holds where nothing is given or set; the defaults where absent.

        Raises:
            SettingError: as `chosen`; also where values contradict one another.
        """
        chosen = self.chosen(given)
        return replace(self.kind() if base is None else base, **chosen)


def unknown_variables(concerns: Sequence[Concern[Any]]) -> list[str]:
    """Returns a sentence on each variable that looks like a setting and is none."""
    known = {variable for concern in concerns for variable in concern.variables.values()}
    owned = tuple({concern.prefix for concern in concerns if concern.owns_prefix})
    sentences: list[str] = []
    for name in sorted(set(os.environ) - known):
        if name.startswith(owned) and os.environ[name].strip():
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            sentences.append(f"{name} is no setting; {meant}`weather-assets settings` lists them")
    return sentences


def without_password(shown: str) -> str:
    """Returns a text in which no address tells who asks, as in `http://user:password@host`."""
    return re.sub(r"//[^/@\s]*@", "//...@", shown)


class _Variables(BaseSettings):
    """Base of the models: names as they are written, and nothing but the variables named."""

    model_config = SettingsConfigDict(case_sensitive=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def blank_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Returns the values without empty texts."""
        return {
            name: value
            for name, value in values.items()
            if not isinstance(value, str) or value.strip()
        }


@cache
def _model(concern: Concern[Any]) -> type[_Variables]:
    hints, allowed = get_type_hints(concern.kind), allowed_values(concern.kind)
    variables = concern.variables
    definitions: dict[str, Any] = {
        field.name: (
            _checked(hints[field.name], allowed[field.name]),
            Field(default=field.default, validation_alias=variables[field.name]),
        )
        for field in fields(concern.kind)
        if field.name in variables
    }
    return create_model(concern.kind.__name__, __base__=_Variables, **definitions)


def _checked(hint: Any, allowed: Allowed) -> Any:
    """Returns a type that takes what an environment variable holds, and refuses what is not fit."""
    is_list = get_origin(hint) is tuple

    def prepared(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(filter(None, map(str.strip, value.split(",")))) if is_list else value.strip()

    def permitted(value: Any) -> Any:
        if not allowed.permits(value):
            raise ValueError(allowed.words)
        return value

    return Annotated[hint, NoDecode, BeforeValidator(prepared), AfterValidator(permitted)]


def _sentences(
    error: ValidationError, concern: Concern[Any], given: Collection[str]
) -> dict[str, str]:
    """Returns what is wrong, by field."""
    allowed, variables = allowed_values(concern.kind), concern.variables
    faults = {
        str(fault["loc"][0]): fault["input"]
        for fault in error.errors(include_url=False, include_context=False)
    }
    return {
        name: f"{name if name in given else variable} is "
        f"{without_password(repr(faults[variable]))}; set it to {allowed[name].words}"
        for name, variable in variables.items()
        if variable in faults
    }
