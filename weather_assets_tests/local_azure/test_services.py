"""The simulator on the wire, without deployments: tokens, proxy, uploads, and what is refused."""

import json
import socket
import ssl
import stat
import time
from typing import Any

import httpx
import jwt
import psutil
import pytest

from weather_assets_tests.local_azure.plain_client import API, MANAGEMENT, PlainClient

ARM_SCOPE = "https://management.azure.com/.default"


def test_a_wrong_secret_is_refused_as_azure_does(azure: PlainClient) -> None:
    answer = azure.sign_in(ARM_SCOPE, client_secret="wrong")  # noqa: S106
    assert answer.status_code == 401
    assert "AADSTS7000215" in answer.json()["error_description"]
    assert answer.json()["error_codes"] == [7000215]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"client_id": "someone-else"}, 400, 700016),
        ({"tenant": "other.onmicrosoft.com"}, 400, 90002),
        ({"grant_type": "password"}, 400, 70003),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, 500011),
    ],
)
def test_other_bad_sign_ins(
    azure: PlainClient, changes: dict[str, Any], status: int, code: int
) -> None:
    answer = azure.sign_in(**{"scope": ARM_SCOPE, **changes})
    assert (answer.status_code, answer.json()["error_codes"]) == (status, [code])


def test_tokens_can_be_checked_with_the_published_key(azure: PlainClient) -> None:
    tenant = azure.variables["AZURE_TENANT_ID"]
    root = f"https://login.microsoftonline.com/{tenant}"
    found = azure.http.get(f"{root}/v2.0/.well-known/openid-configuration").json()
    keys = azure.http.get(found["jwks_uri"]).json()["keys"]
    claims = jwt.decode(
        azure.token,
        jwt.PyJWK(keys[0]).key,
        algorithms=["RS256"],
        audience="https://management.azure.com",
    )
    assert claims["tid"] == tenant


def test_calls_without_a_good_token_are_refused(azure: PlainClient) -> None:
    other = azure.sign_in("https://ml.azure.com/.default").json()["access_token"]
    for token, code in ((other, "InvalidAuthenticationTokenAudience"), ("x", "InvalidAuth")):
        answer = azure.arm("GET", "", token=token)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"].startswith(code)
        assert "authorization_uri" in answer.headers["WWW-Authenticate"]
    bare = azure.http.get(f"{MANAGEMENT}{azure.workspace}", params=API)
    assert bare.status_code == 401


def test_an_expired_token_is_refused(azure: PlainClient) -> None:
    key = (azure.state / "authority.key").read_bytes()
    now = int(time.time())
    claims = jwt.decode(azure.token, options={"verify_signature": False})
    old = jwt.encode({**claims, "exp": now - 60}, key, algorithm="RS256")
    assert azure.arm("GET", "", token=old).json()["error"]["code"] == "ExpiredAuthenticationToken"


def test_the_proxy_refuses_every_other_host(azure: PlainClient) -> None:
    for host in ("example.com", "evil-management.azure.com", "x.blob.core.windows.net"):
        with pytest.raises(httpx.ProxyError, match="403"):
            azure.http.get(f"https://{host}/")


