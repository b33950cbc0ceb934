"""How often live skill is called lost though it is not, and how soon where it is.

Belongs here: which services are simulated, and which rates must hold. Does not belong here: how one
is simulated and watched (`weather_assets_tests.monitoring.simulated_service`).
"""

from weather_assets_tests.benchmarks.measurements import (
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.monitoring.simulated_service import SETTINGS, serve
from weather_assets_tests.verification.simulated_retrainings import World

WORLDS = {"independent days": World(180, 0.0), "days in fronts": World(180, 0.6)}
LOSSES = (0.0, 0.1, 0.2, 0.3)
HISTORIES = 100
MOST_ALARMS = 0.63
"""Share of services that just keep the floor which may have a false alarm within the mean number of
weeks between two of them: 1 - 1 / e, as of events that come at random at that rate."""


def measure(workplace: Workplace) -> BenchmarkResult:
    """Simulates ten years of service at the floor, and three years of services that lose skill."""
    measurements: list[Measurement] = []
    requirements: list[Requirement] = []
    weeks = SETTINGS.false_alarm_weeks
    for name, world in WORLDS.items():
        workplace.say(name)
        kept = serve(world, 0.0, histories=HISTORIES, weeks=weeks, at_floor=True)
        claim = f"share of services with a false alarm in {weeks} weeks at the floor: {name}"
        requirements.append(Requirement(claim, kept.alarms, MOST_ALARMS, "at most"))
        for loss in LOSSES:
            found = serve(world, loss, histories=HISTORIES, weeks=156, at_floor=False)
            subject = f"{name}, loss {loss:.1f}"
            share = Measurement(subject, "alarm within 156 weeks", 100 * found.alarms, "%")
            measurements.append(share)
            if found.weeks is not None:
                measurements.append(Measurement(subject, "median weeks to it", found.weeks))
    return BenchmarkResult(
        tuple(measurements),
        tuple(requirements),
        (
            "the verdict before was reached on 180 days",
            "at the floor: the promise is just what the service keeps, so every alarm is false",
        ),
    )
