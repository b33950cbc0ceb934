"""What a value may be: small functions that return it anew, or refuse it.

Belongs here: the vocabulary that `rules` is written in. Does not belong here: any name of Docker's.
A shape takes a value and where it stands, and returns what is passed on.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from weather_assets.engine_guard.parsing import Refused

Shape = Callable[[Any, str], Any]


def only(*allowed: Any) -> Shape:
    """One of these values, and of the same types: 1 is not true.

    Args:
        allowed: what the value may be.
    """

    def check(value: Any, where: str) -> Any:
        for each in allowed:
            # The texts of JSON values are equal where the values and all types in them are.
            if repr(value) == repr(each):
                return each
        raise Refused(f"{where} = {shown(value)}; allowed is {' or '.join(map(repr, allowed))}")

    return check


yes = only(True)  # noqa: FBT003 - the value itself
no = only(False)  # noqa: FBT003 - as yes


def text(pattern: str) -> Shape:
    """Text that a pattern matches as a whole.

    Args:
        pattern: a regular expression.
    """

    def check(value: Any, where: str) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise Refused(f"{where} = {shown(value)}; allowed is text like {pattern}")
        return value

    return check


def whole(low: int, high: int) -> Shape:
    """A whole number.

    Args:
        low: the least.
        high: the greatest.
    """

    def check(value: Any, where: str) -> int:
        if type(value) is not int or not low <= value <= high:
            raise Refused(f"{where} = {shown(value)}; allowed is a number from {low} to {high}")
        return value

    return check


def words(value: Any, where: str) -> list[str]:
    """A list of texts, whatever they say: command lines and variables of a container's own."""
    return listed(text(r"[^\0]*"))(value, where)


def listed(shape: Shape) -> Shape:
    """A list.

    Args:
        shape: of each value in it.
    """

    def check(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise Refused(f"{where} = {shown(value)}; allowed is a list")
        return [shape(each, f"{where}[{index}]") for index, each in enumerate(value)]

    return check


def record(shapes: Mapping[str, Shape], *, optional: Collection[str] = ()) -> Shape:
    """An object with these keys, spelled like this, and no others.

    Args:
        shapes: of the value of each key.
        optional: the keys that may be absent.
    """

    def check(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Refused(f"{where} = {shown(value)}; allowed is an object")
        for key in value:
            if key not in shapes:
                raise Refused(f"{where} has {shown(key)}; known is {', '.join(sorted(shapes))}")
        for key in shapes:
            if key not in value and key not in optional:
                raise Refused(f"{where} has no {key}")
        return {key: shapes[key](value[key], f"{where}.{key}") for key in shapes if key in value}

    return check


def shown(value: Any) -> str:
    """A value for a message: short, and in plain characters."""
    found = ascii(value)
    return found if len(found) <= 80 else f"{found[:77]}..."
