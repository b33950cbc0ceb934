"""Who may write what at the same time: one run a pool.

Belongs here: the pools, by what is written, and which assets are made by one run. Does not belong
here: the limit (one, in `dagster.yaml`).

Pools are of whole runs (`concurrency.pools.granularity: run`): Dagster counts the runs that are in
progress, so a slot is free as soon as a run has ended, however it ended.
"""

from collections.abc import Collection

ROWS = "rows"
TRAINING = "training"
REGISTRY = "registry"
ENDPOINT = "endpoint"


def line_of(pools: Collection[str]) -> str:
    """Returns the line of an asset: those of one line are made by one run, in their order.

    A rollout bakes for an hour, and new rows must not wait for it: it is a line of its own.
    """
    return "rollout" if ENDPOINT in pools else "models"
