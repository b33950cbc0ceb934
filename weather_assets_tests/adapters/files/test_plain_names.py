"""Every folder has a name that no library misreads, and no two have the same one."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.plain_names import AwkwardNameError, plainly_named
from weather_assets.adapters.files.user_cache import CACHE_VARIABLE
from weather_assets.cli import main
from weather_assets_tests.awkward_names import ALL_OF_THEM, AWKWARD_NAMES

MISREAD = set("%?#[]*{}'\"`:;&$~\\|<>!^@()")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", [*AWKWARD_NAMES, ALL_OF_THEM])
def test_a_plain_name_leads_to_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "roots" / name
    folder.mkdir(parents=True)
    plain = plainly_named(folder)
    assert plain.resolve() == folder
    assert not MISREAD & set(str(plain))
    assert plainly_named(folder) == plain


def test_a_plain_folder_is_its_own_name(tmp_path: Path, cache: Path) -> None:
    assert plainly_named(tmp_path / "Zürich 2024") == tmp_path / "Zürich 2024"
    assert not cache.exists()


def test_folders_never_share_a_name(tmp_path: Path) -> None:
    plain = [plainly_named(tmp_path / name) for name in AWKWARD_NAMES]
    assert len(set(plain)) == len(AWKWARD_NAMES)
    assert {tmp_path / "a b"} & set(plain) == {plainly_named(tmp_path / "a b")}


def test_an_awkward_cache_is_named_with_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "50%"))
    with pytest.raises(AwkwardNameError, match=f"set {CACHE_VARIABLE} to a folder"):
        plainly_named(tmp_path / "a%20b")
    assert plainly_named(tmp_path / "a") == tmp_path / "a"


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_a_data_root_is_the_folder_that_was_named(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert DataRoot.at(Path(name)).path == tmp_path / name


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"we\xffather")
    odd.mkdir()
    with pytest.raises(AwkwardNameError, match=r"we\\udcffather' is no UTF-8 text.*rename"):
        DataRoot.at(odd)
    done = CliRunner().invoke(main, ["run", "--data", str(odd)])
    assert done.exit_code == 1
    assert "is no UTF-8 text" in done.output


def test_a_tilde_is_the_home_folder_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert DataRoot.at(Path("~/data")).path == Path.home().resolve() / "data"
    assert DataRoot.at(Path("~nobody-of-that-name/data")).path.parent.parent == tmp_path
