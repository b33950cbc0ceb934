"""The TOML: it loads, or says what is open; and it says what the built-in contracts say."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.contract.columns import ContractError, Kind
from weather_assets.contract.loading import builtin_contracts, fold_header, load_contract
from weather_assets.contract.schema import Contract
from weather_assets.suggestion.document import to_toml
from weather_assets.suggestion.notes import Weight
from weather_assets.suggestion.proposal import Proposal
from weather_assets_tests.suggestion.made_files import amounts, flags, hours, proposal, uniform

ROWS = 400


def loaded(found: Proposal) -> Contract:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "contract.toml"
        path.write_text(to_toml(found), encoding="utf-8")
        return load_contract(path)


def test_a_whole_proposal_loads_as_it_was_made() -> None:
    found = proposal(
        {
            "Zeit": [stamp for stamp in hours(ROWS) for _ in "ab"],
            "station": list("ab") * ROWS,
            'temp "2m" (°C)': ["-9999" if n % 50 == 7 else n % 30 for n in range(2 * ROWS)],
            "wind.dir": uniform(2 * ROWS, 0, 360, digits=0),
            "rain_mm": amounts(2 * ROWS),
            "battery": uniform(2 * ROWS, 11, 13),
        }
    )
    contract = loaded(found)
    assert contract.header == ("Zeit", "station", 'temp "2m" (°C)', "wind.dir", "rain_mm")
    assert contract.missing_markers == ("-9999",)
    assert contract.ignored == ("battery",)
    assert contract.station == "station"
    assert contract.label.lead is not None
    assert contract.label.lead.total_seconds() == 3600
    assert contract.timestamp is not None
    assert contract.timestamp.features == ("hour_of_day",)


def test_every_doubt_stands_in_the_text() -> None:
    okta = [n % 10 for n in range(ROWS)]
    found = proposal(
        {"temp": uniform(ROWS, 10, 30), "cloud": okta, "x": okta[::-1], "Rain": flags(ROWS)}
    )
    text = " ".join(line.removeprefix("# ") for line in to_toml(found).splitlines())
    doubts = [note for note in found.notes if note.subject != "ignored"]
    assert {note.weight for note in doubts} == {Weight.OPEN, Weight.UNSURE}
    for note in doubts:
        assert note.sentence in text
    for column in found.ignored:
        assert column.why in text


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"temp": uniform(ROWS, 21, 39), "rain": flags(ROWS)}, r"\[columns.temp\] needs a unit"),
        ({"temp": uniform(ROWS, 5, 20)}, r"\[label\] needs column"),
        (
            {"temp": uniform(ROWS, 5, 20), "rain": flags(ROWS, "A", "B")},
            "label 'rain': give either positive and negative",
        ),
        (
            {"time": range(10**9, 10**9 + ROWS), "t": uniform(ROWS, 5, 20), "rain": flags(ROWS)},
            r"\[timestamp\] needs column",
        ),
        ({"odd": uniform(ROWS, 5, 20), "rain": flags(ROWS)}, r"\[columns.<name>\]"),
        ({"rain": flags(ROWS), "wet_c": flags(ROWS)}, "no column is a feature"),
    ],
)
def test_what_is_open_is_named_when_it_is_loaded(
    columns: Mapping[str, Sequence[object]], named: str
) -> None:
    found = proposal(columns)
    assert found.is_open
    with pytest.raises(ContractError, match=named):
        loaded(found)
    assert "FILL IN: " in to_toml(found)


def test_an_open_unit_is_filled_in_by_taking_comments_away() -> None:
    text = to_toml(proposal({"temp": uniform(ROWS, 21, 39), "rain": flags(ROWS)}))
    chosen = re.sub(r'# (unit = "degF")\n# (minimum.*)\n# (maximum.*)\n', r"\1\n\2\n\3\n", text)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "contract.toml"
        path.write_text(chosen, encoding="utf-8")
        column = load_contract(path).column("temp")
    assert (column.unit, column.minimum, column.maximum) == ("degF", -130, 140)


def test_names_with_any_character_survive_the_trip() -> None:
    odd = 'temp "\x7f\\\n\u2028é #='
    found = proposal({odd: uniform(ROWS, 5, 20), "rain": flags(ROWS)})
    assert loaded(found).columns[0].name == odd


_NAMES = st.sampled_from(
    [*(name for contract in builtin_contracts() for name in contract.header), "split", "hour"]
) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
_CELLS = (
    st.sampled_from(["", "NA", "0", "1", "yes", "no", "rain", "-9999", "T", "3,5", "1e999", "12 C"])
    | st.floats(width=32).map(str)
    | st.integers(-50, 1100).map(str)
    | st.datetimes().map(str)
    | st.text(max_size=5)
)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[str]]:
    """Draws columns of which each repeats some cells, as long as it takes to mean something."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=5, unique_by=fold_header))
    rows = draw(st.sampled_from([1, 3, 60, 240]))
    columns: dict[str, list[str]] = {}
    for name in names:
        pool = draw(st.lists(_CELLS, min_size=1, max_size=8))
        order = draw(st.randoms(use_true_random=False))
        columns[name] = [order.choice(pool) for _ in range(rows)]
    return columns


@given(tables())
@settings(max_examples=60, deadline=None)
def test_any_table_gives_a_contract_or_says_what_is_open(columns: dict[str, list[str]]) -> None:
    found = proposal(columns)
    assert {note.weight for note in found.notes} <= set(Weight)
    if found.is_open:
        with pytest.raises(ContractError):
            loaded(found)
        return
    contract = loaded(found)
    assert {fold_header(name) for name in contract.header} <= {fold_header(n) for n in columns}
    for column in contract.columns:
        assert (column.kind is Kind.CATEGORY) == bool(column.categories)
