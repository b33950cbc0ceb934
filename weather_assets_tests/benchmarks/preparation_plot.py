"""Time and memory of preparation against rows, as a picture.

Belongs here: drawing. Does not belong here: measuring (`preparation`).

    python -m weather_assets_tests.benchmarks.preparation_plot bench.json preparation.svg
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from weather_assets_tests.benchmarks.preparation import DUCKDB, OURS, PLAIN, TIMED

_PANELS = (("time", "s", "log"), ("peak memory", "GiB", "linear"))
_MARKS = {PLAIN: "s", OURS: "o", TIMED: "D", DUCKDB: "^"}


def points_of(document: Mapping[str, Any], quantity: str) -> dict[str, dict[int, float]]:
    """Returns a quantity by program and rows, from what the benchmarks wrote as JSON."""
    points: dict[str, dict[int, float]] = {name: {} for name in _MARKS}
    for benchmark in document["benchmarks"]:
        for each in benchmark["measurements"]:
            name, _, size = each["subject"].partition(", ")
            if name in points and each["quantity"] == quantity:
                points[name][int(size.removesuffix(" rows").replace(",", ""))] = each["value"]
    return points


def draw(document: Mapping[str, Any], path: Path) -> None:
    """Draws both panels."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, (quantity, unit, scale) in zip(figure.subplots(1, 2), _PANELS, strict=True):
        for name, found in points_of(document, quantity).items():
            sizes = sorted(found)
            axes.plot(sizes, [found[size] for size in sizes], marker=_MARKS[name], label=name)
        axes.set(xscale="log", yscale=scale, xlabel="rows", ylabel=f"{quantity} ({unit})")
        if scale == "linear":
            axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names), frameon=False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