def raw_proxy_answer(azure: PlainClient, line: str) -> str:
    port = int(azure.variables["HTTPS_PROXY"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"{line}\r\n\r\n".encode())
        return connection.makefile("rb").read().decode()


def test_the_proxy_says_why_it_refuses(azure: PlainClient) -> None:
    answer = raw_proxy_answer(azure, "CONNECT example.com:443 HTTP/1.1")
    assert answer.startswith("HTTP/1.1 403")
    assert "example.com:443" in answer
    assert "NO_PROXY" in answer


def test_the_proxy_carries_nothing_but_https(azure: PlainClient) -> None:
    assert raw_proxy_answer(azure, "GET http://example.com/ HTTP/1.1").startswith("HTTP/1.1 403")
    plain = raw_proxy_answer(azure, "CONNECT management.azure.com:80 HTTP/1.1")
    assert plain.startswith("HTTP/1.1 403")


def test_strangers_do_not_trust_the_certificate(azure: PlainClient) -> None:
    with (
        httpx.Client(
            proxy=azure.variables["HTTPS_PROXY"],
            verify=ssl.create_default_context(),
            trust_env=False,
        ) as stranger,
        pytest.raises(httpx.ConnectError, match="certificate"),
    ):
        stranger.get(MANAGEMENT)


def test_only_loopback_is_bound(azure: PlainClient) -> None:
    pid = json.loads((azure.state / "server.json").read_text())["pid"]
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_secrets_are_readable_by_their_owner_alone(azure: PlainClient) -> None:
    private = (
        "ca.key",
        "authority.key",
        "server.pem",
        "settings.json",
        "environment",
        "server.json",
    )
    for name in (*private, "state.sqlite"):
        assert stat.S_IMODE((azure.state / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(azure.state.stat().st_mode) == 0o700


def test_the_control_port_asks_for_its_token(azure: PlainClient) -> None:
    answer = httpx.get(f"{azure.variables['LOCAL_AZURE_URL']}/status", trust_env=False)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/subscriptions/x/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w",
         "SubscriptionNotFound"),
        ("{subscription}/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w",
         "ResourceGroupNotFound"),
        ("{group}/providers/Microsoft.MachineLearningServices/workspaces/w", "ResourceNotFound"),
        ("{group}/providers/Microsoft.Compute/virtualMachines/v", "InvalidResourceType"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_not_found(azure: PlainClient, path: str, code: str) -> None:
    group = azure.workspace.partition("/providers")[0]
    where = path.format(subscription=group.partition("/resourceGroups")[0], group=group)
    answer = azure.arm("GET", f"{MANAGEMENT}{where}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


def test_calls_need_an_api_version(azure: PlainClient) -> None:
    answer = azure.arm("GET", "", params={})
    assert answer.json()["error"]["code"] == "MissingApiVersionParameter"


def test_unknown_methods_and_bad_bodies_are_refused(azure: PlainClient) -> None:
    assert azure.arm("PATCH", "/onlineEndpoints/rain", {}).status_code == 405
    assert azure.arm("PUT", "/onlineEndpoints/rain", [1]).status_code == 400


def test_registered_models_and_code_are_immutable(azure: PlainClient) -> None:
    for kind, field in (("models", "modelUri"), ("codes", "codeUri")):
        path = f"/{kind}/fixed/versions/1"
        assert azure.arm("PUT", path, {"properties": {field: "one"}}).status_code == 201
        assert (
            azure.arm("PUT", path, {"properties": {field: "one", "tags": {"a": "b"}}}).status_code
            == 200
        )
        changed = azure.arm("PUT", path, {"properties": {field: "two"}})
        assert changed.status_code == 409
        assert "immutable" in changed.json()["error"]["message"]
        assert azure.arm("GET", path).json()["properties"][field] == "one"


def test_code_is_found_by_its_content_hash(azure: PlainClient) -> None:
    own = {"hash_sha256": "abc", "hash_version": "202208"}
    body = {"properties": {"codeUri": "somewhere", "properties": own}}
    azure.arm("PUT", "/codes/hashed/versions/1", body)
    for digest, count in (("abc", 1), ("def", 0)):
        params = {**API, "hash": digest, "hashVersion": "202208"}
        found = azure.arm("GET", "/codes/hashed/versions", params=params).json()["value"]
        assert len(found) == count


def test_each_code_upload_gets_a_new_container(azure: PlainClient) -> None:
    path = "/codes/fresh/versions/1/startPendingUpload"
    places = {
        azure.arm("POST", path, {}).json()["blobReferenceForConsumption"]["blobUri"]
        for _ in range(2)
    }
    assert len(places) == 2


def upload_place(azure: PlainClient) -> tuple[str, str]:
    path = "/codes/place/versions/1/startPendingUpload"
    reference = azure.arm("POST", path, {}).json()["blobReferenceForConsumption"]
    address, _, signature = reference["credential"]["sasUri"].partition("?")
    return address, signature


def test_a_blob_comes_back_as_it_was_put(azure: PlainClient) -> None:
    address, signature = upload_place(azure)
    blob = f"{address}/a%20folder/b%2Bc.txt?{signature}"
    assert azure.put_blob(blob, b"0123456789").status_code == 201
    head = azure.http.head(blob)
    assert (head.status_code, head.headers["Content-Length"]) == (200, "10")
    metadata = azure.http.put(f"{blob}&comp=metadata", headers={"x-ms-meta-name": "n"})
    assert metadata.status_code == 200
    found = azure.http.get(blob)
    assert (found.content, found.headers["x-ms-meta-name"]) == (b"0123456789", "n")
    part = azure.http.get(blob, headers={"x-ms-range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    listed = azure.http.get(f"{address}?{signature}&restype=container&comp=list&prefix=a")
    assert "<Name>a folder/b+c.txt</Name>" in listed.text
    assert azure.http.delete(blob).status_code == 403  # the signature does not grant it


def test_a_large_blob_is_put_in_blocks(azure: PlainClient) -> None:
    address, signature = upload_place(azure)
    blob = f"{address}/large?{signature}"
    for block, content in (("QQ==", b"first "), ("Qg==", b"second")):
        put = azure.http.put(f"{blob}&comp=block&blockid={block}", content=content)
        assert put.status_code == 201
    entries = "<BlockList><Latest>QQ==</Latest><Latest>Qg==</Latest></BlockList>"
    assert azure.http.put(f"{blob}&comp=blocklist", content=entries).status_code == 201
    assert azure.http.get(blob).content == b"first second"
    missing = "<BlockList><Latest>Qw==</Latest></BlockList>"
    assert azure.http.put(f"{blob}&comp=blocklist", content=missing).status_code == 400


def test_a_signature_holds_for_its_container_only(azure: PlainClient) -> None:
    address, signature = upload_place(azure)
    other, _ = upload_place(azure)
    assert azure.put_blob(f"{other}/stolen?{signature}", b"x").status_code == 403
    forged = signature.replace("sp=racwl", "sp=racwdl")
    assert azure.put_blob(f"{address}/forged?{forged}", b"x").status_code == 403
    assert azure.http.get(f"{address}/bare").status_code == 401


def test_missing_blobs_are_missing(azure: PlainClient) -> None:
    address, signature = upload_place(azure)
    answer = azure.http.get(f"{address}/nothing?{signature}")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (404, "BlobNotFound")
