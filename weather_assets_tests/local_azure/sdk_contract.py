"""Validates documents against the SDK's own generated models, strictly.

    python sdk_contract.py < [[model class, document], ...]  > [[problem, ...], ...]

The generated models take anything, so this walks their declarations: every key must be declared,
every required field there, every value of the declared type, every enumeration's value known. It
runs in a process of its own, as importing the SDK warns.
"""

import datetime as dt
import enum
import json
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

from azure.ai.ml._restclient.arm_ml_service import models

# Fields of older API versions, which the SDK still asks for: (model class, key).
OLDER_VERSIONS = {("AzureBlobDatastore", "isDefault")}


def problems(model: Any, document: Any, where: str) -> Iterator[str]:
    """Yields what is wrong with a document that should be a `model`."""
    if not isinstance(document, dict):
        yield f"{where}: {document!r} is no object"
        return
    model = _subtype(model, document)
    model({})  # the fields of a generated model are collected at its first use
    hints = typing.get_type_hints(model, {"_models": models}, vars(sys.modules[model.__module__]))
    fields = {field._rest_name: (name, field) for name, field in model._attr_to_rest_field.items()}
    for key in document:
        if key not in fields and (model.__name__, key) not in OLDER_VERSIONS:
            yield f"{where}.{key}: {model.__name__} does not declare it"
    for key, (name, _) in fields.items():
        if document.get(key) is None:
            if not _optional(hints[name]):
                yield f"{where}.{key}: {model.__name__} requires it"
            continue
        yield from _value_problems(hints[name], document[key], f"{where}.{key}")


def _subtype(model: Any, document: dict[str, Any]) -> Any:
    """Returns the subclass that the document's discriminator names."""
    while getattr(model, "__mapping__", None):
        model({})
        key = next(
            (f._rest_name for f in model._attr_to_rest_field.values() if f._is_discriminator), ""
        )
        found = model.__mapping__.get(document.get(key))
        if found is None or found is model:
            break
        model = found
    return model


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _value_problems(hint: Any, value: Any, where: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        yield from _choice_problems(arguments, value, where)
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{where}: {value!r} is not {arguments}"
    elif origin in {list, dict}:
        if not isinstance(value, origin):
            yield f"{where}: {value!r} is no {origin.__name__}"
            return
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _value_problems(arguments[-1], item, f"{where}.{key}")
    elif isinstance(hint, type):
        yield from _plain_problems(hint, value, where)


def _choice_problems(choices: tuple[Any, ...], value: Any, where: str) -> Iterator[str]:
    choices = tuple(choice for choice in choices if choice is not type(None))
    # The generator writes Union[str, SomeEnum]: any string would pass.
    enums = tuple(c for c in choices if isinstance(c, type) and issubclass(c, enum.Enum))
    found = [list(_value_problems(choice, value, where)) for choice in enums or choices]
    if all(found):
        yield from min(found, key=len)


def _plain_problems(kind: type, value: Any, where: str) -> Iterator[str]:
    if issubclass(kind, models.SystemData.__mro__[1]):  # the base of all generated models
        yield from problems(kind, value, where)
    elif not _fits(kind, value):
        yield f"{where}: {value!r} is no {kind.__name__}"


def _fits(kind: type, value: Any) -> bool:
    if issubclass(kind, enum.Enum):
        return value in [member.value for member in kind]
    if kind is dt.datetime:
        try:
            return bool(dt.datetime.fromisoformat(value))
        except (TypeError, ValueError):
            return False
    if kind is dt.timedelta:
        return isinstance(value, str) and value.startswith("P")
    numbers = {int: int, float: (int, float)}
    if kind in numbers:
        return isinstance(value, numbers[kind]) and not isinstance(value, bool)
    return isinstance(value, kind)


if __name__ == "__main__":
    found = [
        list(problems(getattr(models, name), document, name))
        for name, document in json.load(sys.stdin)
    ]
    json.dump(found, sys.stdout)
