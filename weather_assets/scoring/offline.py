"""A package's graph on many rows at once, without a server: what the endpoint would answer.

Belongs here: a matrix of features as the graph's inputs. Does not belong here: requests (`score`),
or how a file's rows become features (`processing`, `forecasting.data`).

Shapes: N rows, F features.
"""

import numpy as np
import numpy.typing as npt

from weather_assets.scoring.score import CATEGORY, Scorer

ROWS_AT_A_TIME = 1024
"""Rows per call of the graph: what lies between its nodes then fits into a core's cache."""


def graph_probabilities(
    scorer: Scorer, features_NF: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Forecasts rows that were checked before.

    Args:
        scorer: a loaded package; may be asked by several threads at once.
        features_NF: float64 [N, F] in the order of the signature's features: raw units, NaN for
            missing, a category as its position among the signature's.

    Returns:
        What the graph answers, float64 [N].
    """
    levels = {
        # The last one is where NaN, as -1, leads to.
        column.name: np.array([*column.categories, ""], object)
        for column in scorer.signature.columns
        if column.kind == CATEGORY
    }
    answers = np.empty(len(features_NF))
    for first in range(0, len(features_NF), ROWS_AT_A_TIME):
        rows = slice(first, first + ROWS_AT_A_TIME)
        feeds = {
            name: levels[name][np.nan_to_num(column, nan=-1.0).astype(np.intp)]
            if name in levels
            else column
            for name, column in zip(scorer.signature.features, features_NF[rows].T, strict=True)
        }
        inputs = {name: column[:, np.newaxis] for name, column in feeds.items()}
        answers[rows] = np.asarray(scorer.session.run(["probability"], inputs)[0]).ravel()
    return answers
