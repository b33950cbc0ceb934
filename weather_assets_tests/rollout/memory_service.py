"""An online endpoint in memory, on a virtual clock, as strict as Azure's.

Belongs here: the service's rules (shared notes on Azure, and `local_azure.rules`), operations that
take time and go on when their caller is gone, scorers of every kind, faults, and the invariant that
every test of a rollout must keep: once healthy deployments answered all live requests, they always
do. Does not belong here: any rule of a rollout.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from weather_assets.rollout.evidence import LiveCounts, ProbeSet, Reply
from weather_assets.rollout.service import (
    DeploymentFailed,
    OperationTimedOut,
    ServiceError,
    ServiceRefused,
    ServiceUnavailable,
)
from weather_assets.rollout.states import Deployment, Endpoint, Provisioning, Release


class Killed(BaseException):
    """The process of the controller is gone; no exception handler may stop this."""


class Clock:
    """Time that passes only where somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0.0
        self.now += timedelta(seconds=seconds)


@dataclass
class Scorer:
    """How the containers of one release behave."""

    probability: Callable[[Mapping[str, Any]], float] = lambda row: row["forecast"]
    seconds: float = 0.02
    status: int = 200
    answers_before_crash: int | None = None
    fails_from_share: int = 101
    """Percent of live requests from which on it fails."""
    starts: bool = True
    columns: tuple[str, ...] = ("forecast",)


@dataclass
class Slot:
    """One deployment, and what runs on it."""

    release: Release | None
    state: Provisioning
    run_id: str = ""
    serving: Release | None = None
    until: datetime | None = None
    then: Callable[[], None] | None = None
    requests: list[tuple[datetime, bool]] = field(default_factory=list[tuple[datetime, bool]])


