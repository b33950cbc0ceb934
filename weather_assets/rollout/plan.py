"""Which step comes next: a pure function of what is observed and what is wanted.

Belongs here: `next_step` and its rules. Does not belong here: doing the step (`controller`), or
whether the candidate deserves it (`stage_verdict`).

Observe, `next_step`, apply: this loop ends in `Done` or `Refuse` from any state an endpoint can be
in, and may be killed and begun again anywhere, since nothing but the observation is carried over.

- The stable slot is the one, other than the candidate's, with the largest live share. It loses live
  traffic only to a candidate that has come to serve, and only the share that was asked for. Nothing
  deploys to, or removes, a deployment with live traffic while another could serve.
- No share of a deployment is raised unless it is Succeeded. The one exception is a rollback to the
  slot that serves already: whatever its last operation came to, it is better than the candidate.
- A stage may be asked for from the one before it. What is further along goes back to exactly what
  was asked. That a stage was passed cannot be read off traffic; `journal` remembers that.
- Only DEPLOYED deploys. A later stage whose candidate is gone refuses: another one may be there.
- Deployments that are not ours are never touched. While they have traffic, nothing is.

A rule below returns the step that it asks for, or None where it is content; the first one counts.
"""

from dataclasses import dataclass

from weather_assets.rollout.settings import RolloutSettings
from weather_assets.rollout.states import SLOTS, Deployment, Endpoint, Release, Stage, Traffic
from weather_assets.rollout.steps import (
    CreateEndpoint,
    DeleteDeployment,
    Deploy,
    Done,
    Refuse,
    RepairEndpoint,
    SetTraffic,
    Step,
    Wait,
)
from weather_assets.rollout.view import View


@dataclass(frozen=True, slots=True)
class Desired:
    """What shall be so.

    Attributes:
        release: the candidate.
        stage: how far it shall have come.
        immediate: whether LIVE may follow DEPLOYED directly, without shadow and canary.
        previous: identity of the release that this one took all traffic from; None where it took
            it from nobody, or where that is not known. Once the candidate has everything, nothing
            else tells the previous champion from a newer candidate that nobody has judged yet: only
            the former may get traffic back, and only the former is removed in the end.
    """

    release: Release
    stage: Stage
    immediate: bool = False
    previous: str | None = None


def next_step(observed: Endpoint | None, desired: Desired, settings: RolloutSettings) -> Step:
    """Returns the next step from what is observed towards what is desired.

    Args:
        observed: the endpoint as it is; None where the service says that there is none.
        desired: the candidate and how far it shall have come.
        settings: shares of mirror and canary.
    """
    if observed is None:
        return _without_endpoint(desired)
    view = View(observed, desired.release)
    untouchable = _busy_endpoint(observed) or _strangers(observed)
    if untouchable is not None:
        return untouchable
    if desired.stage is Stage.WITHDRAWN:
        return _withdrawn(view, desired)
    if view.candidate is None and desired.stage is not Stage.DEPLOYED:
        return _absent(view)  # before a repair: it may be somebody else's rollout by now
    if not observed.provisioning.healthy:
        return RepairEndpoint()
    return _forward(view, desired, settings)


def _forward(view: View, desired: Desired, settings: RolloutSettings) -> Step:
    stage, candidate = desired.stage, view.candidate
    if stage is Stage.DEPLOYED:
        return _repair_live(view) or _already_live(view) or _deployed(view, desired)
    if candidate is None:
        return _absent(view)
    unhealthy = _unhealthy(view, candidate)
    if stage is Stage.SETTLED:
        return unhealthy or _settled(view, candidate, desired)
    content = None if stage is Stage.LIVE else _already_live(view)
    return unhealthy or content or _traffic_of(view, candidate, desired, settings)


def _without_endpoint(desired: Desired) -> Step:
    if desired.stage is Stage.WITHDRAWN:
        return Done("There is no endpoint, so nothing to withdraw.")
    if desired.stage is Stage.DEPLOYED:
        return CreateEndpoint()
    return Refuse("There is no endpoint. Materialize candidate_deployment, which creates it.")


