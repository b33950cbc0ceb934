"""Processes that take a rollout through a stage and are killed at a chosen call to the service.

    python -m weather_assets_tests.integration.mortal_controllers DATA_ROOT

Belongs here: reading one order a line from standard input, running it in a forked process, saying
how that ended. Does not belong here: which calls are chosen, and what must hold afterwards.

The parent loads the libraries once and never uses them, so that a fork costs milliseconds.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from weather_assets.adapters.azure.client import azure_ml
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.settings.concerns import ENDPOINT, rollout_settings
from weather_assets.rollout.states import Stage
from weather_assets.workflows import rollouts
from weather_assets.workflows.rollouts import RolloutOrder, advance_rollout

DURING_SECONDS = 0.05
"""How long a call that is to be cut off may run: shorter than any that changes something."""


@dataclass(frozen=True, slots=True)
class Death:
    """When a controller is killed.

    Attributes:
        call: name of a method of `EndpointService`.
        occurrence: which call of that method, from 1.
        during: while it runs; otherwise when it has returned.
    """

    call: str
    occurrence: int = 1
    during: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One process to run."""

    stage: str
    death: Death | None = None
    immediate: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """How it ended: killed, or with a report."""

    killed: bool
    passed: bool = False
    rolled_back: bool = False
    sentence: str = ""


class MortalService:
    """A service whose caller dies at a chosen call."""

    def __init__(self, service: Any, death: Death) -> None:
        """Counts the calls of `service`."""
        self._service, self._death, self._left = service, death, death.occurrence

    def __getattr__(self, name: str) -> Any:
        """Returns what the service has; the deadly method ends the process."""
        found = getattr(self._service, name)
        if name != self._death.call:
            return found
        return self._deadly(found)

    def _deadly(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._death.during:
                threading.Timer(DURING_SECONDS, _die).start()
            answer = call(*arguments)
            if self._left == 0:
                _die()
            return answer

        return counted


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def advance(root: DataRoot, order: Order, answers: TextIO) -> None:
    """Runs one stage in this process, and writes how it ended."""
    original, death = rollouts.endpoint_service, order.death
    if death is not None:
        rollouts.__dict__["endpoint_service"] = lambda *arguments: MortalService(
            original(*arguments), death
        )
    asked = RolloutOrder(Stage(order.stage), order.immediate, "mortal-run")
    settings = ENDPOINT.read()
    stages = rollout_settings(local=settings.is_local)
    report = advance_rollout(root, settings, stages, asked, lambda _line: None)
    if report is None:
        raise AssertionError("no newer package was published")
    fate = Fate(killed=False, passed=report.passed, rolled_back=report.rolled_back)
    answers.write(json.dumps({**asdict(fate), "sentence": report.sentence}) + "\n")
    answers.flush()


def main() -> None:
    """Serves orders until standard input ends."""
    root = DataRoot.at(Path(sys.argv[1]))
    azure_ml()
    import_module("azure.identity")
    for line in sys.stdin:
        document = json.loads(line)
        death = document.pop("death")
        order = Order(**document, death=None if death is None else Death(**death))
        child = os.fork()
        if child == 0:
            advance(root, order, sys.stdout)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            sys.stdout.write(json.dumps(asdict(Fate(killed=True))) + "\n")
            sys.stdout.flush()
        elif status:
            sys.exit(f"{order} ended with {status}")


if __name__ == "__main__":
    main()
