"""Pictures are bytes of their own, and nothing that draws shares state with another."""

import ast
import struct
from pathlib import Path

import weather_assets
from weather_assets.foundation.figures import new_figure, png_of

PACKAGE = Path(weather_assets.__file__).parent
PRIVATE = {
    "matplotlib.axes",
    "matplotlib.backends.backend_agg",
    "matplotlib.dates",
    "matplotlib.figure",
}


def drawing_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.startswith("matplotlib")}


def test_nothing_global_of_matplotlib_is_imported() -> None:
    found = {path.stem: drawing_modules(path) for path in PACKAGE.rglob("*.py")}
    drawing = {name for name, modules in found.items() if modules}
    assert {"figures", "plots", "pictures", "replay_report"} <= drawing
    assert set[str]().union(*found.values()) == PRIVATE


def test_the_same_figure_gives_the_same_bytes_700_pixels_wide() -> None:
    def drawn() -> bytes:
        figure = new_figure(2.5)
        figure.subplots().plot([0, 1], [1, 0])
        return png_of(figure)

    png = drawn()
    assert png == drawn()
    assert struct.unpack(">II", png[16:24]) == (700, 250)