def _busy_endpoint(endpoint: Endpoint) -> Step | None:
    if endpoint.provisioning.settled:
        return None
    return Wait(f"endpoint {endpoint.name} is {endpoint.provisioning}")


def _strangers(endpoint: Endpoint) -> Step | None:
    shares = endpoint.shares
    for slot in sorted({*shares.live, *shares.mirror}):
        deployment = endpoint.deployment(slot)
        if slot not in SLOTS or deployment is None or deployment.release is None:
            return Refuse(
                f"Deployment {slot} has traffic ({shares}) and is none of weather_assets, so "
                f"nothing was touched. To hand endpoint {endpoint.name} over, set its traffic to 0 "
                "or remove it; or choose another ENDPOINT_NAME."
            )
    return None


def _busy(deployment: Deployment) -> Step | None:
    if deployment.provisioning.settled:
        return None
    return Wait(f"deployment {deployment.slot} is {deployment.provisioning}")


def _absent(view: View) -> Step:
    here = ", ".join(f"{each.release} on {each.slot}" for each in view.ours) or "nothing"
    return Refuse(
        f"Endpoint {view.endpoint.name} has no deployment of {view.release}; it has {here}. It was "
        "not deployed, was withdrawn, or another candidate took its place. Materialize "
        "candidate_deployment to deploy it."
    )


def _already_live(view: View) -> Step | None:
    if not view.is_live:
        return None
    if len(view.endpoint.shares.live) > 1 and view.candidate is not None:
        return _set_traffic(view, Traffic({view.candidate.slot: 100}, {}))
    return Done(f"All live requests are answered by {view.release} already.")


def _repair_live(view: View) -> Step | None:
    """Deploys a failed release in place where it has all traffic: nobody else could serve."""
    candidate = view.candidate
    if candidate is None or not view.is_live or candidate.provisioning.healthy:
        return None
    return _busy(candidate) or Deploy(candidate.slot, view.release)


def _unhealthy(view: View, candidate: Deployment) -> Step | None:
    """Takes a failed candidate out of the traffic, and asks for another deployment."""
    if candidate.provisioning.healthy:
        return None
    if candidate.provisioning.settled and view.stable is not None and view.has_traffic(candidate):
        return _set_traffic(view, view.resting)
    return _busy(candidate) or Refuse(
        f"Deployment {candidate.slot} of {view.release} is {candidate.provisioning}. Materialize "
        "candidate_deployment, which deploys it again."
    )


def _set_traffic(view: View, target: Traffic) -> Step:
    """Sets the traffic, unless that gave more to a deployment that is not known to be well."""
    for slot, share in target.live.items():
        deployment = view.endpoint.deployment(slot)
        if deployment is None or share <= view.endpoint.live_share(slot):
            continue
        if not deployment.provisioning.healthy:
            return _busy(deployment) or Refuse(
                f"Deployment {slot} is {deployment.provisioning}, so it is given no more traffic "
                f"than it has ({view.endpoint.shares}). Repair it, or set the traffic by hand."
            )
    return SetTraffic(target.live, target.mirror)


def _deployed(view: View, desired: Desired) -> Step:
    target = view.candidate or _slot_to_take(view, desired)
    if isinstance(target, Refuse):
        return target
    if view.endpoint.shares != view.resting:
        return _set_traffic(view, view.resting)
    if isinstance(target, str):
        return Deploy(target, view.release)
    if not target.serves(view.release) or not target.provisioning.healthy:
        return _busy(target) or DeleteDeployment(target.slot)
    serving = "no slot serves yet" if view.stable is None else f"{view.stable.slot} serves"
    return Done(f"Slot {target.slot} has {view.release} at 0 %; {serving}.")


def _slot_to_take(view: View, desired: Desired) -> str | Deployment | Refuse:
    """Returns the free slot, the deployment that has to leave one, or why there is none."""
    stable = view.stable
    rest = [slot for slot in SLOTS if stable is None or slot != stable.slot]
    empty = [slot for slot in rest if view.endpoint.deployment(slot) is None]
    if empty:
        return empty[0]
    taken = [each for each in view.ours if each.slot in rest]
    if not taken:
        return Refuse(
            f"Endpoint {view.endpoint.name} has no free slot: deployment {' and '.join(rest)} is "
            "none of weather_assets. Remove it, or choose another ENDPOINT_NAME."
        )
    # What failed goes before what could still serve, and that before the last champion.
    return min(
        taken,
        key=lambda each: (
            each.provisioning.healthy,
            each.release is not None and each.release.identity == desired.previous,
            each.slot,
        ),
    )


