"""Registered models, code and environments: what deployments refer to.

Belongs here: finding them by the ids that clients use, and fetching their files. Does not belong
here: registering them (`arm.assets`).
"""

import re
from pathlib import Path
from typing import Any

from weather_assets.local_azure.azure.errors import bad_request
from weather_assets.local_azure.azure.state import Store
from weather_assets.local_azure.storage.blob_store import BlobStore

DEFAULT_CONTAINER = "azureml-blobstore-local"
"""Container of the datastore workspaceblobstore."""
_VERSION_ID = re.compile(
    r"(?:azureml:)?/subscriptions/.+/workspaces/(?P<workspace>[^/]+)"
    r"/(?P<kind>models|codes|environments)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)/?",
    re.IGNORECASE,
)
_DATASTORE_URI = re.compile(r"azureml://.*?datastores/(?P<store>[^/]+)/paths/(?P<path>.+)")
_BLOB_URI = re.compile(
    r"https://[^/]+\.blob\.core\.windows\.net/(?P<container>[^/?]+)/?(?P<path>[^?]*)"
)


class Assets:
    """What is registered in all workspaces."""

    def __init__(self, store: Store, blobs: BlobStore) -> None:
        """Reads registrations from `store` and files from `blobs`."""
        self._store, self._blobs = store, blobs

    def find(self, kind: str, identity: str) -> tuple[str, str, dict[str, Any]]:
        """Finds a registered version by its id.

        Args:
            kind: `models`, `codes` or `environments`.
            identity: its Azure Resource Manager id, with or without the prefix `azureml:`.

        Returns:
            Its name, version, and `properties`.

        Raises:
            ServiceError: 400, if it is no such id or not registered.
        """
        found = _VERSION_ID.fullmatch(identity)
        if found is None or found["kind"].lower() != kind:
            raise bad_request(
                f"{identity!r} is not the id of a version in {kind} of this workspace; Local Azure "
                "has no registries."
            )
        document = self._store.get(
            kind, f"{found['workspace'].lower()}/{found['name']}/{found['version']}"
        )
        if document is None:
            raise bad_request(
                f"Version {found['version']} of {found['name']!r} is not registered in {kind} of "
                f"workspace {found['workspace']!r}."
            )
        return found["name"], found["version"], document["properties"]

    def fetch_model(self, uri: str, target: Path) -> int:
        """Copies a model into `target`: the registered folder or file itself, as Azure mounts it.

        Returns:
            The number of files.

        Raises:
            ValueError: if the address is none that Local Azure knows.
        """
        container, path = locate(uri)
        return self._blobs.download(container, path, target)

    def fetch_code(self, uri: str, target: Path) -> int:
        """Copies a code version into `target`: what is in the uploaded folder, not the folder.

        Returns:
            The number of files.

        Raises:
            ValueError: if the address is none that Local Azure knows.
        """
        container, path = locate(uri)
        count = self._blobs.download(container, path, target, keep_folder=False)
        # Other tools upload to the root of the container and name a folder that is not there.
        return count or self._blobs.download(container, "", target)


def locate(uri: str) -> tuple[str, str]:
    """Returns container and path of an address in the storage account.

    Raises:
        ValueError: if the address is none that Local Azure knows.
    """
    datastore = _DATASTORE_URI.fullmatch(uri)
    if datastore is not None:
        if datastore["store"] != "workspaceblobstore":
            raise ValueError(f"{uri!r}: Local Azure has the datastore workspaceblobstore only")
        return DEFAULT_CONTAINER, datastore["path"]
    blob = _BLOB_URI.fullmatch(uri)
    if blob is None:
        raise ValueError(f"{uri!r} is neither azureml://.../datastores/... nor a blob's address")
    return blob["container"], blob["path"]
