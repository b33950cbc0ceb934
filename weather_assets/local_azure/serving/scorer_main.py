"""Runs the inference server of the deployment's environment, on loopback alone.

    python scorer_main.py --entry_script FILE --port PORT

Belongs here: only what makes azureml-inference-server-http bind 127.0.0.1. It binds all interfaces,
as it runs in a container of its own on Azure, and has no option for another address. It runs under
the interpreter of the deployment's environment, so it imports nothing else.
"""

import importlib
import sys
from typing import Any


def main() -> None:
    """Runs the server until it is told to end."""
    # Python puts this file's folder first, where our `rules` or `settings` would hide the
    # deployment's own modules of that name.
    del sys.path[0]
    amlserver: Any = importlib.import_module("azureml_inference_server_http.amlserver")
    amlserver.DEFAULT_HOST = "127.0.0.1"
    amlserver.run()


if __name__ == "__main__":
    main()
