"""What the guard learns from its environment."""

import pytest

from weather_assets.engine_guard.settings import SettingsError, Stack
from weather_assets_tests.engine_guard.stack import STACK

VARIABLES = {
    "ENGINE_GUARD_STACK": "guard-test",
    "ENGINE_GUARD_RUN_IMAGE": "guard-test-platform:latest",
    "ENGINE_GUARD_RANK_IMAGE": "guard-test-pytorch:latest",
    "ENGINE_GUARD_NETWORKS": "guard-test_platform, guard-test_engine",
    "ENGINE_GUARD_VOLUMES": "guard-test_data:/data,guard-test_raw:/data/raw:ro",
}


def test_a_stack_is_read() -> None:
    assert Stack.from_environment(VARIABLES) == STACK


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STACK", ""),
        ("STACK", "a b"),
        ("RUN_IMAGE", "guard-test-platform"),
        ("RANK_IMAGE", "../x:latest"),
        ("NETWORKS", ""),
        ("NETWORKS", "platform,"),
        ("NETWORKS", "container:x"),
        ("VOLUMES", ""),
        ("VOLUMES", "/:/host"),
        ("VOLUMES", "data:/data,/etc:/host:ro"),
        ("VOLUMES", "data"),
        ("VOLUMES", "data:data"),
        ("VOLUMES", "data:/data:rw"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"ENGINE_GUARD_{name} = .* must be "):
        Stack.from_environment({**VARIABLES, f"ENGINE_GUARD_{name}": value})
