"""`~` in a path that somebody gave."""

from pathlib import Path

import pytest

from weather_assets.foundation.home_folders import expanded


def test_a_home_folder_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert expanded(Path("~/cache")) == Path("/home/somebody/cache")
    assert expanded(Path("cache/~")) == Path("cache/~")


@pytest.mark.parametrize("path", ["~0", "~no-such-user/cache", "~~"])
def test_what_names_no_user_is_a_name(path: str) -> None:
    assert expanded(Path(path)) == Path(path)
