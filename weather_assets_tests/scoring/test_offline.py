"""The graph answers many rows at once as the endpoint answers one by one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from weather_assets.contract.schema import Contract
from weather_assets.scoring.offline import ROWS_AT_A_TIME, graph_probabilities
from weather_assets.scoring.score import Scorer

COUNT = 2 * ROWS_AT_A_TIME + 7


def some_features(contract: Contract) -> npt.NDArray[np.float64]:
    """Returns rows in which every kind of feature is now there and now missing."""
    random = np.random.default_rng(1)
    features_NF = random.uniform(0, 20, size=(COUNT, len(contract.features)))
    features_NF[random.random(features_NF.shape) < 0.2] = np.nan
    for index, feature in enumerate(contract.features):
        if feature.categories:
            codes = random.integers(0, len(feature.categories), COUNT).astype(np.float64)
            features_NF[:, index] = np.where(random.random(COUNT) < 0.2, np.nan, codes)
    return features_NF


def readings(
    contract: Contract, features_NF: npt.NDArray[np.float64]
) -> list[tuple[float | str, ...]]:
    """Returns rows as the endpoint hands them to the graph."""
    return [
        tuple(
            ("" if np.isnan(value) else feature.categories[int(value)])
            if feature.categories
            else float(value)
            for feature, value in zip(contract.features, row, strict=True)
        )
        for row in features_NF
    ]


def test_rows_are_answered_as_by_the_endpoint(nyc: Contract, scorer: Scorer) -> None:
    features_NF = some_features(nyc)
    expected = scorer.probabilities(readings(nyc, features_NF))
    assert len(set(expected.tolist())) > COUNT / 2
    np.testing.assert_array_equal(graph_probabilities(scorer, features_NF), expected)


def test_no_rows_have_no_answers(nyc: Contract, scorer: Scorer) -> None:
    assert graph_probabilities(scorer, np.empty((0, len(nyc.features)))).shape == (0,)


def test_several_threads_may_ask_at_once(nyc: Contract, scorer: Scorer) -> None:
    features_NF = some_features(nyc)
    alone = graph_probabilities(scorer, features_NF)
    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(lambda _: graph_probabilities(scorer, features_NF), range(8)):
            np.testing.assert_array_equal(answers, alone)
