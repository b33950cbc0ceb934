"""The one folder outside the data root that is written to.

Belongs here: where it is. Does not belong here: what is kept there (`plain_names`,
`scoring.environment`).
"""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from weather_assets.foundation.home_folders import expanded

CACHE_VARIABLE = "WEATHER_ASSETS_CACHE"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the folder that `WEATHER_ASSETS_CACHE` names, or the user's cache folder for us."""
    chosen = environment.get(CACHE_VARIABLE)
    return expanded(Path(chosen)) if chosen else platformdirs.user_cache_path("weather_assets")
