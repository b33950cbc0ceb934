"""When an asset is made by itself: it is desired, and what it was made of is no longer the newest.

Belongs here: the automation condition of the assets, and the sensors that evaluate it. Does not
belong here: the decision (`reconciliation`), the facts (`recorded_facts`), what an asset does.

Conditions compare states, not events. Measured with Dagster 1.13: an update that lands on the tick
right after a request is lost by every stock condition; compared as states it cannot be.
"""

import warnings
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import reduce
from operator import and_
from typing import Any, TypedDict
from weakref import WeakKeyDictionary

import dagster as dg

from weather_assets.defs.endings import keep_ending
from weather_assets.defs.recorded_facts import read_graph
from weather_assets.defs.retraining import with_terms
from weather_assets.defs.run_tags import ASKED_BY, CODE
from weather_assets.reconciliation.decision import Decision, Step
from weather_assets.reconciliation.patience import HOW_TO_CLOSE
from weather_assets.reconciliation.plan import plan

ROLLOUT = dg.AssetSelection.assets(
    "candidate_deployment", "shadow_traffic", "canary_traffic", "live_deployment"
)
_ASPECTS = {
    Step.UP_TO_DATE: ("has_something_new", "an input or its code is newer"),
    Step.WAITS: ("is_due", "new rows are reason enough, by WEATHER_ASSETS_RETRAIN_*"),
    Step.HELD: ("is_not_held", "nothing makes it or an input just now, and its inputs are sound"),
    Step.PAUSE: ("is_not_pausing", "no pause after a failure that may heal"),
    Step.REST: (
        "was_not_given_up",
        "the same input did not fail for good, and nobody cancelled it",
    ),
    Step.OPEN: ("breaker_is_closed", f"not too many failures in a row; {HOW_TO_CLOSE}"),
}
"""What must not be decided of an asset, and how the UI calls that it is not."""
_plans: "WeakKeyDictionary[Any, Mapping[str, Decision]]" = WeakKeyDictionary()
"""The plan of each evaluation: all assets of a tick are decided about by one look at the log."""


class Aspect(dg.AutomationCondition[dg.AssetKey]):
    """One aspect of the decision about an asset, so that the UI shows which one holds it back."""

    def __init__(self, step: Step) -> None:
        """Holds wherever something else is decided.

        Args:
            step: the decision that this one is about.
        """
        self._step = step

    @property
    def name(self) -> str:
        """How the UI calls the condition."""
        return _ASPECTS[self._step][0]

    @property
    def description(self) -> str:
        """When it holds."""
        return _ASPECTS[self._step][1]

    def evaluate(
        self, context: dg.AutomationContext[dg.AssetKey]
    ) -> dg.AutomationResult[dg.AssetKey]:
        """Looks up what is decided about the asset."""
        decision = _plan_of(context)[context.key.to_user_string()]
        holds = decision.step is not self._step
        if not holds and self._step not in (Step.UP_TO_DATE, Step.HELD):
            context.log.info("%s: %s", context.key.to_user_string(), decision.sentence)
        subset = context.candidate_subset if holds else context.get_empty_subset()
        return dg.AutomationResult(context, true_subset=subset)


def _plan_of(context: dg.AutomationContext[dg.AssetKey]) -> Mapping[str, Decision]:
    view = context.asset_graph_view
    if view not in _plans:
        facts = with_terms(read_graph(view.instance, context.asset_graph), view.instance)
        _plans[view] = plan(facts, context.evaluation_time.timestamp())
    return _plans[view]


def follows_its_inputs() -> dg.AutomationCondition[dg.AssetKey]:
    """Returns the condition of every asset below `raw_weather`: it is decided to make it."""
    first, *others = (Aspect(step) for step in _ASPECTS)
    return reduce(and_, others[1:], first & others[0]).with_label("follows_its_inputs")


class Tried(TypedDict):
    """What a step needs so that it can be tried again; arguments of `dg.asset`."""

    hooks: AbstractSet[dg.HookDefinition]
    op_tags: Mapping[str, str]
    pool: str


class Desired(Tried):
    """What makes an asset desired for itself; arguments of `dg.asset`."""

    code_version: str
    automation_condition: dg.AutomationCondition[dg.AssetKey]


def tried(code_version: str, pool: str) -> Tried:
    """Returns what makes a step one that can be tried again.

    Args:
        code_version: of what it runs.
        pool: what it writes, of `pools`.
    """
    return {"hooks": {keep_ending}, "op_tags": {CODE: code_version}, "pool": pool}


def desired(code_version: str, pool: str) -> Desired:
    """Returns what makes an asset desired for itself; as `tried`."""
    return {
        **tried(code_version, pool),
        "code_version": code_version,
        "automation_condition": follows_its_inputs(),
    }


def automation_sensors() -> list[dg.AutomationConditionSensorDefinition]:
    """Returns the sensors that evaluate the conditions: of the models, and of the rollout.

    A sensor makes one run of all that it makes on a tick.
    """
    return [
        _sensor(
            "continuous_training_sensor",
            dg.AssetSelection.all() - ROLLOUT,
            "Makes what is downstream of new data, up to the scoring package. An asset's "
            "Automation tab and the log of a tick say why it was or was not requested.",
        ),
        _sensor(
            "rollout_sensor",
            ROLLOUT,
            "Rolls out what is packaged and not served. A run of its own, since it takes an hour.",
        ),
    ]


def _sensor(
    name: str, target: dg.AssetSelection, description: str
) -> dg.AutomationConditionSensorDefinition:
    with warnings.catch_warnings():
        # A condition of our own needs the code server; the parameter is documented, and beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.AutomationConditionSensorDefinition(
            name=name,
            target=target,
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=5,
            run_tags={ASKED_BY: name},
            use_user_code_server=True,
            description=description,
        )
