"""Settings of the endpoint: read from AZURE_* and ENDPOINT_* variables, and refused readably."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.settings.concerns import ENDPOINT
from weather_assets.foundation.settings import SettingError
from weather_assets.local_azure.azure import rules
from weather_assets.local_azure.azure.errors import ServiceError

WORKSPACE = {
    "AZURE_SUBSCRIPTION_ID": "s",
    "AZURE_RESOURCE_GROUP": "g",
    "AZURE_WORKSPACE": "w",
}


Environment = Callable[[Mapping[str, str]], AzureSettings]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Returns what reads the settings under some variables."""

    def under(variables: Mapping[str, str]) -> AzureSettings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return ENDPOINT.read()

    return under


def test_without_a_subscription_local_azure_serves(environment: Environment) -> None:
    found = environment({"AZURE_SUBSCRIPTION_ID": " ", "PATH": "/bin"})
    assert found == AzureSettings()
    assert found.is_local


def test_the_documented_variables_are_read(environment: Environment) -> None:
    found = environment({
        **WORKSPACE,
        "ENDPOINT_NAME": "rain-gauge",
        "ENDPOINT_AUTH_MODE": "aad_token",
        "ENDPOINT_INSTANCE_TYPE": "Standard_F4s_v2",
        "ENDPOINT_INSTANCE_COUNT": "3",
        "ENDPOINT_REQUEST_TIMEOUT_MS": "9000",
        "AZURE_CLIENT_SECRET": "never read",
    })  # fmt: skip
    assert not found.is_local
    assert (found.subscription_id, found.resource_group, found.workspace) == ("s", "g", "w")
    assert (found.endpoint, found.auth_mode) == ("rain-gauge", "aad_token")
    assert (found.instance_type, found.instance_count, found.request_timeout_ms) == (
        "Standard_F4s_v2", 3, 9000,
    )  # fmt: skip
    assert "never read" not in repr(found)


@pytest.mark.parametrize("missing", WORKSPACE)
def test_a_workspace_named_in_part_is_refused(missing: str, environment: Environment) -> None:
    given_variables = {name: value for name, value in WORKSPACE.items() if name != missing}
    with pytest.raises(SettingError, match=f"^{missing} must be set too"):
        environment(given_variables)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ENDPOINT_NAME", "1rain", "beginning with a letter"),
        ("ENDPOINT_NAME", "ab", "3 to 32"),
        ("ENDPOINT_NAME", "rain--gauge", "single dashes"),
        ("ENDPOINT_AUTH_MODE", "password", "key or aad_token"),
        ("ENDPOINT_INSTANCE_TYPE", "DS3", "Standard_DS3_v2"),
        ("ENDPOINT_INSTANCE_COUNT", "0", "1 to 50"),
        ("ENDPOINT_INSTANCE_COUNT", "two", "a whole number"),
        ("ENDPOINT_REQUEST_TIMEOUT_MS", "180001", "1 to 180000"),
        ("ENDPOINT_MAX_CONCURRENT_REQUESTS", "0", "1 to 1000"),
        ("ENDPOINT_BASE_IMAGE", "mcr.microsoft.com/azureml/x", "a tag or a digest"),
    ],
)
def test_what_cannot_work_is_refused_with_its_variable(
    variable: str, value: str, said: str, environment: Environment
) -> None:
    with pytest.raises(SettingError) as caught:
        environment({variable: value})
    assert str(caught.value).startswith(f"{variable} is ")
    assert said in str(caught.value)
    assert value in str(caught.value)


@given(st.text(alphabet="ab1-_ ", max_size=34))
@settings(max_examples=100, deadline=None)
def test_endpoint_names_are_refused_as_the_service_does(name: str) -> None:
    try:
        rules.check_name("endpoint", name)
        taken = True
    except ServiceError:
        taken = False
    try:
        AzureSettings(endpoint=name)
        allowed = True
    except SettingError:
        allowed = False
    assert allowed == taken


def test_another_machine_is_another_configuration_and_another_endpoint_is_not() -> None:
    settings_ = AzureSettings()
    assert replace(settings_, endpoint="rain-gauge").configuration == settings_.configuration
    assert replace(settings_, instance_count=2).configuration != settings_.configuration
    assert replace(settings_, request_timeout_ms=1).configuration != settings_.configuration


def test_cores_are_counted_as_azure_does() -> None:
    assert AzureSettings().cores_per_deployment == 8  # ceil(1.2) machines of four cores
    assert AzureSettings(instance_count=5).cores_per_deployment == 24
    assert AzureSettings(instance_type="Standard_New_v9").cores_per_deployment is None
    assert AzureSettings(instance_type="standard_DS3_v2".replace("s", "S", 1)).family == (
        "standardDSv2Family"
    )
