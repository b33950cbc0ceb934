"""The blob service: what azure-storage-blob calls while the SDK uploads models and code.

Belongs here: HTTP of block blobs and containers. Does not belong here: how they are kept
(`blob_store`). Reference: https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

import re
import uuid
from email.utils import formatdate
from pathlib import Path
from xml.etree import ElementTree as ET

from aiohttp import web

from weather_assets.local_azure.azure.errors import ServiceError, not_found
from weather_assets.local_azure.identity.authority import STORAGE_AUDIENCES, Authority
from weather_assets.local_azure.storage.blob_store import BlobProperties, BlobStore

_PERMISSIONS = {"GET": "r", "HEAD": "r", "PUT": "cw", "DELETE": "d"}
_BLOCK_LIST_ENTRY = re.compile(r"<(?:Latest|Uncommitted|Committed)>([^<]*)</")
_BLOCK_LIST_BYTES = 16 * 2**20


class BlobService:
    """Answers requests to the storage account's host."""

    def __init__(self, blobs: BlobStore, authority: Authority) -> None:
        """Serves `blobs` to callers with a signature, or with a token of `authority`."""
        self._blobs, self._authority = blobs, authority

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one request; errors as the blob service words them."""
        try:
            response = await self._route(request)
        except ServiceError as error:
            response = _refusal(error, head=request.method == "HEAD")
        response.headers["x-ms-version"] = request.headers.get("x-ms-version", "2024-11-04")
        response.headers["x-ms-request-id"] = str(uuid.uuid4())
        return response

    async def _route(self, request: web.Request) -> web.StreamResponse:
        container, _, name = request.path.lstrip("/").partition("/")
        method, query = request.method, request.query
        self._authorize(request, container)
        if not name:
            return self._container(request, container)
        self._check_container(container)
        if method == "PUT":
            return await self._put(request, container, name)
        if method in {"GET", "HEAD"} and "comp" not in query:
            return self._get_blob(request, container, name)
        if method == "DELETE":
            self._existing(container, name)
            self._blobs.delete(container, name)
            return web.Response(status=202)
        raise _unknown(request)

    async def _put(self, request: web.Request, container: str, name: str) -> web.Response:
        match request.query.get("comp"):
            case None:
                return await self._put_blob(request, container, name)
            case "block":
                return await self._put_block(request, container, name)
            case "blocklist":
                return await self._put_block_list(request, container, name)
            case "metadata":
                old = self._existing(container, name)
                new = self._blobs.set_metadata(container, name, old, _metadata(request))
                return _stored(new, 200)
            case _:
                raise _unknown(request)

    def _authorize(self, request: web.Request, container: str) -> None:
        query = dict(request.query)
        if "sig" in query:
            permission = _PERMISSIONS.get(request.method, "")
            if query.get("comp") == "list":
                permission = "l"
            if self._blobs.signature_holds(container, query, permission):
                return
            raise ServiceError(
                403,
                "AuthenticationFailed",
                "Server failed to authenticate the request. The signature is not valid for this "
                "container, this permission and this time.",
            )
        try:
            self._authority.check(request.headers.get("Authorization"), STORAGE_AUDIENCES)
        except ServiceError as error:
            raise ServiceError(401, "NoAuthenticationInformation", error.message) from None

    def _container(self, request: web.Request, container: str) -> web.Response:
        if request.method == "PUT" and request.query.get("restype") == "container":
            if not self._blobs.create_container(container):
                message = "The specified container already exists."
                raise ServiceError(409, "ContainerAlreadyExists", message)
            return web.Response(status=201)
        self._check_container(container)
        if request.query.get("comp") == "list":
            return self._list(request, container)
        return web.Response(headers={"x-ms-lease-status": "unlocked"})

    def _list(self, request: web.Request, container: str) -> web.Response:
        prefix = request.query.get("prefix", "")
        root = ET.Element("EnumerationResults", ContainerName=container)
        ET.SubElement(root, "Prefix").text = prefix
        blobs = ET.SubElement(root, "Blobs")
        for name in self._blobs.names(container, prefix):
            known = self._existing(container, name)
            blob = ET.SubElement(blobs, "Blob")
            ET.SubElement(blob, "Name").text = name
            properties = ET.SubElement(blob, "Properties")
            for tag, text in {
                "Creation-Time": formatdate(known.created, usegmt=True),
                "Last-Modified": formatdate(known.modified, usegmt=True),
                "Etag": known.etag.strip('"'),
                "Content-Length": str(known.size),
                "Content-Type": known.content_type,
                "Content-MD5": known.content_md5,
                "BlobType": "BlockBlob",
                "LeaseStatus": "unlocked",
                "LeaseState": "available",
            }.items():
                ET.SubElement(properties, tag).text = text
            if not known.metadata:
                continue
            metadata = ET.SubElement(blob, "Metadata")
            for key, value in known.metadata.items():
                ET.SubElement(metadata, key).text = value
        ET.SubElement(root, "NextMarker")
        body = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        return web.Response(body=body, content_type="application/xml")

    async def _put_blob(self, request: web.Request, container: str, name: str) -> web.Response:
        kind = request.headers.get("x-ms-blob-type", "")
        if kind != "BlockBlob":
            message = f"x-ms-blob-type is {kind!r}; Local Azure has BlockBlob."
            raise ServiceError(400, "UnsupportedHeader", message)
        if request.headers.get("If-None-Match") == "*" and self._blobs.properties(container, name):
            raise ServiceError(409, "BlobAlreadyExists", "The specified blob already exists.")
        return self._commit(request, container, name, await self._received(request, container))

    async def _received(self, request: web.Request, container: str) -> Path:
        draft = self._blobs.draft(container)
        with draft.open("wb") as file:
            async for chunk in request.content.iter_chunked(2**20):
                file.write(chunk)
        return draft

    async def _put_block(self, request: web.Request, container: str, name: str) -> web.Response:
        draft = await self._received(request, container)
        self._blobs.stage_block(container, name, request.query.get("blockid", ""), draft)
        return web.Response(status=201, headers={"x-ms-request-server-encrypted": "true"})

    async def _put_block_list(
        self, request: web.Request, container: str, name: str
    ) -> web.Response:
        body = (await request.content.read(_BLOCK_LIST_BYTES)).decode()
        draft = self._blobs.assemble(container, name, _BLOCK_LIST_ENTRY.findall(body))
        if draft is None:
            raise ServiceError(400, "InvalidBlockList", "The specified block list is invalid.")
        return self._commit(request, container, name, draft)

    def _commit(self, request: web.Request, container: str, name: str, draft: Path) -> web.Response:
        known = self._blobs.commit(
            container,
            name,
            draft,
            content_type=request.headers.get("x-ms-blob-content-type", "application/octet-stream"),
            content_md5=request.headers.get("x-ms-blob-content-md5", ""),
            metadata=_metadata(request),
        )
        return _stored(known, 201)

    def _get_blob(self, request: web.Request, container: str, name: str) -> web.StreamResponse:
        known = self._existing(container, name)
        headers = {
            **_headers(known),
            "Content-Type": known.content_type,
            "x-ms-blob-type": "BlockBlob",
            "x-ms-creation-time": formatdate(known.created, usegmt=True),
            "x-ms-server-encrypted": "true",
            "x-ms-lease-status": "unlocked",
            "x-ms-lease-state": "available",
            "Accept-Ranges": "bytes",
            **{f"x-ms-meta-{key}": value for key, value in known.metadata.items()},
        }
        if known.content_md5:
            headers["x-ms-blob-content-md5"] = known.content_md5
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": str(known.size)})
        content = self._blobs.content(container, name).read_bytes()
        found = re.fullmatch(
            r"bytes=(\d+)-(\d*)",
            request.headers.get("x-ms-range", request.headers.get("Range", "")),
        )
        if found is None:
            return web.Response(body=content, headers=headers)
        start, end = int(found[1]), min(int(found[2] or known.size), known.size - 1)
        if start >= known.size:
            raise ServiceError(416, "InvalidRange", "The range specified is invalid.")
        headers["Content-Range"] = f"bytes {start}-{end}/{known.size}"
        return web.Response(status=206, body=content[start : end + 1], headers=headers)

    def _check_container(self, container: str) -> None:
        if not self._blobs.has_container(container):
            raise not_found(f"Container {container} does not exist.", "ContainerNotFound")

    def _existing(self, container: str, name: str) -> BlobProperties:
        known = self._blobs.properties(container, name)
        if known is None:
            raise not_found("The specified blob does not exist.", "BlobNotFound")
        return known


def _unknown(request: web.Request) -> ServiceError:
    message = f"Local Azure knows no {request.method} {request.path_qs}."
    return ServiceError(400, "InvalidQueryParameterValue", message)


def _metadata(request: web.Request) -> dict[str, str]:
    start = "x-ms-meta-"
    return {
        key[len(start) :]: value
        for key, value in request.headers.items()
        if key.lower().startswith(start)
    }


def _headers(known: BlobProperties) -> dict[str, str]:
    return {"ETag": known.etag, "Last-Modified": formatdate(known.modified, usegmt=True)}


def _stored(known: BlobProperties, status: int) -> web.Response:
    headers = {**_headers(known), "x-ms-request-server-encrypted": "true"}
    return web.Response(status=status, headers=headers)


def _refusal(error: ServiceError, *, head: bool) -> web.Response:
    headers = {"x-ms-error-code": error.code, **error.headers}
    if head:
        return web.Response(status=error.status, headers=headers)
    root = ET.Element("Error")
    ET.SubElement(root, "Code").text = error.code
    ET.SubElement(root, "Message").text = error.message
    body = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return web.Response(
        status=error.status, body=body, content_type="application/xml", headers=headers
    )
