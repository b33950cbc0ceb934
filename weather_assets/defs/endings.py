"""What a failed step says of itself: may the same go well another time?

Belongs here: the hook of every asset, which keeps the answer on the run. Does not belong here: how
the answer is found (`foundation.healing`), or what follows from it (`reconciliation.patience`).
"""

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from weather_assets.defs.run_tags import ENDED
from weather_assets.foundation.healing import may_heal
from weather_assets.reconciliation.facts import Ending


@dg.failure_hook(name="keep_ending")
def keep_ending(context: dg.HookContext) -> None:
    """Tags the run of a failed step as transient or permanent."""
    error = context.op_exception
    if error is None or isinstance(error, DagsterExecutionInterruptedError):
        return  # ended from outside: it says nothing of the step
    ending = Ending.TRANSIENT if may_heal(error) else Ending.PERMANENT
    context.instance.add_run_tags(context.run_id, {ENDED: str(ending)})
    context.log.info(
        "this may go well another time: it is tried again after a pause"
        if ending is Ending.TRANSIENT
        else "the same would fail again: only new content or code, or a hand, starts another try"
    )
