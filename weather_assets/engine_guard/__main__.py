"""`python -m weather_assets.engine_guard`: the guard of the stack that the environment describes.

Belongs here: where it listens, and what a wrong variable says. Does not belong here: all the rest.
"""

import asyncio
import logging
import os
import sys
from pathlib import Path

from weather_assets.engine_guard.server import Guard
from weather_assets.engine_guard.settings import SettingsError, Stack

SOCKET = Path("/var/run/docker.sock")
HOST, PORT = "0.0.0.0", 2375  # noqa: S104 - the container's own network, see docker/compose.yaml


async def main() -> None:
    """Serves for ever."""
    server = await Guard(Stack.from_environment(os.environ), SOCKET).listen(HOST, PORT)
    await server.serve_forever()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        asyncio.run(main())
    except SettingsError as error:
        sys.exit(str(error))
