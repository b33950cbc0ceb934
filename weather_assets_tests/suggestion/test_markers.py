"""Missing values: texts, sentinels far from everything, and numbers that mean two things."""

import pytest

from weather_assets.suggestion.markers import find_markers
from weather_assets.suggestion.notes import Weight
from weather_assets_tests.suggestion.made_files import uniform


def cells(low: float, high: float, *extra: str) -> list[str]:
    return [*(str(value) for value in uniform(300, low, high)), *extra]


@pytest.mark.parametrize("text", ["NA", "NaN", "null", "-", "M", "N/A"])
def test_texts_are_found(text: str) -> None:
    markers, notes = find_markers({"t": cells(0, 20, text), "p": cells(990, 1030, "1000")})
    assert markers == (text,)
    assert [note.weight for note in notes] == [Weight.SAID]


@pytest.mark.parametrize(
    ("text", "times"), [("-9999", 1), ("-999.0", 1), ("9999", 1), ("-99", 2), ("-9.99", 2)]
)
def test_numbers_far_from_all_others_are_sentinels(text: str, times: int) -> None:
    markers, notes = find_markers({"t": cells(0, 9, *[text] * times)})
    assert markers == (text,)
    assert [note.weight for note in notes] == [Weight.UNSURE]


def test_ordinary_numbers_are_no_sentinels() -> None:
    assert find_markers({"p": cells(960, 1030, "999", "999.9"), "h": cells(40, 99, "99")})[0] == ()


def test_a_sentinel_that_another_column_can_have_is_not_listed() -> None:
    markers, notes = find_markers({"t": cells(0, 20, "999"), "p": cells(960, 1030, "1000")})
    assert markers == ()
    assert "ordinary one in 'p'" in notes[0].sentence


def test_levels_among_texts_are_no_markers() -> None:
    assert find_markers({"sex": ["M", "F"] * 50})[0] == ()
    assert find_markers({"rain": ["none", "rain"] * 50})[0] == ()
    assert find_markers({"t": cells(0, 20, "none")})[0] == ("none",)
