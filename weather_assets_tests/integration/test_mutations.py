"""Each mistake of training that we can think of is made, and caught by the check that is named."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from weather_assets.forecasting.network import RainNetwork
from weather_assets.forecasting.settings import SERVED_FOLDER
from weather_assets.processing.doubts.gates import evaluate_label_copies
from weather_assets.processing.doubts.leaks import find_leak
from weather_assets.verification.claims import Outcome
from weather_assets.workflows.candidates import DATA_VERSION
from weather_assets.workflows.packaging import package_champion
from weather_assets_tests.integration.mutated_training import (
    SETTINGS,
    Workshop,
    caught_by,
    held_out_rows_train,
    reshare,
    spoil,
    with_column,
)
from weather_assets_tests.integration.small_training import statistics_of
from weather_assets_tests.readmes import REPOSITORY

pytestmark = pytest.mark.timeout(120)
MANUAL = REPOSITORY / "weather_assets" / "verification" / "README.md"
TABLE = re.compile(r"^\| (.+) \| `(\w+)`.* \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a mistake is made.

    Attributes:
        shop: a place of its own.
        trained: a copy of a candidate in which nothing is wrong.
    """

    shop: Workshop
    trained: Path

    def judge(self, trained: Path | None = None) -> set[str]:
        """Registers a candidate and returns what catches it."""
        self.shop.register(self.trained if trained is None else trained)
        return caught_by(self.shop.judge)


def scaler_fitted_on_all_rows(scene: Scene) -> set[str]:
    shop = scene.shop
    every = statistics_of(held_out_rows_train(shop.rows), shop.contract)
    honest = statistics_of(shop.rows, shop.contract)
    openly = caught_by(lambda: shop.train(statistics=every))
    features_alone = replace(honest, features=every.features)
    return openly & caught_by(lambda: shop.train(statistics=features_alone))


def held_out_rows_in_training(scene: Scene) -> set[str]:
    return caught_by(lambda: scene.shop.train(held_out_rows_train(scene.shop.rows)))


def labels_flipped_in_training(scene: Scene) -> set[str]:
    shop = scene.shop
    flipped = with_column(shop.rows, "label_encoded", 1 - shop.rows["label_encoded"].to_numpy())
    return scene.judge(shop.train(flipped, statistics_of(flipped, shop.contract)))


def label_copied_into_a_feature(scene: Scene) -> set[str]:
    events = scene.shop.rows["label_encoded"].to_numpy() == 1
    leak = find_leak(scene.shop.contract.column("Humidity"), np.where(events, 9.0, 4.0), events)
    assert leak is not None
    gate = evaluate_label_copies([leak.sentence] if leak.is_copy else [])
    return set() if gate.passed else {"no_feature_is_the_label"}


def columns_shuffled_at_judging(scene: Scene) -> set[str]:
    shop = scene.shop
    names, shuffled = [feature.name for feature in shop.contract.features], shop.rows
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        shuffled = with_column(shuffled, name, shop.rows[other].to_numpy())
    shop.publish(shuffled, shop.contract)
    return scene.judge()


def columns_in_another_order(scene: Scene) -> set[str]:
    contract = scene.shop.contract
    scene.shop.publish(scene.shop.rows, replace(contract, columns=contract.columns[::-1]))
    return scene.judge()


def stale_checkpoint(scene: Scene) -> set[str]:
    scene.shop.register(scene.trained, tags={DATA_VERSION: "older rows"})
    return caught_by(scene.shop.judge)


def champion_that_knows_the_test_rows(scene: Scene) -> set[str]:
    shop = scene.shop
    rows = held_out_rows_train(shop.rows)
    knowing = shop.train(rows, statistics_of(rows, shop.contract))
    shop.registry.promote(shop.register(knowing, reshare(shop.contract)).name)
    shop.register(scene.trained)
    return {
        claim.name
        for claim in shop.judge().claims
        if claim.outcome is Outcome.INCONCLUSIVE and "trained it" in claim.sentence
    }


def judged_weights_swapped(scene: Scene) -> set[str]:
    folder = scene.shop.register(scene.trained)
    shutil.copyfile(folder / SERVED_FOLDER / "model.safetensors", folder / "model.safetensors")
    return caught_by(scene.shop.judge)


