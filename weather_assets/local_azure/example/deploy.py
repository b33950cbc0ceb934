"""Deploys the model of this folder and asks it: a program for Azure ML, which knows no simulator.

It takes Azure's own variables, as `local-azure start` writes them.
"""

import os
import sys
from pathlib import Path

import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from azure.identity import DefaultAzureCredential

HERE = Path(__file__).parent
ENDPOINT = "multiplier"


def main() -> None:
    """Makes the endpoint, deploys, gives the deployment all traffic, and asks."""
    client = MLClient(
        DefaultAzureCredential(),
        os.environ["AZURE_SUBSCRIPTION_ID"],
        os.environ["AZURE_RESOURCE_GROUP"],
        os.environ["AZURE_WORKSPACE"],
    )
    endpoint = ManagedOnlineEndpoint(name=ENDPOINT, auth_mode="key")
    client.online_endpoints.begin_create_or_update(endpoint).result()
    deployment = ManagedOnlineDeployment(
        name="blue",
        endpoint_name=ENDPOINT,
        model=Model(name=ENDPOINT, version="1", path=str(HERE / "model")),
        environment=Environment(
            name=ENDPOINT,
            version="1",
            image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
            conda_file=str(HERE / "conda.yaml"),
        ),
        code_configuration=CodeConfiguration(code=str(HERE / "code"), scoring_script="score.py"),
        instance_type="Standard_DS3_v2",
        instance_count=1,
    )
    client.online_deployments.begin_create_or_update(deployment).result()
    endpoint = client.online_endpoints.get(ENDPOINT)
    endpoint.traffic = {"blue": 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    keys = client.online_endpoints.get_keys(ENDPOINT)
    answer = requests.post(
        str(endpoint.scoring_uri),
        json={"x": 21},
        headers={"Authorization": f"Bearer {vars(keys)['primary_key']}"},
        timeout=30,
    )
    sys.stdout.write(f"\n{answer.status_code} {answer.text}\n")


if __name__ == "__main__":
    main()
