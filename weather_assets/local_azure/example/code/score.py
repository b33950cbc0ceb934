"""The scoring script of the example: multiplies by the model, which is a number."""

import json
import os
from pathlib import Path

factor = 0.0


def init() -> None:
    """Loads the model."""
    global factor  # noqa: PLW0603 - the server's way
    factor = float(Path(os.environ["AZUREML_MODEL_DIR"], "model", "factor.txt").read_text("utf-8"))


def run(text: str) -> dict[str, float]:
    """Answers one request."""
    return {"product": factor * json.loads(text)["x"]}
