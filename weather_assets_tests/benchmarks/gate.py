"""How often challengers that are no better, or worse, are promoted: the gate and a naive one.

Belongs here: which retrainings are simulated, and which rates must hold. Does not belong here: how
one is simulated and judged (`weather_assets_tests.verification.simulated_retrainings`).
"""

from collections.abc import Iterator

from weather_assets.verification.claims import Criteria
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.verification.simulated_retrainings import (
    World,
    has_lower_score,
    look_again,
    passes,
    walk_downhill,
)

MARGIN = Criteria().margin
WORLDS = {
    f"{days} days{words}": World(days, front)
    for front, words in ((0.0, ""), (0.6, " in fronts"))
    for days in (60, 120, 365)
}
LOSSES = (0.0, 0.01, 0.02, MARGIN, 2 * MARGIN)
STEP_LOSSES = (0.01, 0.02)
HISTORIES, CHAINS = 100, 50
INDEPENDENT, IN_FRONTS, TWICE = 0.07, 0.13, 0.02
"""Share of retrainings, each look counted, in which a challenger that is worse by the margin may be
promoted: where days are independent, where they are not; and one worse by twice the margin."""


def measure(workplace: Workplace) -> BenchmarkResult:
    """Simulates a thousand retrainings of every kind, and chains of twenty challengers."""
    measurements: list[Measurement] = []
    requirements: list[Requirement] = []
    for name, world in WORLDS.items():
        workplace.say(f"a test window of {name}")
        for loss in LOSSES:
            found = look_again(world, loss, histories=HISTORIES)
            shares = {
                "gate": found.gate,
                "naive": found.naive,
                "gate, 10 looks": found.gate_ever,
                "naive, 10 looks": found.naive_ever,
            }
            subject = f"{name}, loss {loss:.2f}"
            measurements += [
                Measurement(subject, quantity, 100 * share, "%")
                for quantity, share in shares.items()
            ]
            if loss >= MARGIN:
                allowed = IN_FRONTS if world.front else INDEPENDENT
                bound = allowed if loss == MARGIN else TWICE
                claim = f"share of {found.retrainings} retrainings promoted: {subject}"
                requirements.append(Requirement(claim, found.gate, bound, "at most"))
        if world.front:
            measurements += _chains(name, world)
    return BenchmarkResult(
        tuple(measurements),
        tuple(requirements),
        (
            "naive: the candidate's Brier score is lower than the champion's",
            "10 looks: promoted at one of ten verdicts, a week apart, on overlapping test windows",
            "in fronts: losses of neighbouring days are correlated by about 0.2",
            f"chains: skill lost by the champion after 20 challengers, mean of {CHAINS}",
        ),
    )


def _chains(name: str, world: World) -> Iterator[Measurement]:
    for loss in STEP_LOSSES:
        subject = f"{name}, 20 losses of {loss:.2f}"
        for words, rule in (("gate", passes), ("naive", has_lower_score)):
            lost = walk_downhill(world, loss, rule, histories=CHAINS)
            yield Measurement(subject, f"{words}, skill lost", lost)
