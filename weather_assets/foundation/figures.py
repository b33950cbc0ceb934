"""Figures as bytes: no pyplot and no global state, so that those of two runs cannot mix.

Belongs here: an empty figure, and its PNG. Does not belong here: what is drawn.
"""

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_WIDTH_INCHES, _DOTS_PER_INCH = 7.0, 100
"""700 pixels, the column of a web page."""


def new_figure(height_inches: float) -> Figure:
    """Returns an empty figure, 700 pixels wide."""
    size = (_WIDTH_INCHES, height_inches)
    figure = Figure(figsize=size, dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_of(figure: Figure) -> bytes:
    """Returns a figure as the bytes of a PNG file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    # No software version or date in the file.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
