"""The tags that runs and steps carry for `recorded_facts` to find.

Belongs here: their names. Does not belong here: who writes them, or what follows from them.
"""

ENDED = "weather_assets/ended"
"""On a run that failed: `transient` or `permanent`, by `endings`; `killed` where its process died.
One that failed without the tag counts as killed."""
ASKED_BY = "weather_assets/asked_by"
"""On a run: the sensor that asked for it; a run without it was started by hand."""
CODE = "weather_assets/code"
"""On a step: the code version of the asset that it makes."""
PARENT_RUN = "dagster/parent_run_id"
"""On a run that a person started again out of another one, which has all the other one's tags."""
