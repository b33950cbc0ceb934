"""Collection is seldom while a command works, and is left as it was."""

import gc

from weather_assets.commands.short_life import short_life


def test_the_collector_is_left_as_it_was() -> None:
    before = gc.get_threshold()
    with short_life():
        assert gc.get_threshold()[0] > before[0]
        assert gc.isenabled()
    assert gc.get_threshold() == before
    gc.unfreeze()
