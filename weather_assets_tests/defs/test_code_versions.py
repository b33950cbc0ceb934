"""A code version follows what the code does, in folders of any depth, and nothing else."""

from pathlib import Path

import pytest

from weather_assets.adapters.files.user_cache import CACHE_VARIABLE
from weather_assets.defs.code_versions import code_version, package_digest

SOURCE = '''"""A charter."""

RATE = 1.0


def rate(hours: int) -> float:
    """Millimetres an hour."""
    return RATE * hours  # linear
'''


def digest(folder: Path) -> str:
    package_digest.cache_clear()
    return package_digest("example", folder)


@pytest.fixture(autouse=True)
def memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the folder in which digests are remembered."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    return cache / "code_versions"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "below" / "further").mkdir(parents=True)
    (tmp_path / "below" / "further" / "rates.py").write_text(SOURCE)
    (tmp_path / "requirements.txt").write_text("numpy==2.3\n")
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # linear", "  # what a rate means"),
        ('"""A charter."""', '"""Another charter.\n\nAt length.\n"""'),
        ('    """Millimetres an hour."""\n', ""),
        ("RATE * hours", "(\n        RATE\n        * hours\n    )"),
    ],
    ids=["comment", "charter", "docstring", "layout"],
)
def test_words_and_layout_change_nothing(package: Path, old: str, new: str) -> None:
    before = digest(package)
    source = package / "below" / "further" / "rates.py"
    assert old in SOURCE
    source.write_text(SOURCE.replace(old, new))
    assert digest(package) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [("1.0", "1.5"), ("RATE * hours", "hours * RATE"), ("hours: int", "hours: int = 1")],
    ids=["constant", "expression", "signature"],
)
def test_code_at_any_depth_counts(package: Path, old: str, new: str) -> None:
    before = digest(package)
    source = package / "below" / "further" / "rates.py"
    source.write_text(SOURCE.replace(old, new))
    assert digest(package) != before


def test_a_moved_file_other_pins_and_other_words_count(package: Path) -> None:
    before = digest(package)
    (package / "requirements.txt").write_text("numpy==2.4\n")
    pinned = digest(package)
    (package / "CARD.md.j2").write_text("{{ model }} tells rain\n")
    worded = digest(package)
    (package / "below" / "further" / "rates.py").rename(package / "below" / "rates.py")
    assert len({before, pinned, worded, digest(package)}) == 4


def test_what_was_read_before_is_remembered_by_its_bytes(package: Path, memory: Path) -> None:
    before = digest(package)
    (known,) = memory.iterdir()
    assert known.read_text() == before
    known.write_text("as remembered")
    assert digest(package) == "as remembered"
    (package / "below" / "further" / "rates.py").write_text(f"{SOURCE}# end")
    assert digest(package) == before


def test_a_cache_that_cannot_be_written_costs_time_alone(package: Path, memory: Path) -> None:
    memory.write_text("in the way")
    assert len(digest(package)) == 64


def test_packages_count_in_any_order() -> None:
    names = ("weather_assets.contract", "weather_assets.processing")
    assert code_version(*names) == code_version(*reversed(names))
    assert code_version(*names) != code_version(names[0])