def judged_scaling_altered(scene: Scene) -> set[str]:
    description = scene.shop.register(scene.trained) / "network.json"
    network = json.loads(description.read_text("utf-8"))
    network["features"][-1]["scale"] *= 1.01
    description.write_text(json.dumps(network), "utf-8")
    return caught_by(scene.shop.judge)


def served_weights_swapped_before_the_verdict(scene: Scene) -> set[str]:
    folder = scene.shop.register(scene.trained)
    shutil.copyfile(folder / "model.safetensors", folder / SERVED_FOLDER / "model.safetensors")
    return caught_by(scene.shop.judge)


def served_weights_swapped_before_packaging(scene: Scene) -> set[str]:
    shop = scene.shop
    folder = shop.register(scene.trained)
    shop.registry.promote(folder.name)
    shutil.copyfile(folder / "model.safetensors", folder / SERVED_FOLDER / "model.safetensors")
    return caught_by(lambda: package_champion(shop.root, shop.registry, lambda _: None))


def served_weights_are_noise(scene: Scene) -> set[str]:
    def noise(network: RainNetwork) -> None:
        for weights in network.parameters():
            weights.normal_(0.0, 1.0)

    spoil(scene.trained / SERVED_FOLDER, noise)
    return scene.judge()


def served_weights_are_uncalibrated(scene: Scene) -> set[str]:
    def shift(network: RainNetwork) -> None:
        network.linear.bias.add_(1.5)

    spoil(scene.trained / SERVED_FOLDER, shift)
    return scene.judge()


MUTATIONS: dict[str, tuple[Callable[[Scene], set[str]], str]] = {
    "scaler fitted on all rows": (scaler_fitted_on_all_rows, "TrainingDataError"),
    "training on test rows": (held_out_rows_in_training, "TrainingDataError"),
    "flipped labels in training": (labels_flipped_in_training, "beats_base_rate"),
    "a feature that is the label": (label_copied_into_a_feature, "no_feature_is_the_label"),
    "feature columns shuffled at judging": (columns_shuffled_at_judging, "beats_base_rate"),
    "features in another order than trained": (columns_in_another_order, "VerdictError"),
    "stale checkpoint": (stale_checkpoint, "OutrunError"),
    "champion judged on rows that trained it": (
        champion_that_knows_the_test_rows,
        "no_worse_than_champion",
    ),
    "judged weights swapped": (judged_weights_swapped, "WeightsChangedError"),
    "scaling of the judged network altered": (judged_scaling_altered, "WeightsChangedError"),
    "served weights swapped, then judged": (
        served_weights_swapped_before_the_verdict,
        "WeightsChangedError",
    ),
    "served weights swapped, then packaged": (
        served_weights_swapped_before_packaging,
        "WeightsChangedError",
    ),
    "served weights are noise": (served_weights_are_noise, "served_weights_are_sane"),
    "served weights are uncalibrated": (
        served_weights_are_uncalibrated,
        "served_weights_are_sane",
    ),
}


@pytest.fixture(scope="module")
def faultless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A candidate in whose training nothing went wrong."""
    return Workshop(tmp_path_factory.mktemp("faultless")).train(settings=SETTINGS)


@pytest.fixture
def scene(tmp_path: Path, faultless: Path) -> Scene:
    return Scene(Workshop(tmp_path), shutil.copytree(faultless, tmp_path / "trained"))


def test_where_nothing_went_wrong_nothing_is_caught(scene: Scene) -> None:
    scene.shop.register(scene.trained)
    assert scene.shop.judge().outcome is Outcome.PASS


@pytest.mark.parametrize("mistake", MUTATIONS)
def test_a_mistake_is_caught_by_the_check_that_is_named(scene: Scene, mistake: str) -> None:
    commit, check = MUTATIONS[mistake]
    assert check in commit(scene)


def test_the_manual_names_every_mistake_and_what_catches_it() -> None:
    named = dict(TABLE.findall(MANUAL.read_text(encoding="utf-8")))
    assert named == {mistake: check for mistake, (_, check) in MUTATIONS.items()}
