"""The instances that serve one deployment, and how a request gets one of them.

Belongs here: admission, the queue, choosing an instance, time-outs, and asking the container. Does
not belong here: choosing the deployment (`routing`, `dataplane`), or starting one (`provisioning`).

Limits: at most `2 x concurrency x instances` requests at a time, else 429; a request that waits for
an instance longer than the queue allows gets 429; one that takes longer than the time-out, 408.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from weather_assets.local_azure.azure.faults import FaultKind, Faults
from weather_assets.local_azure.serving.scorers import URL, Scorer

_NOT_PASSED = frozenset({
    "authorization", "connection", "content-length", "expect", "host", "keep-alive", "date",
    "proxy-authorization", "proxy-connection", "server", "te", "trailer", "transfer-encoding",
    "upgrade", "azureml-model-deployment",
})  # fmt: skip
_IDLE_CHECK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ScoringRequest:
    """What a client sent."""

    method: str
    path: str
    """Path and query, such as /score."""
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a deployment answers."""

    status: int
    body: bytes
    headers: dict[str, str]
    model_status: int | None = None
    """Status that the container answered; None: it did not."""
    instance: int | None = None
    """Process that answered."""


@dataclass(slots=True)
class Pool:
    """The serving instances of one deployment."""

    key: str
    """`endpoint/deployment`, in lower case."""
    name: str
    timeout_seconds: float
    queue_seconds: float
    concurrency: int
    """Requests at a time, an instance."""
    faults: Faults
    scorers: list[Scorer] = field(default_factory=list[Scorer])
    in_flight: int = 0
    """Requests that wait or are being answered."""
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def score(self, request: ScoringRequest) -> Answer:
        """Answers one request, within the limits of the deployment."""
        if self.in_flight >= 2 * self.concurrency * max(1, len(self.scorers)):
            return self._refused(429, "Too many pending requests; try again after a pause.")
        self.in_flight += 1
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await self._score(request)
        except TimeoutError:
            message = f"The request took longer than {1000 * self.timeout_seconds:g} ms."
            return self._refused(408, message)
        finally:
            self.in_flight -= 1

    async def idle(self, seconds: float) -> None:
        """Waits until no request is in flight, at most `seconds`."""
        deadline = time.monotonic() + seconds
        while self.in_flight and time.monotonic() < deadline:  # noqa: ASYNC110 - seldom
            await asyncio.sleep(_IDLE_CHECK_SECONDS)

    async def stop(self) -> None:
        """Ends all instances."""
        await asyncio.gather(*(scorer.stop() for scorer in self.scorers))

    async def _score(self, request: ScoringRequest) -> Answer:
        scorer = await self._take()
        if scorer is None:
            if any(scorer.ready.is_set() for scorer in self.scorers):
                return self._refused(429, "No instance got free in time; try again after a pause.")
            return self._failed(503, b"no instance of this deployment is ready", None)
        scorer.busy += 1
        try:
            return await self._ask(scorer, request)
        finally:
            scorer.busy -= 1
            self._freed.set()

    async def _take(self) -> Scorer | None:
        """Returns the ready instance with the fewest requests, once one has room."""
        deadline = time.monotonic() + self.queue_seconds
        while True:
            free = [s for s in self.scorers if s.ready.is_set() and s.busy < self.concurrency]
            if free:
                return min(free, key=lambda scorer: scorer.busy)
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                # An instance that gets ready sets no event: look again at least every 50 ms.
                await asyncio.wait_for(self._freed.wait(), min(left, _IDLE_CHECK_SECONDS))

    async def _ask(self, scorer: Scorer, request: ScoringRequest) -> Answer:
        slow = self.faults.strike(FaultKind.SLOW_SCORER, self.key)
        if slow is not None:
            await asyncio.sleep(slow.seconds)
        if self.faults.strike(FaultKind.SCORER_CRASH, self.key) is not None:
            scorer.kill()
            await scorer.ended.wait()
        broken = self.faults.strike(FaultKind.SCORER_ERROR, self.key)
        if broken is not None:
            return self._failed(broken.status, b"injected fault", scorer.pid)
        if scorer.http is None or scorer.http.closed:
            return self._failed(502, b"the container broke off: it has ended", scorer.pid)
        try:
            async with scorer.http.request(
                request.method,
                f"{URL}{request.path}",
                data=request.body,
                headers=_passed(request.headers),
                allow_redirects=False,
            ) as response:
                body, status = await response.read(), response.status
                headers = _passed(response.headers)
        except (aiohttp.ClientError, OSError) as error:
            return self._failed(502, f"the container broke off: {error}".encode(), scorer.pid)
        if status != 200:
            return self._failed(status, body, scorer.pid, headers)
        return Answer(200, body, headers, 200, scorer.pid)

    def _refused(self, status: int, message: str) -> Answer:
        return Answer(status, message.encode(), {"Content-Type": "text/plain; charset=utf-8"})

    def _failed(
        self, status: int, body: bytes, instance: int | None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Returns Azure's answer where the container answers anything but 200."""
        error = {
            "ms-azureml-model-error-statuscode": str(status),
            "ms-azureml-model-error-reason": "model_error",
        }
        return Answer(424, body, {**(headers or {}), **error}, status, instance)


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key.lower() not in _NOT_PASSED}
