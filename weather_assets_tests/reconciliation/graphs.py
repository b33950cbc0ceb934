"""A chain of assets as facts, for tests of the decisions about it.

Belongs here: making facts. Does not belong here: what is expected of them.
"""

from dataclasses import replace
from typing import Any

from weather_assets.reconciliation.facts import AssetFacts, Attempt, Ending, Made

NOW = 1_000_000.0


class Graph(dict[str, AssetFacts]):
    """raw -> rows -> candidate -> verdict (of candidate and rows) -> served, of another line."""

    def __init__(self) -> None:
        self.number = 0
        self["raw"] = AssetFacts("raw", is_desired=False)
        self["rows"] = AssetFacts("rows", ("raw",))
        self["candidate"] = AssetFacts("candidate", ("rows",))
        self["verdict"] = AssetFacts("verdict", ("candidate", "rows"))
        self["served"] = AssetFacts("served", ("verdict",), line="rollout")

    def settled(self) -> "Graph":
        """Makes everything once."""
        for key in self:
            self.make(key, "1")
        return self

    def make(self, key: str, version: str, *, run: str = "", **changes: Any) -> None:
        """Makes an asset of the newest versions of its inputs."""
        self.number += 1
        inputs = ((each, self[each].made) for each in self[key].inputs)
        consumed = {each: there.version for each, there in inputs if there is not None}
        made = Made(self.number, run or f"run-{self.number}", version, consumed)
        self[key] = replace(self[key], made=replace(made, **changes), attempts=())

    def fail(self, key: str, ending: Ending, *, seconds_ago: float = 0.0, **changes: Any) -> None:
        """Adds an attempt that did not make an asset."""
        self.number += 1
        attempt = Attempt(self.number, f"run-{self.number}", ending, NOW - seconds_ago)
        attempts = (*self[key].attempts, replace(attempt, **changes))
        self[key] = replace(self[key], attempts=attempts)
