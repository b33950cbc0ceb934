"""Borrowed environment variables: seen while borrowed, by whoever wants the same, and then gone."""

import os
import threading

import pytest

from weather_assets.adapters.azure.process_variables import ProcessVariables, kept

NAMES = ("AZURE_TEST_A", "AZURE_TEST_B")


@pytest.fixture(autouse=True)
def _set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TEST_A", "before")
    monkeypatch.delenv("AZURE_TEST_B", raising=False)


def seen() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in NAMES)


def test_variables_are_set_and_restored_whatever_happens() -> None:
    lender, lent = ProcessVariables(), {"AZURE_TEST_A": "lent", "AZURE_TEST_B": "lent"}
    during: list[tuple[str | None, ...]] = []

    def fail() -> None:
        with lender.lent(lent):
            with lender.lent(lent):
                during.append(seen())
            during.append(seen())  # the outer borrower still needs them
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert during == [("lent", "lent")] * 2
    assert seen() == ("before", None)


def test_another_set_waits_for_its_turn() -> None:
    lender, order = ProcessVariables(), list[str | None]()

    def other() -> None:
        with lender.lent({"AZURE_TEST_A": "other"}):
            order.append(os.environ.get("AZURE_TEST_A"))

    with lender.lent({"AZURE_TEST_A": "first"}):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.1)
        order.append(os.environ.get("AZURE_TEST_A"))
    thread.join(5)
    assert order == ["first", "other"]
    assert seen() == ("before", None)


def test_what_is_set_behind_our_back_is_undone() -> None:
    with kept(*NAMES):
        os.environ["AZURE_TEST_A"] = os.environ["AZURE_TEST_B"] = "set by a library"
    assert seen() == ("before", None)
