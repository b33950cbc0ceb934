"""Content and properties of blobs, on disk.

Belongs here: containers, blobs, blocks, and shared access signatures. Does not belong here: the
blob service's HTTP (`blob`).
"""

import base64
import hashlib
import hmac
import os
import shutil
import tempfile
import urllib.parse
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from weather_assets.local_azure.azure.state import Store

SIGNATURE_HOURS = 24


@dataclass(frozen=True, slots=True)
class BlobProperties:
    """What is known of one blob besides its content."""

    size: int  # bytes
    etag: str
    content_type: str
    modified: float  # seconds since the epoch
    created: float  # seconds since the epoch
    content_md5: str = ""  # as the client gave it, base64
    metadata: dict[str, str] = field(default_factory=dict[str, str])


class BlobStore:
    """The containers of one storage account."""

    def __init__(self, folder: Path, store: Store, signing_secret: str) -> None:
        """Keeps blobs below `folder` and their properties in `store`."""
        self._folder, self._store, self._secret = folder, store, signing_secret.encode()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create_container(self, container: str) -> bool:
        """Makes a container; returns False where it was there."""
        if self.has_container(container):
            return False
        (self._folder / container).mkdir(mode=0o700, exist_ok=True)
        self._store.put("container", container, {})
        return True

    def has_container(self, container: str) -> bool:
        """Returns whether a container exists."""
        return self._store.get("container", container) is not None

    def properties(self, container: str, name: str) -> BlobProperties | None:
        """Returns a blob's properties, or None."""
        document = self._store.get("blob", f"{container}/{name}")
        return None if document is None else BlobProperties(**document)

    def content(self, container: str, name: str) -> Path:
        """Returns the file with a blob's content."""
        return self._folder / container / _digest(name)

    def names(self, container: str, prefix: str = "") -> list[str]:
        """Returns the names of the blobs of a container that start with `prefix`, in order."""
        start = f"{container}/"
        return [name[len(start) :] for name, _ in self._store.items("blob", start + prefix)]

    def draft(self, container: str) -> Path:
        """Returns a new empty file to receive content, in the file system of the container."""
        descriptor, path = tempfile.mkstemp(prefix=".draft-", dir=self._folder / container)
        os.close(descriptor)
        return Path(path)

    def commit(
        self,
        container: str,
        name: str,
        draft: Path,
        *,
        content_type: str,
        content_md5: str = "",
        metadata: Mapping[str, str],
    ) -> BlobProperties:
        """Makes a received draft the content of a blob."""
        old = self.properties(container, name)
        now = datetime.now(UTC).timestamp()
        size = draft.stat().st_size
        draft.replace(self.content(container, name))
        created = now if old is None else old.created
        return self._put(
            container,
            name,
            BlobProperties(size, _etag(), content_type, now, created, content_md5, dict(metadata)),
        )

    def set_metadata(
        self, container: str, name: str, old: BlobProperties, metadata: Mapping[str, str]
    ) -> BlobProperties:
        """Replaces the metadata of a blob that has the properties `old`."""
        now = datetime.now(UTC).timestamp()
        new = replace(old, etag=_etag(), modified=now, metadata=dict(metadata))
        return self._put(container, name, new)

    def delete(self, container: str, name: str) -> None:
        """Deletes a blob if it is there."""
        self._store.delete("blob", f"{container}/{name}")
        self.content(container, name).unlink(missing_ok=True)

    def stage_block(self, container: str, name: str, block: str, draft: Path) -> None:
        """Keeps a received draft as an uncommitted block of a blob."""
        folder = self._blocks(container, name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.replace(folder / _digest(block))

    def assemble(self, container: str, name: str, blocks: Sequence[str]) -> Path | None:
        """Returns a draft that joins staged blocks in order, or None if one is missing."""
        folder = self._blocks(container, name)
        parts = [folder / _digest(block) for block in blocks]
        if not all(part.is_file() for part in parts):
            return None
        draft = self.draft(container)
        with draft.open("wb") as target:
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, target)
        shutil.rmtree(folder, ignore_errors=True)
        return draft

    def download(
        self, container: str, prefix: str, target: Path, *, keep_folder: bool = True
    ) -> int:
        """Copies the blobs below a path of a container into a folder, as their names say.

        Args:
            container: the container.
            prefix: a blob's name, or a folder of blobs; "" for the whole container.
            target: the folder to fill.
            keep_folder: whether the last part of a folder's path becomes a folder in `target`.

        Returns:
            The number of files.

        Raises:
            ValueError: if a name would leave `target`.
        """
        path = prefix.strip("/")
        kept = len(path.rpartition("/")[0]) + 1 if "/" in path else 0
        is_blob = self.properties(container, path) is not None
        cut = kept if keep_folder or is_blob or not path else len(path) + 1
        count = 0
        for name in self.names(container, path):
            if path and name != path and not name.startswith(f"{path}/"):
                continue
            file = (target / name[cut:]).resolve()
            if not file.is_relative_to(target.resolve()):
                raise ValueError(f"blob {name!r} of container {container} leaves its folder")
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.content(container, name), file)
            count += 1
        return count

    def sign(self, container: str, permissions: str = "racwl") -> str:
        """Returns a shared access signature for a container, as a query string."""
        expiry = (datetime.now(UTC) + timedelta(hours=SIGNATURE_HOURS)).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
        fields = {"sv": "2024-11-04", "sr": "c", "sp": permissions, "se": expiry}
        return urllib.parse.urlencode({**fields, "sig": self._signature(container, fields)})

    def signature_holds(self, container: str, query: Mapping[str, str], permission: str) -> bool:
        """Returns whether a request's signature is ours, in time, and grants `permission`."""
        fields = {key: query.get(key, "") for key in ("sv", "sr", "sp", "se")}
        expected = self._signature(container, fields)
        if not hmac.compare_digest(expected.encode(), query.get("sig", "").encode()):
            return False
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return now < fields["se"] and any(letter in fields["sp"] for letter in permission)

    def _signature(self, container: str, fields: Mapping[str, str]) -> str:
        text = "\n".join([container, *(f"{key}={fields[key]}" for key in sorted(fields))])
        return base64.b64encode(hmac.digest(self._secret, text.encode(), "sha256")).decode()

    def _blocks(self, container: str, name: str) -> Path:
        return self._folder / container / f"{_digest(name)}.blocks"

    def _put(self, container: str, name: str, properties: BlobProperties) -> BlobProperties:
        self._store.put("blob", f"{container}/{name}", asdict(properties))
        return properties


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _etag() -> str:
    return f'"0x{uuid.uuid4().hex[:15].upper()}"'
