"""A picture of how training went. Belongs here: learning curves. Does not: verdicts (`plots`)."""

import math
from collections.abc import Mapping, Sequence

from weather_assets.foundation.figures import new_figure, png_of


def draw_learning_curves(history: Mapping[str, Sequence[Mapping[str, float]]]) -> bytes:
    """Draws training and validation log loss against epochs.

    Args:
        history: by training, one row per stretch with `epoch`, `train_loss` and, where some rows
            only validate, `validation_loss`; log losses in nats.

    Returns:
        A PNG picture, 700 pixels wide.
    """
    figure = new_figure(4.0)
    axes = figure.subplots()
    for index, (variant, rows) in enumerate(history.items()):
        epochs = [row["epoch"] for row in rows]
        colour = f"C{index}"
        losses = [row.get("validation_loss", math.nan) for row in rows]
        axes.plot(epochs, losses, color=colour, label=variant)
        axes.plot(epochs, [row["train_loss"] for row in rows], color=colour, linestyle=":")
    axes.set(
        xlabel="epoch", ylabel="log loss (nats)", title="Validation (line) and training (dotted)"
    )
    axes.legend(frameon=False)
    return png_of(figure)
