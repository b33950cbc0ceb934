"""What is to be made now, for a whole graph of assets.

Belongs here: comparing what an asset was made of with what there is, and what holds it back. Does
not belong here: when something failed is tried again (`patience`).

States are compared, never events: whatever was lost on the way (a tick, a run, a daemon), the next
look at the same state comes to the same decision.
"""

import graphlib
from collections.abc import Mapping

from weather_assets.reconciliation.decision import Decision, Step
from weather_assets.reconciliation.facts import AssetFacts, Attempt, Made
from weather_assets.reconciliation.patience import patience

Graph = Mapping[str, AssetFacts]


def plan(graph: Graph, now: float) -> dict[str, Decision]:
    """Decides about every asset that is desired.

    Args:
        graph: the facts by key, of all assets that are inputs of any of them too.
        now: in seconds since the epoch.

    Returns:
        A decision for each asset that is desired; those to be made are one run for each line.
    """
    order = graphlib.TopologicalSorter({key: facts.inputs for key, facts in graph.items()})
    decisions: dict[str, Decision] = {}
    for key in order.static_order():
        if graph[key].is_desired:
            decisions[key] = _decide(graph, graph[key], decisions, now)
    return decisions


def news_for(graph: Graph, asset: AssetFacts) -> str:
    """Returns in words what an asset has not consumed yet; empty where it has consumed all."""
    made = asset.made
    if made is None:
        return "it was never made"
    if made.code_version != asset.code_version:
        return "its code has changed"
    if made.is_unproven:
        return "its checks were never evaluated"
    changed = [
        key
        for key in asset.inputs
        if (there := graph[key].made) is not None and made.consumed.get(key) != there.version
    ]
    return f"{' and '.join(changed)} changed" if changed else ""


def _decide(
    graph: Graph, asset: AssetFacts, decisions: Mapping[str, Decision], now: float
) -> Decision:
    """Decides about one asset, after its inputs."""
    made_before_it = [
        key
        for key in asset.inputs
        if key in decisions and decisions[key].step is Step.MAKE and graph[key].line == asset.line
    ]
    news = news_for(graph, asset)
    if not news and not made_before_it:
        return _settled(asset)
    hold = _hold(graph, asset, made_before_it)
    if hold:
        return Decision(Step.HELD, f"{news or 'an input is made anew'}, but {hold}")
    wait = _wait(asset, made_before_it, now)
    if wait:
        return Decision(Step.WAITS, f"{news or 'an input is made anew'}, but {wait}")
    if made_before_it:
        return Decision(Step.MAKE, f"follows {' and '.join(made_before_it)}")
    attempts = [each for each in asset.attempts if _is_about_this(graph, asset, each)]
    again = patience(attempts, now)
    if again.step is Step.MAKE:
        return Decision(Step.MAKE, "; ".join(filter(None, (news, again.sentence))))
    return Decision(again.step, f"{news}, but {again.sentence}")


def _settled(asset: AssetFacts) -> Decision:
    if asset.made is not None and asset.made.failed_checks:
        failed = " and ".join(asset.made.failed_checks)
        return Decision(Step.REST, f"it did not pass {failed}; new content or code makes it anew")
    return Decision(Step.UP_TO_DATE, "made of the newest versions of all its inputs")


def _wait(asset: AssetFacts, made_before_it: list[str], now: float) -> str:
    """Returns what the terms wait for; empty for what was never made, or has new code."""
    made = asset.made
    if asset.terms is None or made is None or made.code_version != asset.code_version:
        return ""
    return asset.terms.wait(now, inputs_follow=bool(made_before_it))


def _hold(graph: Graph, asset: AssetFacts, made_before_it: list[str]) -> str:
    """Returns what keeps an asset from being made now; empty where nothing does."""
    if asset.unfinished:
        return f"run {min(asset.unfinished)[:8]} is to make it"
    there = [graph[key] for key in asset.inputs if key not in made_before_it]
    holds = (_hold_by(graph, asset, each, made_before_it) for each in there)
    return next(filter(None, holds), "")


def _hold_by(graph: Graph, asset: AssetFacts, source: AssetFacts, made_before_it: list[str]) -> str:
    """Returns how an input that is not made by the same run holds an asset back."""
    made = source.made
    if made is None:
        return f"{source.key} was not made yet"
    # Another line may be busy all day; what it has finished is taken.
    awaited = source.unfinished if source.line == asset.line else source.unfinished & {made.run_id}
    if awaited:
        return f"run {min(awaited)[:8]} is making {source.key}"
    if made.failed_checks:
        return f"{source.key} did not pass {' and '.join(made.failed_checks)}"
    older = [
        key
        for key in source.inputs
        if key in asset.inputs and (key in made_before_it or not _is_of(made, graph[key].made, key))
    ]
    return f"{source.key} is not of the newest {older[0]}" if older else ""


def _is_of(made: Made, there: Made | None, key: str) -> bool:
    return there is None or made.consumed.get(key) == there.version


def _is_about_this(graph: Graph, asset: AssetFacts, attempt: Attempt) -> bool:
    """Tells whether an attempt was made with the inputs and the code that there are now."""
    if attempt.code_version not in (None, asset.code_version):
        return False
    if asset.made is not None and attempt.number < asset.made.number:
        return False
    inputs = [there for key in asset.inputs if (there := graph[key].made) is not None]
    return all(there.run_id == attempt.run_id or there.number < attempt.number for there in inputs)