class MemoryService:
    """Implements `rollout.service.EndpointService`."""

    def __init__(self, clock: Clock, scorers: Mapping[str, Scorer] | None = None) -> None:
        self.clock, self.scorers = clock, dict(scorers or {})
        self.exists, self.state = False, Provisioning.SUCCEEDED
        self.until: datetime | None = None
        self.then: Callable[[], None] | None = None
        self.shown: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self.live: dict[str, int] = {}
        self.mirror: dict[str, int] = {}
        self.slots: dict[str, Slot] = {}
        self.calls: list[str] = []
        self.kill_at: tuple[int, str] | None = None
        """Number of a changing call, and when in it: before, during or after."""
        self.changes = 0
        self.faults: dict[str, list[ServiceError]] = {}
        """By method, errors of its next calls; the call then does nothing."""
        self.before_call: Callable[[str], None] = lambda _name: None
        """What somebody else does meanwhile."""
        self.cores, self.cores_each = 16, 8
        self.was_full = False
        self.chance = random.Random(7)
        self.dead = False

    # What a rollout sees.

    @property
    def name(self) -> str:
        return "weather"

    @property
    def scoring_uri(self) -> str:
        return "https://weather.example/score" if self.exists else ""

    def observe(self) -> Endpoint | None:
        self._enter("observe")
        if not self.exists:
            return None
        deployments = tuple(
            Deployment(name, slot.state, slot.release, slot.run_id)
            for name, slot in sorted(self.slots.items())
        )
        live, mirror = self.shown
        return Endpoint(self.name, self.state, dict(live), dict(mirror), deployments)

    def create_endpoint(self) -> None:
        def create() -> None:
            if not self.exists:
                self.exists = True
                self._run_endpoint(Provisioning.CREATING, lambda: None)

        self._change("create_endpoint", create)

    def repair_endpoint(self) -> None:
        self._change(
            "repair_endpoint", lambda: self._run_endpoint(Provisioning.UPDATING, lambda: None)
        )

    def deploy(self, slot: str, release: Release) -> None:
        def deploy() -> None:
            self._refuse_unless(self.exists, "no endpoint")
            self._refuse_unless(self.state.settled, "the endpoint is busy")
            old = self.slots.get(slot)
            self._refuse_unless(old is None or old.state.settled, "the deployment is busy")
            others = sum(name != slot for name in self.slots)
            self._refuse_unless((others + 1) * self.cores_each <= self.cores, "OutOfQuota")
            each = old or Slot(None, Provisioning.CREATING)
            each.release, each.run_id = release, "run-1"
            each.state = Provisioning.UPDATING if old else Provisioning.CREATING
            self.slots[slot] = each
            each.until = self.clock() + timedelta(seconds=30)
            each.then = lambda: self._deployed(each, release)

        self._change(f"deploy {slot}", deploy)
        if self.slots[slot].state is not Provisioning.SUCCEEDED:
            raise DeploymentFailed("ResourceNotReady", slot=slot, log="Traceback: no score.py")

    def set_traffic(self, live: Mapping[str, int], mirror: Mapping[str, int]) -> None:
        def change() -> None:
            self._refuse_unless(self.exists, "no endpoint")
            self._refuse_unless(self.state.settled, "the endpoint is busy")
            self._refuse_unless(sum(live.values()) in {0, 100}, "sum")
            self._refuse_unless(len(mirror) <= 1, "one mirror")
            self._refuse_unless(all(0 < share <= 50 for share in mirror.values()), "mirror")
            self._refuse_unless(not live.keys() & mirror.keys(), "live and mirror")
            for name in (*live, *mirror):
                slot = self.slots.get(name)
                self._refuse_unless(slot is not None and slot.serving is not None, "never served")
            self.shown = (dict(live), dict(mirror))

            def settle() -> None:
                self.live, self.mirror = dict(live), dict(mirror)

            self._run_endpoint(Provisioning.UPDATING, settle)

        self._change(f"set_traffic {dict(live)} {dict(mirror)}", change)

    def delete_deployment(self, slot: str) -> None:
        def delete() -> None:
            each = self.slots.get(slot)
            if each is None:
                return
            self._refuse_unless(self.state.settled, "the endpoint is busy")
            self._refuse_unless(each.state.settled, "the deployment is busy")
            for shares in (*self.shown, self.live, self.mirror):
                self._refuse_unless(not shares.get(slot), "it has traffic")
            each.state = Provisioning.DELETING
            each.until = self.clock() + timedelta(seconds=5)
            each.then = lambda: self.slots.pop(slot, None) and None

        self._change(f"delete {slot}", delete)

    def ask(self, rows: Sequence[Mapping[str, object]], slot: str | None) -> Reply:
        self._enter("ask")
        name = slot or next(iter(self.chance.choices([*self.live], [*self.live.values()])), "")
        if slot is None:
            for copy, share in self.mirror.items():
                if self.chance.random() * 100 < share:
                    self._score(rows, copy)
        reply = self._score(rows, name)
        self.clock.sleep(reply.seconds)
        self._settle()
        return reply

    def live_counts(self, slot: str, since: datetime) -> LiveCounts | None:
        self._enter("live_counts")
        each = self.slots.get(slot)
        if each is None:
            return None
        told = [good for at, good in each.requests if at >= since]
        return LiveCounts(len(told), told.count(False))

    def logs(self, slot: str) -> str:
        self._enter("logs")
        return f"log of {slot}"

    def cores_needed(self) -> int | None:
        return self.cores_each

    def cores_available(self) -> int | None:
        return self.cores - self.cores_each * len(self.slots)

    # What others, and time, do to it.

    def place(
        self,
        slot: str,
        release: Release | None,
        state: Provisioning = Provisioning.SUCCEEDED,
        *,
        serving: bool = True,
    ) -> None:
        """Puts a deployment there; one that is on its way arrives after 20 seconds."""
        self.exists = True
        each = Slot(release, state, "run-0", serving=(release or STRANGER) if serving else None)
        self.slots[slot] = each
        if state.settled:
            return
        each.until = self.clock() + timedelta(seconds=20)
        if state is Provisioning.DELETING:
            each.then = lambda: self.slots.pop(slot, None) and None
        else:
            each.then = lambda: self._deployed(each, release or STRANGER)

    def give(self, live: Mapping[str, int], mirror: Mapping[str, int] | None = None) -> None:
        """Sets the traffic behind everybody's back."""
        self.live, self.mirror = dict(live), dict(mirror or {})
        self.shown = (dict(live), dict(mirror or {}))
        self._check()

    def fail(self, slot: str) -> None:
        """Has a deployment fail by itself, which is nobody's fault here."""
        self.slots[slot].state, self.was_full = Provisioning.FAILED, False

    def busy_endpoint(self, state: Provisioning) -> None:
        """Has somebody's operation on the endpoint run for 20 seconds."""
        self.exists, self.state = True, state
        if not state.settled:
            self.until, self.then = self.clock() + timedelta(seconds=20), lambda: None

    def standing(self) -> dict[str, object]:
        """Returns what must be the same however often a rollout was killed."""
        self.clock.sleep(3600)
        self._settle()
        return {
            "state": self.state,
            "live": dict(self.live),
            "mirror": dict(self.mirror),
            "slots": {name: (slot.state, slot.release) for name, slot in self.slots.items()},
        }

    def revive(self) -> None:
        """Lets a new process talk to it."""
        self.dead, self.kill_at = False, None

    @property
    def healthy_share(self) -> int:
        """Percent of live requests that are answered by a deployment that is well."""
        return sum(
            share
            for name, share in self.live.items()
            if name in self.slots and self.slots[name].state is Provisioning.SUCCEEDED
        )

    def _score(self, rows: Sequence[Mapping[str, Any]], name: str) -> Reply:
        each = self.slots.get(name)
        if each is None or each.serving is None:
            return Reply(404, 0.001, None, name, "NotFound")
        scorer = self.scorers.get(each.serving.identity, Scorer())
        status = scorer.status
        if scorer.answers_before_crash is not None:
            scorer.answers_before_crash -= 1
            status = 502 if scorer.answers_before_crash < 0 else status
        if self.live.get(name, 0) >= scorer.fails_from_share:
            status = 502
        if any(set(scorer.columns) - set(row) for row in rows):
            status = 424
        each.requests.append((self.clock(), status == 200))
        if status != 200:
            return Reply(status, scorer.seconds, None, name, "the container failed")
        return Reply(200, scorer.seconds, tuple(scorer.probability(row) for row in rows), name)

    def _deployed(self, each: Slot, release: Release) -> None:
        starts = self.scorers.get(release.identity, Scorer()).starts
        each.state = Provisioning.SUCCEEDED if starts else Provisioning.FAILED
        if starts:
            each.serving = release

    def _run_endpoint(self, state: Provisioning, then: Callable[[], None]) -> None:
        self.state, self.then = state, then
        self.until = self.clock() + timedelta(seconds=5)

    def _refuse_unless(self, condition: bool, why: str) -> None:
        if not condition:
            raise ServiceRefused(why)

    def _enter(self, name: str) -> None:
        if self.dead:
            raise Killed
        self.calls.append(name)
        self.before_call(name)
        self._settle()
        waiting = self.faults.get(name.split(maxsplit=1)[0])
        if waiting:
            raise waiting.pop(0)

    def _change(self, name: str, start: Callable[[], None]) -> None:
        """Runs an operation, and waits for its end."""
        self.changes += 1
        at = self.kill_at[1] if self.kill_at and self.kill_at[0] == self.changes else ""
        if at == "before":
            self._die()
        self._enter(name)
        start()
        if at == "during":
            self._die()
        for _ in range(100):
            self._settle()
            busy = not self.state.settled or any(
                not slot.state.settled for slot in self.slots.values()
            )
            if not busy:
                break
            self.clock.sleep(1)
        else:
            raise OperationTimedOut(name)
        if at == "after":
            self._die()

    def _die(self) -> None:
        self.dead = True
        raise Killed

    def _settle(self) -> None:
        """Ends what has had its time, in order, checking the invariant after each."""
        now = self.clock()
        if self.until is not None and self.until <= now:
            self.until, then, self.state = None, self.then, Provisioning.SUCCEEDED
            if then is not None:
                then()
            self._check()
        for slot in list(self.slots.values()):
            if slot.until is not None and slot.until <= now:
                slot.until, then = None, slot.then
                if then is not None:
                    then()
                self._check()
        self._check()

    def _check(self) -> None:
        full = self.healthy_share == 100
        assert full or not self.was_full, f"healthy live traffic fell: {self.live} {self.calls}"
        self.was_full = full


STRANGER = Release("?", "f" * 64, "f" * 64)


def release(number: int) -> Release:
    """Returns the release of a number."""
    return Release(str(number), f"{number:x}".rjust(64, "0")[::-1], "c" * 64)


def probe_set(rows: int = 300, seed: int = 3) -> ProbeSet:
    """Returns rows whose `forecast` is a good one of their outcome."""
    chance = random.Random(seed)
    forecasts = [1 / (1 + math.exp(-chance.gauss(-0.5, 1.6))) for _ in range(rows)]
    outcomes = tuple(int(chance.random() < forecast) for forecast in forecasts)
    return ProbeSet(
        tuple({"forecast": forecast} for forecast in forecasts), outcomes, sum(outcomes) / rows
    )


def unavailable(times: int) -> list[ServiceError]:
    """Returns errors of a service that is down for so many calls."""
    return [ServiceUnavailable("503") for _ in range(times)]
