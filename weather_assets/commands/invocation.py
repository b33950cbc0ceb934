"""How the command was called, for lines that a user copies into the same shell.

Belongs here: the name under which this program was started. Does not belong here: its arguments.
"""

import sys
from pathlib import Path


def this_command() -> str:
    """Returns the path as it was typed, or the command's name where something else called it."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "weather-assets" else "weather-assets"
