"""What libraries of this process are told before they are imported.

Belongs here: variables that keep them from writing outside the data root and its cache, and from
reporting to their makers. Does not belong here: what children get (`foundation.child_environment`).
"""

import os

from weather_assets.adapters.files.user_cache import cache_folder

FOLDERS = ("MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR")
"""Name the folders of libraries that training ranks load too."""


def tell_libraries() -> None:
    """Sets the variables, where the user has not; call it before anything heavy is imported."""
    fonts, compiled = FOLDERS
    own = {
        # matplotlib looks through all fonts once, and keeps what it found.
        fonts: str(cache_folder() / "matplotlib"),
        # torch makes this folder as it is loaded, otherwise in the temporary one.
        compiled: str(cache_folder() / "torch"),
        # MLflow otherwise reports what is done with it, and keeps a file in the home folder.
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    for name, value in own.items():
        os.environ.setdefault(name, value)
