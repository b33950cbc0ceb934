"""Settings of rank containers: what is refused, and what the environment says."""

import pytest

from weather_assets.adapters.containers.settings import ContainerSettings
from weather_assets.adapters.settings.concerns import CONTAINERS
from weather_assets.foundation.settings import SettingError


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "WEATHER_ASSETS_RANK_IMAGE": "trainer:1",
        "WEATHER_ASSETS_RANK_PYTHON": "/usr/bin/python3",
        "WEATHER_ASSETS_RANK_NETWORK": "ranks",
        "WEATHER_ASSETS_RANK_DATA_VOLUME": "data",
        "WEATHER_ASSETS_RANK_USER": "1000:1000",
        "WEATHER_ASSETS_RANK_CPUS": "1.5",
        "WEATHER_ASSETS_RANK_MEMORY": "512m",
        "WEATHER_ASSETS_RANK_GPUS": "0, 1",
        "OTHER": "not read",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert CONTAINERS.read() == ContainerSettings(
        image="trainer:1",
        python="/usr/bin/python3",
        network="ranks",
        data_volume="data",
        user="1000:1000",
        cpus=1.5,
        memory="512m",
        gpus=("0", "1"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", " "),
        ("python", "python3"),
        ("memory", "4 GB"),
        ("memory", "0"),
        ("user", "a:b:c"),
        ("gpus", ("0", "0")),
        ("gpus", ("",)),
        ("cpus", 0.0),
        ("cpus", float("nan")),
        ("engine_timeout_seconds", 0.0),
        ("engine_patience_seconds", -1.0),
    ],
)
def test_settings_that_cannot_work_are_refused(name: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"^{name} is "):
        ContainerSettings(**{name: value})  # type: ignore[arg-type]
