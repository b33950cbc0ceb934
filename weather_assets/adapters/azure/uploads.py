"""Files in the default datastore of a workspace, where models and code are registered from.

Belongs here: bringing a folder there. Does not belong here: registering what lies there
(`deployments`).

The SDK uploads too, but through clients of its own that read proxy and certificates from the
process's environment and cannot be given either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import TokenCredential


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A folder in a datastore."""

    datastore_uri: str
    """As models are registered from it: azureml://datastores/NAME/paths/PATH."""
    blob_uri: str
    """As code is registered from it."""


def upload(
    client: "MLClient",
    credential: "TokenCredential",
    options: Mapping[str, Any],
    place: str,
    files: Mapping[str, Path],
) -> Uploaded:
    """Uploads files; one that is there is replaced by its equal.

    Args:
        client: of the workspace.
        credential: opens a datastore that gives out no secret.
        options: limits and transport, as azure-core takes them.
        place: folder in the datastore, named by content.
        files: by the name that each gets there.

    Raises:
        AzureError: the service cannot be asked, or refuses.
    """
    store = _default_datastore(client)
    opened_by = store.credentials
    secret = getattr(opened_by, "sas_token", None) or getattr(opened_by, "account_key", None)
    account = f"{store.protocol}://{store.account_name}.blob.{store.endpoint}"
    with ContainerClient(
        account, store.container_name, credential=secret or credential, **options
    ) as container:
        for name, file in files.items():
            with file.open("rb") as content:
                container.upload_blob(f"{place}/{name}", content, overwrite=True)
    return Uploaded(
        f"azureml://datastores/{store.name}/paths/{place}",
        f"{account}/{store.container_name}/{place}",
    )


def _default_datastore(client: "MLClient") -> Any:
    try:
        return client.datastores.get_default(include_secrets=True)
    except HttpResponseError as error:
        if error.status_code != HTTPStatus.FORBIDDEN:
            raise
    return client.datastores.get_default()  # for an identity that may write, and sees no secret
