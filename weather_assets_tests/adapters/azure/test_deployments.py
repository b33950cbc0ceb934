"""A deployment is put as the SDK would put it."""

from typing import Any

from weather_assets.adapters.azure.client import azure_ml
from weather_assets.adapters.azure.deployments import deployment_document
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.scoring.package import SCRIPT_FILE

ASSETS = {"model": "/models/m", "environment": "/environments/e", "code": "/codes/c"}
SETTINGS = AzureSettings(instance_count=3, request_timeout_ms=2500, max_concurrent_requests=7)
SAYS_NOTHING: tuple[object, ...] = (None, {}, False)


def test_the_document_is_the_sdks() -> None:
    entities, tags = azure_ml().entities, {"a": "b"}
    deployment = entities.ManagedOnlineDeployment(
        name="blue",
        endpoint_name=SETTINGS.endpoint,
        model=ASSETS["model"],
        environment=ASSETS["environment"],
        code_configuration=entities.CodeConfiguration(
            code=ASSETS["code"], scoring_script=SCRIPT_FILE
        ),
        instance_type=SETTINGS.instance_type,
        instance_count=SETTINGS.instance_count,
        request_settings=entities.OnlineRequestSettings(
            request_timeout_ms=SETTINGS.request_timeout_ms,
            max_concurrent_requests_per_instance=SETTINGS.max_concurrent_requests,
        ),
        tags=tags,
    )
    sdks: dict[str, Any] = deployment._to_rest_object(location="here").as_dict()
    for name in [name for name, value in sdks["properties"].items() if value in SAYS_NOTHING]:
        del sdks["properties"][name]
    assert deployment_document(SETTINGS, "here", ASSETS, tags) == sdks
