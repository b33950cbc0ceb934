"""Workspace and datastore, as Azure Resource Manager shows them.

Belongs here: the resources that the simulator comes with. Does not belong here: what callers
create.
"""

from typing import Any

from weather_assets.local_azure.azure.errors import not_found
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.storage.assets import DEFAULT_CONTAINER
from weather_assets.local_azure.storage.blob_store import BlobStore

DATASTORE = "workspaceblobstore"
_EPOCH = "2024-01-01T00:00:00.000Z"


def system_data(created: str = _EPOCH, modified: str = _EPOCH) -> dict[str, Any]:
    """Returns who made and changed a resource, and when."""
    return {
        "createdBy": "Local Azure",
        "createdByType": "Application",
        "createdAt": created,
        "lastModifiedBy": "Local Azure",
        "lastModifiedByType": "Application",
        "lastModifiedAt": modified,
    }


def workspace_id(settings: Settings, workspace: str) -> str:
    """Returns the id of a workspace."""
    return (
        f"/subscriptions/{settings.subscription_id}/resourceGroups/{settings.resource_group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"
    )


def workspace_document(settings: Settings, workspace: str) -> dict[str, Any]:
    """Returns a workspace."""
    root = f"/subscriptions/{settings.subscription_id}/resourceGroups/{settings.resource_group}"
    storage = f"{root}/providers/Microsoft.Storage/storageAccounts/{settings.storage_account}"
    return {
        "id": workspace_id(settings, workspace),
        "name": workspace,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": settings.region,
        "kind": "Default",
        "tags": {},
        "identity": {"type": "SystemAssigned", "tenantId": settings.tenant_id},
        "sku": {"name": "Basic", "tier": "Basic"},
        "systemData": system_data(),
        "properties": {
            "friendlyName": workspace,
            "description": "A workspace of Local Azure",
            "storageAccount": storage,
            "workspaceId": settings.subscription_id,
            "tenantId": settings.tenant_id,
            "provisioningState": "Succeeded",
            "hbiWorkspace": False,
            "publicNetworkAccess": "Enabled",
            "mlFlowTrackingUri": "",
            "discoveryUrl": f"https://{settings.region}.api.azureml.ms/discovery",
        },
    }


def datastore_document(settings: Settings, workspace: str, name: str) -> dict[str, Any]:
    """Returns the datastore.

    Raises:
        ServiceError: 404, for another name.
    """
    if name != DATASTORE:
        message = f"No datastore {name!r}; Local Azure has {DATASTORE!r} only."
        raise not_found(message, "UserError")
    return {
        "id": f"{workspace_id(settings, workspace)}/datastores/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/datastores",
        "systemData": system_data(),
        "properties": {
            "datastoreType": "AzureBlob",
            "accountName": settings.storage_account,
            "containerName": DEFAULT_CONTAINER,
            "endpoint": "core.windows.net",
            "protocol": "https",
            "serviceDataAccessAuthIdentity": "None",
            "credentials": {"credentialsType": "Sas", "secrets": {"secretsType": "Sas"}},
            "isDefault": True,
            "description": None,
            "tags": {},
            "properties": {},
            "subscriptionId": settings.subscription_id,
            "resourceGroup": settings.resource_group,
        },
    }


def datastore_secrets(blobs: BlobStore) -> dict[str, Any]:
    """Returns a signature that grants access to the datastore's container."""
    return {"secretsType": "Sas", "sasToken": blobs.sign(DEFAULT_CONTAINER)}
