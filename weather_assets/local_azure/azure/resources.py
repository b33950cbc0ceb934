"""Endpoints and deployments as the simulator keeps them.

Belongs here: their fields, how they are stored, and questions that one resource answers alone. Does
not belong here: their shape on the wire (`arm`), or running processes (`provisioning`).
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from weather_assets.foundation.azure_limits import cores_needed
from weather_assets.local_azure.azure.rules import machine
from weather_assets.local_azure.azure.state import Store


def now() -> str:
    """Returns the time as Azure writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def part(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Returns an object inside a JSON document; {} where it is absent or null."""
    found: dict[str, Any] | None = document.get(key)
    return found or {}


@dataclass(slots=True)
class Endpoint:
    """An online endpoint."""

    name: str
    workspace: str
    body: dict[str, Any]
    """The resource as last PUT: tags, location, identity, properties."""
    state: str = "Creating"
    traffic: dict[str, int] = field(default_factory=dict[str, int])
    """Percent of live traffic by deployment that requests follow, without zeros."""
    mirror: dict[str, int] = field(default_factory=dict[str, int])
    """Percent of mirrored traffic by deployment that requests follow, without zeros."""
    primary_key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    secondary_key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    created: str = field(default_factory=now)
    modified: str = field(default_factory=now)

    @property
    def key(self) -> str:
        """The endpoint's name in the store."""
        return self.name.lower()

    @property
    def auth_mode(self) -> str:
        """`key`, `amltoken` or `aadtoken`."""
        return str(self.body["properties"].get("authMode", "Key")).lower()


@dataclass(slots=True)
class Deployment:
    """A deployment of an online endpoint."""

    name: str
    endpoint: str
    workspace: str
    body: dict[str, Any]
    """The resource as last PUT: tags, location, sku, properties."""
    state: str = "Creating"
    generation: int = 0
    """Counts PUTs; names the folder that the processes of this PUT run in."""
    serving: dict[str, Any] | None = None
    """Body and generation that last came to serve; None: never."""
    created: str = field(default_factory=now)
    modified: str = field(default_factory=now)

    @property
    def key(self) -> str:
        """The deployment's name in the store."""
        return f"{self.endpoint.lower()}/{self.name.lower()}"

    @property
    def instances(self) -> int:
        """How many instances are asked for."""
        return self.body["sku"]["capacity"]

    @property
    def quota(self) -> tuple[str, int]:
        """VM family, and the cores that count against its quota."""
        size = machine(self.body["properties"]["instanceType"])
        return size.family, cores_needed(size.cores, self.instances)


class Resources:
    """All endpoints and deployments."""

    def __init__(self, store: Store) -> None:
        """Keeps them in `store`."""
        self._store = store

    def endpoint(self, name: str) -> Endpoint | None:
        """Returns an endpoint, or None."""
        document = self._store.get("endpoint", name.lower())
        return None if document is None else Endpoint(**document)

    def endpoints(self) -> Iterator[Endpoint]:
        """Yields all endpoints of the region, by name."""
        for _, document in self._store.items("endpoint"):
            yield Endpoint(**document)

    def deployment(self, endpoint: str, name: str) -> Deployment | None:
        """Returns a deployment, or None."""
        document = self._store.get("deployment", f"{endpoint}/{name}".lower())
        return None if document is None else Deployment(**document)

    def deployments(self, endpoint: str | None = None) -> Iterator[Deployment]:
        """Yields the deployments of an endpoint, or all, by name."""
        prefix = "" if endpoint is None else f"{endpoint.lower()}/"
        for _, document in self._store.items("deployment", prefix):
            yield Deployment(**document)

    def save(self, resource: Endpoint | Deployment) -> None:
        """Writes a resource."""
        self._store.put(type(resource).__name__.lower(), resource.key, asdict(resource))

    def remove(self, resource: Endpoint | Deployment) -> None:
        """Deletes a resource."""
        self._store.delete(type(resource).__name__.lower(), resource.key)

    def settle_delete(self, resource: Endpoint | Deployment | None, status: str) -> None:
        """Deletes a resource at the end of an operation that succeeded; else it is Failed."""
        if resource is not None and status == "Succeeded":
            self.remove(resource)
        elif resource is not None:
            resource.state = "Failed"
            self.save(resource)
