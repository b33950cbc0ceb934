"""Models, environments and code versions, as Azure Resource Manager registers them.

Belongs here: registering and reading versions, and the upload that precedes code. Does not belong
here: what deployments do with them (`local_azure.assets`).

Versions of models and code are immutable: a PUT that changes what one points at is refused, and so
is a changed environment definition.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from weather_assets.local_azure.arm.workspace import system_data, workspace_id
from weather_assets.local_azure.azure.errors import not_found
from weather_assets.local_azure.azure.hosts import Hosts
from weather_assets.local_azure.azure.resources import now, part
from weather_assets.local_azure.azure.rules import check_immutable
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.azure.state import Store
from weather_assets.local_azure.storage.blob_store import BlobStore

_IMMUTABLE = {
    "models": ("modelUri",),
    "codes": ("codeUri",),
    "environments": ("condaFile", "image", "build"),
}


class AssetVersions:
    """Registered versions of one kind of asset in all workspaces."""

    def __init__(self, settings: Settings, store: Store, blobs: BlobStore) -> None:
        """Keeps registrations in `store`."""
        self._settings, self._store, self._blobs = settings, store, blobs

    def put(
        self, workspace: str, kind: str, name: str, version: str, body: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        """Registers a version; returns the HTTP status and the resource."""
        key = f"{workspace.lower()}/{name}/{version}"
        properties = part(body, "properties")
        old = self._store.get(kind, key)
        if old is not None:
            for field in _IMMUTABLE[kind]:
                check_immutable(
                    kind.removesuffix("s"), old["properties"].get(field), properties.get(field)
                )
        created = now() if old is None else old["created"]
        document = {"properties": properties, "created": created, "modified": now()}
        self._store.put(kind, key, document)
        return (201 if old is None else 200), self._resource(kind, key, document)

    def get(self, workspace: str, kind: str, name: str, version: str) -> dict[str, Any]:
        """Returns a version.

        Raises:
            ServiceError: 404, if it is not registered.
        """
        key = f"{workspace.lower()}/{name}/{version}"
        document = self._store.get(kind, key)
        if document is None:
            what = f"Version {version!r} of {name!r} is not registered in {kind}."
            raise not_found(what, "UserError")
        return self._resource(kind, key, document)

    def page(
        self, workspace: str, kind: str, name: str, query: Mapping[str, str]
    ) -> dict[str, Any]:
        """Returns the versions of a name, newest first, as a page."""
        found = [
            (key, document)
            for key, document in self._store.items(kind, f"{workspace.lower()}/{name}/")
            if _matches(document["properties"], query)
        ]
        found.sort(key=lambda item: item[1]["created"], reverse=True)
        if query.get("$top", "").isdigit():
            found = found[: int(query["$top"])]
        return {"value": [self._resource(kind, key, document) for key, document in found]}

    def container(self, workspace: str, kind: str, name: str) -> dict[str, Any]:
        """Returns the container of all versions of a name.

        Raises:
            ServiceError: 404, if no version is registered.
        """
        versions = self.page(workspace, kind, name, {})["value"]
        if not versions:
            raise not_found(f"{name!r} is not registered in {kind}.", "UserError")
        return self._container(workspace, kind, name, versions)

    def containers(self, workspace: str, kind: str) -> dict[str, Any]:
        """Returns the containers of all names, as a page."""
        keys = [key for key, _ in self._store.items(kind, f"{workspace.lower()}/")]
        names = sorted({key.split("/")[1] for key in keys})
        return {"value": [self.container(workspace, kind, name) for name in names]}

    def start_upload(self, hosts: Hosts) -> dict[str, Any]:
        """Returns where to upload code: a new container each time, so that none is ever stale."""
        container = str(uuid.uuid4())
        self._blobs.create_container(container)
        address = f"https://{hosts.storage}/{container}"
        storage = (
            f"/subscriptions/{self._settings.subscription_id}/resourceGroups/"
            f"{self._settings.resource_group}/providers/Microsoft.Storage/storageAccounts/"
            f"{self._settings.storage_account}"
        )
        return {
            "pendingUploadId": str(uuid.uuid4()),
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": address,
                "storageAccountArmId": storage,
                "credential": {
                    "credentialType": "SAS",
                    "sasUri": f"{address}?{self._blobs.sign(container)}",
                },
            },
        }

    def _resource(self, kind: str, key: str, document: dict[str, Any]) -> dict[str, Any]:
        workspace, name, version = key.split("/")
        properties: dict[str, Any] = {
            "tags": {},
            "properties": {},
            "isAnonymous": False,
            "isArchived": False,
            "provisioningState": "Succeeded",
            **{k: v for k, v in document["properties"].items() if v is not None},
        }
        if kind == "models":
            properties.setdefault("flavors", {})  # without it the SDK crashes
        if kind == "environments":
            properties.setdefault("osType", "Linux")
            properties["environmentType"] = "UserCreated"
        return {
            "id": f"{self._id(workspace, kind, name)}/versions/{version}",
            "name": version,
            "type": f"Microsoft.MachineLearningServices/workspaces/{kind}/versions",
            "systemData": system_data(document["created"], document["modified"]),
            "properties": properties,
        }

    def _container(
        self, workspace: str, kind: str, name: str, versions: list[dict[str, Any]]
    ) -> dict[str, Any]:
        numbers = [int(v["name"]) for v in versions if v["name"].isdigit()]
        return {
            "id": self._id(workspace, kind, name),
            "name": name,
            "type": f"Microsoft.MachineLearningServices/workspaces/{kind}",
            "systemData": versions[0]["systemData"],
            "properties": {
                "latestVersion": versions[0]["name"],
                "nextVersion": str(max(numbers, default=0) + 1),
                "isArchived": False,
                "provisioningState": "Succeeded",
                "tags": {},
                "properties": {},
            },
        }

    def _id(self, workspace: str, kind: str, name: str) -> str:
        actual = {known.lower(): known for known in self._settings.workspaces}
        return f"{workspace_id(self._settings, actual[workspace.lower()])}/{kind}/{name}"


def _matches(properties: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Returns whether a version fits the filter by content hash that code uploads use."""
    if "hash" not in query:
        return True
    own = part(properties, "properties")
    return own.get("hash_sha256") == query["hash"] and str(own.get("hash_version")) == query.get(
        "hashVersion", str(own.get("hash_version"))
    )
