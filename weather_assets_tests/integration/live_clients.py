"""Users of an endpoint while it is changed: what they were answered, and what the traffic was.

Belongs here: asking without a pause worth mentioning, and writing everything down. Does not belong
here: judging it, but for what must hold always (`served_endpoint`, the tests).
"""

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from weather_assets.local_azure.control import Control
from weather_assets_tests.integration.prepared_root import SAMPLE, SAMPLE_FORECAST

PAUSE_SECONDS = 0.05
LOOK_SECONDS = 0.08
_ANSWER_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a user got; `status` 0: nothing."""

    sent: float
    received: float
    status: int
    deployment: str
    version: str
    probability: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the endpoint was like at a moment: live percent and state by deployment."""

    at: float
    live: Mapping[str, int]
    states: Mapping[str, str]
    answering: Mapping[str, bool]

    @property
    def healthy_percent(self) -> int:
        """Live traffic that goes to deployments that are up."""
        return sum(
            share
            for slot, share in self.live.items()
            if self.states[slot] == "Succeeded" and self.answering[slot]
        )


@dataclass
class Record:
    """All of it, in order."""

    answers: list[Answer] = field(default_factory=list[Answer])
    sights: list[Sight] = field(default_factory=list[Sight])

    @property
    def lost(self) -> list[Answer]:
        """Answers that are none."""
        return [answer for answer in self.answers if answer.status != 200]

    @property
    def interrupted(self) -> list[Sight]:
        """Moments at which less than all live traffic went to healthy deployments."""
        return [sight for sight in self.sights if sight.healthy_percent != 100]

    def served(self, since: float = 0.0, until: float = float("inf")) -> set[tuple[str, str]]:
        """Returns deployment and model version of answers that lie within a span of time."""
        return {
            (answer.deployment, answer.version)
            for answer in self.answers
            if since <= answer.sent and answer.received <= until
        }


@contextmanager
def asking(
    uri: str,
    key: str,
    variables: Mapping[str, str],
    control: Control,
    endpoint: str,
    pause_seconds: float = PAUSE_SECONDS,
) -> Generator[Record]:
    """Asks an endpoint about one raw reading, over and over, and looks at its traffic.

    Args:
        uri: its scoring URI.
        key: its key.
        variables: of Local Azure: the proxy and the certificates.
        control: of Local Azure.
        endpoint: its name.
        pause_seconds: between an answer and the next request.

    Raises:
        AssertionError: if nobody asked or looked, so that an empty record proves nothing.
    """
    record, stop = Record(), threading.Event()
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"https": variables["HTTPS_PROXY"]}
    session.verify = variables["REQUESTS_CA_BUNDLE"]
    session.headers["Authorization"] = f"Bearer {key}"
    threads = [
        threading.Thread(target=_repeat, args=(stop, *each))
        for each in (
            (pause_seconds, record.answers, lambda: _ask(session, uri)),
            (LOOK_SECONDS, record.sights, lambda: _look(control, endpoint)),
        )
    ]
    for thread in threads:
        thread.start()
    try:
        yield record
    finally:
        stop.set()
        for thread in threads:
            thread.join(2 * _ANSWER_SECONDS)
        session.close()
    assert record.answers, "nobody asked"
    assert record.sights, "nobody looked"


def _repeat(
    stop: threading.Event, pause: float, found: list[Any], act: Callable[[], object]
) -> None:
    while not stop.is_set():
        found.append(act())
        stop.wait(pause)


def _ask(session: requests.Session, uri: str) -> Answer:
    sent = time.monotonic()
    try:
        answer = session.post(uri, json={"rows": [dict(SAMPLE)]}, timeout=_ANSWER_SECONDS)
    except requests.RequestException as error:
        return Answer(sent, time.monotonic(), 0, "", "", 0.0, str(error))
    deployment = answer.headers.get("azureml-model-deployment", "")
    if answer.status_code != requests.codes.ok:
        status, text = answer.status_code, answer.text
        return Answer(sent, time.monotonic(), status, deployment, "", 0.0, text)
    found = answer.json()
    return Answer(
        sent,
        time.monotonic(),
        200,
        deployment,
        found["model"]["version"],
        found["probability"][0],
    )


def _look(control: Control, endpoint: str) -> Sight:
    deployments = control.status()["endpoints"][endpoint]["deployments"]
    return Sight(
        at=time.monotonic(),
        live={
            name: facts["traffic_percent"]
            for name, facts in deployments.items()
            if facts["traffic_percent"]
        },
        states={name: facts["state"] for name, facts in deployments.items()},
        answering={
            name: any(instance["state"] == "ready" for instance in facts["instances"])
            for name, facts in deployments.items()
        },
    )


def right(answer: Answer) -> bool:
    """Tells whether an answer is the forecast of the reading by a sound package."""
    return abs(answer.probability - SAMPLE_FORECAST) < 1e-9
