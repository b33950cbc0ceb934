"""Published limits, and cores counted as Azure counts them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.foundation.azure_limits import (
    MAX_DEPLOYMENTS,
    MAX_ENDPOINTS,
    MAX_INSTANCES,
    cores_needed,
)


def test_limits_are_those_of_the_documentation() -> None:
    assert (MAX_DEPLOYMENTS, MAX_ENDPOINTS, MAX_INSTANCES) == (20, 100, 50)


@pytest.mark.parametrize(
    ("cores", "instances", "needed"),
    # By hand: ceil(1.2 x instances) x cores.
    [(4, 1, 8), (4, 2, 12), (4, 5, 24), (4, 6, 32), (2, 10, 24), (16, 50, 960)],
)
def test_cores_counted_against_the_quota(cores: int, instances: int, needed: int) -> None:
    assert cores_needed(cores, instances) == needed


@given(cores=st.sampled_from([1, 2, 4, 8, 16]), instances=st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_quota_reserves_a_fifth_in_exact_arithmetic(cores: int, instances: int) -> None:
    assert cores_needed(cores, instances) == math.ceil(12 * instances / 10) * cores
