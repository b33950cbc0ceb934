"""Bytes of a request into values, in the one way that leaves no room for a second reading.

Belongs here: JSON, queries, and the limits of both. Does not belong here: which values are allowed
(`rules`).

The engine is written in Go, whose JSON decoder takes keys in any case (also by Unicode's folding:
U+017F is an s, U+212A a k) and the last of several equal ones. So what is read here is never passed
on as it came: it is compared, and written anew.
"""

import json
import re
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

BODY_BYTES = 128 * 1024
"""A run worker's request has 5 kB, a rank's 8 kB."""
DEEPEST = 8
_LONGEST_NUMBER = 19
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PARAMETER = re.compile(r"([a-z_]{1,20})=((?:[A-Za-z0-9_.~+*-]|%[0-9A-Fa-f]{2})*)")


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """What is asked is not let through; the message is a sentence."""


def json_value(text: bytes) -> Any:
    """Returns what strict JSON says.

    Raises:
        Refused: too long, not UTF-8, too deep, a key twice, a number that is no integer of 64 bits,
            or text that Unicode does not have.
    """
    if len(text) > BODY_BYTES:
        raise Refused(f"a body of more than {BODY_BYTES} bytes")
    try:
        decoded = text.decode("utf-8")
        if _depth(decoded) > DEEPEST:
            raise Refused(f"JSON that is nested more than {DEEPEST} times")
        value = json.loads(
            decoded,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        # Escapes can make halves of characters, which Go would replace.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise Refused(f"a body that is no strict JSON ({error})"[:200]) from error
    return value


def _depth(text: str) -> int:
    depth = deepest = 0
    for each in re.findall(r"[][{}]", _STRING.sub("", text)):
        depth += 1 if each in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
    if twice:
        raise Refused(f"JSON with the key {min(twice)!a} more than once")
    return dict(pairs)


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else _no_number(digits)


def _no_number(text: str) -> NoReturn:
    raise Refused(f"JSON with the number {text[:20]}, where whole numbers of 64 bits are known")


def query_values(query: str) -> dict[str, str]:
    """Returns a query's parameters, each once.

    Args:
        query: what follows the question mark; empty where nothing does.

    Raises:
        Refused: not of the form that a browser gives to a form, or a parameter twice.
    """
    values: dict[str, str] = {}
    for part in query.split("&") if query else ():
        found = _PARAMETER.fullmatch(part)
        if not found:
            raise Refused(f"the query part {ascii(part)[:80]}")
        key, escaped = found.groups()
        if key in values:
            raise Refused(f"the parameter {key} more than once")
        try:
            values[key] = unquote_to_bytes(escaped.replace("+", " ")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused(f"the parameter {key} in another encoding than UTF-8") from error
    return values
