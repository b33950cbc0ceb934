"""Settings say what they may be, and are refused when they are made."""

import math
from dataclasses import dataclass

import pytest

from weather_assets.foundation.settings import (
    CheckedSettings,
    SettingError,
    allowed_values,
    descriptions,
    number,
    one_of,
    setting,
    text,
    whole,
)


@dataclass(frozen=True, slots=True)
class Kettle(CheckedSettings):
    """A kettle."""

    tries: int = setting(3, whole(1, 20))
    """How often it
    is tried."""
    litres: float = setting(1.5, number(above=0, most=2))
    """How much is in it."""
    share: float = setting(0.5, number(least=0))
    lid: str = setting("open", one_of("open", "closed"))
    """How the lid is."""
    maker: str = setting("", text("letters", r"[a-z]*"))
    handle: str = "left"
    """No setting."""


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("tries", 0, "a whole number from 1 to 20"),
        ("tries", 21, "a whole number from 1 to 20"),
        ("tries", 1.0, "a whole number from 1 to 20"),
        ("tries", True, "a whole number from 1 to 20"),
        ("tries", "2", "a whole number from 1 to 20"),
        ("litres", 0.0, "a number above 0 and at most 2"),
        ("litres", 2.1, "a number above 0 and at most 2"),
        ("litres", math.nan, "a number above 0 and at most 2"),
        ("share", -0.1, "a number of at least 0"),
        ("share", math.inf, "a number of at least 0"),
        ("lid", "ajar", "open or closed"),
        ("maker", "A1", "letters"),
        ("maker", None, "letters"),
    ],
)
def test_what_cannot_work_is_refused(name: str, value: object, allowed: str) -> None:
    with pytest.raises(SettingError) as caught:
        Kettle(**{name: value})  # type: ignore[arg-type]
    assert str(caught.value) == f"{name} is {value!r}; set it to {allowed}"


def test_the_ends_of_a_range_are_allowed() -> None:
    for tries, litres, share in ((1, 2.0, 0.0), (20, 1, 1e9)):
        assert Kettle(tries=tries, litres=litres, share=share).tries == tries


def test_what_a_setting_does_is_its_docstring() -> None:
    assert descriptions(Kettle)["tries"] == "How often it is tried."
    assert "share" not in descriptions(Kettle)
    assert "handle" not in allowed_values(Kettle)
