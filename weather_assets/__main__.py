"""`python -m weather_assets`, the same as the `weather-assets` command."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # `-m` puts the current folder first: a user's own `random.py` there would be run as Python's.
    if not sys.flags.safe_path and Path(sys.path[0]) != Path(__file__).parents[1]:
        del sys.path[0]
    from weather_assets.cli import main

    main()