def _traffic_of(
    view: View, candidate: Deployment, desired: Desired, settings: RolloutSettings
) -> Step:
    """Reaches the traffic of SHADOW, CANARY or LIVE with a candidate that is well."""
    stable, stage = view.stable, desired.stage
    if stage is Stage.LIVE:
        target = Traffic({candidate.slot: 100}, {})
    elif stable is None:
        target = view.resting
    elif stage is Stage.CANARY:
        share = settings.canary_percent
        target = Traffic({stable.slot: 100 - share, candidate.slot: share}, {})
    else:
        target = Traffic({stable.slot: 100}, {candidate.slot: settings.mirror_percent})
    if view.endpoint.shares.live == target.live and (
        # A mirror beside a live release is somebody's newer candidate.
        stage is Stage.LIVE or view.endpoint.shares.mirror == target.mirror
    ):
        if stable is None and stage is not Stage.LIVE:
            return Done(
                "No slot serves yet: the candidate gets no traffic and answers probes only."
            )
        return Done(f"The traffic is {view.endpoint.shares}.")
    return _skipped(view, candidate, desired) or _set_traffic(view, target)


def _skipped(view: View, candidate: Deployment, desired: Desired) -> Step | None:
    """Refuses to skip a stage, as far as traffic can tell."""
    if view.stable is None:
        return None
    told = f"{view.release} on {candidate.slot}"
    if desired.stage is Stage.CANARY and not view.has_traffic(candidate):
        return Refuse(
            f"The shadow stage was skipped by {told} ({view.endpoint.shares}). Materialize "
            "shadow_traffic."
        )
    if desired.stage is Stage.LIVE and not (
        desired.immediate or view.endpoint.live_share(candidate.slot)
    ):
        return Refuse(
            f"The canary stage was skipped by {told} ({view.endpoint.shares}). Materialize "
            "canary_traffic, or launch azure_manual_deploy to go live without it."
        )
    return None


def _settled(view: View, candidate: Deployment, desired: Desired) -> Step:
    if view.endpoint.live_share(candidate.slot) != 100:
        return Refuse(
            f"Not all live requests are answered by {view.release} ({view.endpoint.shares}). "
            "Materialize live_deployment."
        )
    previous = view.previous(desired.previous)
    copies = [each for each in view.copies if each is not candidate]
    leaked = [
        each
        for each in view.endpoint.deployments
        if each.slot not in SLOTS and each.release is not None
    ]
    for each in (*copies, *([] if previous is None else [previous]), *leaked):
        if view.has_traffic(each):
            return SetTraffic({candidate.slot: 100}, {})
        return _busy(each) or DeleteDeployment(each.slot)
    return Done(f"All live requests are answered by {view.release} on {candidate.slot}.")


def _withdrawn(view: View, desired: Desired) -> Step:
    """Traffic first and in one step, whatever the deployments are doing; then the candidate."""
    for each in view.copies:
        if any(view.has_traffic(copy) for copy in view.copies):
            return _traffic_back(view, desired)
        broken = None if view.endpoint.provisioning.healthy else RepairEndpoint()
        return broken or _busy(each) or DeleteDeployment(each.slot)
    return Done(f"Endpoint {view.endpoint.name} has no deployment of {view.release}.")


def _traffic_back(view: View, desired: Desired) -> Step:
    if view.stable is not None or not view.is_live:
        return SetTraffic(view.resting.live, view.resting.mirror)
    previous = view.previous(desired.previous)
    if previous is None:
        return Refuse(
            f"All live requests are answered by {view.release}, and no slot is known that they "
            f"were taken from ({view.endpoint.shares}), so it keeps serving. Deploy another "
            "release with azure_manual_deploy."
        )
    return _set_traffic(view, Traffic({previous.slot: 100}, {}))
