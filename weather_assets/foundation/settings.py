"""Settings as plain dataclasses: what each may be stands beside it, and is checked when it is made.

Belongs here: saying what is allowed of a field, checking it, and what its docstring says. Does not
belong here: any setting, or where values come from (`adapters.settings`).

    @dataclass(frozen=True)
    class Patience(CheckedSettings):
        tries: int = setting(3, whole(1, 20))
        \"\"\"How often it is tried.\"\"\"
"""

import ast
import dataclasses
import inspect
import itertools
import math
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_ALLOWED = "allowed"


class SettingError(ValueError):
    """A setting that cannot work; the message names it, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a setting may be.

    Attributes:
        words: in words, as in "set it to ...".
        permits: tells whether a value is among it.
    """

    words: str
    permits: Callable[[Any], bool]


def whole(least: int, most: int | None = None) -> Allowed:
    """Returns the whole numbers of a range, both ends included."""
    words = f"of at least {least}" if most is None else f"from {least} to {most}"
    return Allowed(
        f"a whole number {words}",
        lambda value: (
            isinstance(value, int)
            and not isinstance(value, bool)
            and least <= value
            and (most is None or value <= most)
        ),
    )


def number(
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> Allowed:
    """Returns the finite numbers of a range, whose ends are in it (`least`, `most`) or not."""
    ends = {"of at least": least, "above": above, "at most": most, "below": below}
    words = " and ".join(f"{word} {end:g}" for word, end in ends.items() if math.isfinite(end))

    def permits(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        # NaN compares false, and so is refused; infinity is not below infinity.
        return least <= value <= most and above < value < below

    return Allowed(f"a number {words}", permits)


def one_of(*values: str) -> Allowed:
    """Returns a choice between texts."""
    return Allowed(" or ".join(values), lambda value: value in values)


def text(words: str, pattern: str = r".*") -> Allowed:
    """Returns the texts that a pattern matches as a whole."""
    compiled = re.compile(pattern)
    return Allowed(words, lambda value: isinstance(value, str) and bool(compiled.fullmatch(value)))


def setting(default: Any, allowed: Allowed) -> Any:
    """Returns a dataclass field that knows what it may be."""
    return dataclasses.field(default=default, metadata={_ALLOWED: allowed})


def allowed_values(kind: type["DataclassInstance"]) -> Mapping[str, Allowed]:
    """Returns, by field, what the settings of a dataclass may be; other fields are no settings."""
    return {
        field.name: field.metadata[_ALLOWED]
        for field in dataclasses.fields(kind)
        if _ALLOWED in field.metadata
    }


def check_settings(settings: "DataclassInstance") -> None:
    """Refuses settings of which one cannot work.

    Raises:
        SettingError: naming the field, its value and what is allowed.
    """
    for name, allowed in allowed_values(type(settings)).items():
        value = getattr(settings, name)
        if not allowed.permits(value):
            raise SettingError(f"{name} is {value!r}; set it to {allowed.words}")


class CheckedSettings:
    """Base of dataclasses whose settings are checked when one is made.

    Raises:
        SettingError: as `check_settings`.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __post_init__(self) -> None:
        """Refuses what cannot work."""
        check_settings(self)


@cache
def descriptions(kind: type) -> Mapping[str, str]:
    """Returns, by field, the docstring that stands below it in the class, on one line."""
    (parsed,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = parsed.body if isinstance(parsed, ast.ClassDef) else []
    found: dict[str, str] = {}
    for above, below in itertools.pairwise(body):
        if isinstance(above, ast.AnnAssign) and isinstance(below, ast.Expr):
            words = ast.literal_eval(below.value)
            found[ast.unparse(above.target)] = " ".join(words.split())
    return found
