"""The Python environment that a scoring package runs in: the very one that its endpoint gets.

Belongs here: asking the builder for it, in a caller's words. Does not belong here:
building it (`foundation.environments.building`), or running anything in it (`server`).

The platform and the scoring server pin different versions of the same packages (pydantic,
opentelemetry), so they cannot share an environment; on Azure they do not either. The package is
tried in the environment that its conda file defines, from the cache that Local Azure is started
with: it is built once.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from weather_assets.adapters.files.user_cache import cache_folder
from weather_assets.foundation.environments.building import build_environment, substituted
from weather_assets.foundation.environments.conda import EnvironmentBuildError, read_definition

PATIENCE_SECONDS = 600.0
"""An installation took 15 s to 60 s here, on two cores; a slow network takes longer."""
WHEELS_ALONE = ("--only-binary=:all:",)
"""No compiler is needed, and no package's build script runs."""


class ScoringEnvironmentError(RuntimeError):
    """The environment could not be built; the message has pip's last lines and the next step.

    What it needs is pinned, so that it is the network or the disk far more often than a pin.
    """

    may_heal = True


def scoring_environment(
    conda_file: Path,
    *,
    pip_options: Sequence[str] = (),
    on_progress: Callable[[str], None] = lambda _line: None,
    timeout_seconds: float = PATIENCE_SECONDS,
) -> Path:
    """Builds the environment of a package, unless it is there already.

    Args:
        conda_file: the package's conda file, with every version pinned. Where the Python it names
            is not on this machine, it is built with ours.
        pip_options: further options of `pip install`.
        on_progress: gets one line at a time of what is being done; called only while building.
        timeout_seconds: longest time for the whole, waiting for another builder included.

    Returns:
        The environment's Python interpreter.

    Raises:
        ScoringEnvironmentError: it could not be built, or the time was up.
        FileNotFoundError: there is no such conda file.
    """
    text = conda_file.read_text("utf-8")
    try:
        definition = substituted(read_definition({"condaFile": text}))
        with tempfile.TemporaryDirectory(prefix="scoring-environment-") as scratch:
            return asyncio.run(
                build_environment(
                    definition,
                    cache_folder(),
                    Path(scratch) / "build.log",
                    pip_options=(*WHEELS_ALONE, *pip_options),
                    on_line=on_progress,
                    seconds=timeout_seconds,
                )
            )
    except EnvironmentBuildError as error:
        raise ScoringEnvironmentError(
            f"the scoring environment of {conda_file} could not be built. Check the network, or "
            "name an index or a folder of wheels (PIP_INDEX_URL, PIP_FIND_LINKS), then run again. "
            f"{error}"
        ) from None
