"""A verdict that is reached again is the same verdict, so that nothing below it is made anew."""

from pathlib import Path

from weather_assets.verification.claims import Outcome
from weather_assets.workflows.judgement import promote_candidate
from weather_assets_tests.integration.mutated_training import Workshop


def test_a_champion_faces_the_one_that_it_has_replaced(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    trained = shop.train()
    shop.register(trained)
    first = shop.judge()
    promote_candidate(shop.root, shop.registry)
    assert shop.judge().to_json() == first.to_json(), "there was nothing to face"
    shop.register(trained)
    against_first = shop.judge()
    assert against_first.outcome is Outcome.PASS
    assert against_first.identity.champion_version == "1"
    assert promote_candidate(shop.root, shop.registry).passed
    assert shop.judge().to_json() == against_first.to_json()
    assert promote_candidate(shop.root, shop.registry).passed
