"""Text from raw files is shown in the UI as it is, and never as markup."""

import pytest

from weather_assets.defs.metadata import markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("20.5, no rain", "20.5, no rain"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("a|b\nc", r"a\|b c"),
        ("[x](javascript:y) `id` **b**", r"\[x\](javascript:y) \`id\` \*\*b\*\*"),
        ("\x1b[2J\u202e\0", "\ufffd\\[2J\ufffd\ufffd"),
        ("x" * 300, "x" * 200 + "..."),
    ],
)
def test_nothing_in_a_cell_is_markup(text: str, shown: str) -> None:
    assert markdown(text) == shown
