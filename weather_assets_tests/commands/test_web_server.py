"""Dagster's web server answers its own pages and programs, and no other page."""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import closing
from urllib.parse import urlencode

import pytest

from weather_assets.commands.web_guard import HOSTS_VARIABLE, WebGuard, allowed_hosts
from weather_assets.foundation.loopback import free_loopback_port
from weather_assets.foundation.waiting import wait_until

READ = "{ version }"
CHANGE = 'mutation { terminateRun(runId: "x") { __typename } }'
OWN = "http://127.0.0.1:PORT"
EVIL = "http://evil.example"
JSON = {"Content-Type": "application/json"}
Headers = Mapping[str, str] | list[tuple[str, str]]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Generator[int]:
    """A web server of an empty instance, in a process of its own, and behind a proxy's name too."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (home / "workspace.yaml").write_text("load_from: []\n")
    number = free_loopback_port()
    command = [sys.executable, "-m", "weather_assets.commands.web_server"]
    command += ["-p", str(number), "-w", str(home / "workspace.yaml")]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        HOSTS_VARIABLE: "ui.example.com, 10.0.0.7:8080",
    }
    with subprocess.Popen(command, env=environment) as server:
        wait_until(lambda: listens(number), 120, "the web server to listen", pause_seconds=0.2)
        yield number
        server.terminate()
        assert server.wait(timeout=30) in (0, -15)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(
    port: int, method: str, path: str, headers: Headers, body: str | None = None
) -> tuple[int, str]:
    """Sends exactly these headers, and the server's own Host where they have none."""
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    pairs = [(name, value.replace("PORT", str(port))) for name, value in pairs]
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if not any(name == "Host" for name, _ in pairs):
            connection.putheader("Host", f"127.0.0.1:{port}")
        for name, value in pairs:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(None if body is None else body.encode())
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def query(document: str) -> str:
    return json.dumps({"query": document})


def get(document: str) -> str:
    return f"/graphql?{urlencode({'query': document})}"


HOSTILE: dict[str, tuple[str, str, Headers, str | None]] = {
    "mutation by GET": ("GET", get(CHANGE), {}, None),
    "mutation by GET beside a query": (
        "GET",
        get("query a { version } mutation b { terminateRun(runId: 1) { __typename } }"),
        {},
        None,
    ),
    "mutation by GET behind a query": (
        "GET",
        get(READ) + "&" + urlencode({"query": CHANGE}),
        {},
        None,
    ),
    "mutation by GET before a query": (
        "GET",
        get(CHANGE) + "&" + urlencode({"query": READ}),
        {},
        None,
    ),
    "subscription by GET": ("GET", get("subscription { x }"), {}, None),
    "no GraphQL by GET": ("GET", get("mutation {"), {}, None),
    "deep GraphQL by GET": ("GET", get("{a" * 3_000), {}, None),
    "mutation by HEAD": ("HEAD", get(CHANGE), {}, None),
    "another name, bound to this address": (
        "POST",
        "/graphql",
        {**JSON, "Host": "evil.example:PORT"},
        query(READ),
    ),
    "a page of another name": ("GET", "/", {"Host": "evil.example"}, None),
    "no host": ("GET", "/", {"Host": ""}, None),
    "another port in Host": ("GET", "/", {"Host": "127.0.0.1:1"}, None),
    "no port in Host": ("GET", "/", {"Host": "127.0.0.1"}, None),
    "user in Host": ("GET", "/", {"Host": "evil@127.0.0.1:PORT"}, None),
    "all addresses": ("GET", "/", {"Host": "0.0.0.0:PORT"}, None),
    "begins like ours": ("GET", "/", {"Host": "127.0.0.1.evil.example:PORT"}, None),
    "ends like ours": ("GET", "/", {"Host": "evil-ui.example.com"}, None),
    "two hosts": (
        "GET",
        "/",
        [("Host", "127.0.0.1:PORT"), ("Host", "evil.example")],
        None,
    ),
    "evil origin": ("POST", "/graphql", {**JSON, "Origin": EVIL}, query(CHANGE)),
    "evil origin reads": ("POST", "/graphql", {**JSON, "Origin": EVIL}, query(READ)),
    "evil origin by GET": ("GET", get(READ), {"Origin": EVIL}, None),
    "hidden origin": ("POST", "/graphql", {**JSON, "Origin": "null"}, query(CHANGE)),
    "no origin at all": ("POST", "/graphql", {**JSON, "Origin": ""}, query(CHANGE)),
    "origin of another port": (
        "POST",
        "/graphql",
        {**JSON, "Origin": "http://127.0.0.1:1"},
        query(CHANGE),
    ),
    "origin of another of our names": (
        "POST",
        "/graphql",
        {**JSON, "Origin": "http://localhost:PORT"},
        query(CHANGE),
    ),
    "origin that begins like ours": (
        "POST",
        "/graphql",
        {**JSON, "Origin": OWN + ".evil.example"},
        query(CHANGE),
    ),
    "origin that is no page": (
        "POST",
        "/graphql",
        {**JSON, "Origin": "chrome-extension://127.0.0.1:PORT"},
        query(CHANGE),
    ),
    "origin that is no address": ("GET", "/", {"Origin": "http://["}, None),
    "two origins": (
        "POST",
        "/graphql",
        [*JSON.items(), ("Origin", OWN), ("Origin", EVIL)],
        query(CHANGE),
    ),
    "script of another site": ("GET", get(READ), {"Sec-Fetch-Site": "cross-site"}, None),
    "page of another port": (
        "POST",
        "/graphql",
        {**JSON, "Sec-Fetch-Site": "same-site"},
        query(CHANGE),
    ),
    "frame in another site": (
        "GET",
        "/runs",
        {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "iframe",
        },
        None,
    ),
    "form of another site": (
        "POST",
        "/graphql",
        {
            **JSON,
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
        query(CHANGE),
    ),
    "link to GraphQL": (
        "GET",
        get(READ),
        {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
        None,
    ),
    "form body": (
        "POST",
        "/graphql",
        {"Content-Type": "application/x-www-form-urlencoded"},
        urlencode({"query": CHANGE}),
    ),
    "text body that says JSON": (
        "POST",
        "/graphql",
        {"Content-Type": "text/plain; application/json"},
        query(CHANGE),
    ),
    "mutation in the address of a POST": ("POST", get(CHANGE), {}, ""),
    "report of an asset from another site": (
        "POST",
        "/report_asset_materialization/raw_weather",
        {**JSON, "Origin": EVIL},
        "{}",
    ),
    "preflight": (
        "OPTIONS",
        "/graphql",
        {"Origin": OWN, "Access-Control-Request-Method": "POST"},
        None,
    ),
    "unknown method": ("PUT", "/graphql", JSON, query(CHANGE)),
    "DELETE": ("DELETE", "/", {}, None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_another_page_is_refused_in_words(port: int, name: str) -> None:
    method, path, headers, body = HOSTILE[name]
    status, answer = ask(port, method, path, headers, body)
    assert status in ((403,) if name != "two hosts" else (400, 403))
    assert method == "HEAD" or len(answer) > 10
    assert "terminateRun" not in answer
    assert "data" not in answer


ALLOWED: dict[str, tuple[str, str, Headers, str | None]] = {
    "a page": ("GET", "/", {"Accept": "text/html"}, None),
    "a page by another name": ("GET", "/runs", {"Host": "localhost:PORT"}, None),
    "a page by IPv6": ("GET", "/runs", {"Host": "[::1]:PORT"}, None),
    "a page, typed": ("GET", "/", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, None),
    "a page, by a link elsewhere": (
        "GET",
        "/runs/x",
        {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
        None,
    ),
    "GraphiQL": ("GET", "/graphql", {"Accept": "text/html"}, None),
    "the UI's query": (
        "POST",
        "/graphql",
        {**JSON, "Origin": OWN, "Sec-Fetch-Site": "same-origin"},
        query(READ),
    ),
    "the UI's mutation": (
        "POST",
        "/graphql",
        {"Content-Type": "application/json; charset=utf-8", "Origin": OWN},
        query(CHANGE),
    ),
    "a program's query": ("POST", "/graphql", {"Content-Type": "application/graphql"}, READ),
    "a program's query by GET": ("GET", get(READ), {}, None),
    "a health check": ("GET", "/server_info", {}, None),
    "through a proxy that keeps Host": (
        "POST",
        "/graphql",
        {**JSON, "Host": "ui.example.com", "Origin": "https://ui.example.com"},
        query(CHANGE),
    ),
    "through a proxy that changes Host": (
        "POST",
        "/graphql",
        {**JSON, "Origin": "https://ui.example.com:443"},
        query(CHANGE),
    ),
    "by a further address": (
        "POST",
        "/graphql",
        {**JSON, "Host": "10.0.0.7:8080", "Origin": "http://10.0.0.7:8080"},
        query(CHANGE),
    ),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_its_own_pages_and_programs_are_answered(port: int, name: str) -> None:
    method, path, headers, body = ALLOWED[name]
    status, answer = ask(port, method, path, headers, body)
    assert status == 200
    if body is not None:
        assert json.loads(answer)["data"]


def upgrade(port: int, headers: Mapping[str, str]) -> str:
    """Returns the status line that answers a WebSocket's handshake."""
    lines = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "graphql-ws",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        **{name: value.replace("PORT", str(port)) for name, value in headers.items()},
    }
    request = "GET /graphql HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request.encode() + b"\r\n")
        return connection.makefile("rb").readline().decode().strip()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
        {"Host": "evil.example:PORT", "Origin": "http://evil.example:PORT"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": OWN, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_page_s_websocket_is_refused(port: int, headers: Mapping[str, str]) -> None:
    assert upgrade(port, headers).startswith("HTTP/1.1 403")


@pytest.mark.parametrize("headers", [{}, {"Origin": OWN, "Sec-Fetch-Site": "same-origin"}])
def test_its_own_websocket_is_opened(port: int, headers: Mapping[str, str]) -> None:
    assert upgrade(port, headers).startswith("HTTP/1.1 101")


def test_no_other_page_shows_it_in_a_frame(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().getheader("X-Frame-Options") == "SAMEORIGIN"


def test_only_names_that_were_given_are_its_own() -> None:
    assert allowed_hosts(3000, ("a.example", "b.example:1")) == [
        *("127.0.0.1:3000", "localhost:3000", "[::1]:3000"),
        *("a.example", "b.example:1"),
    ]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    guard = WebGuard(_never, allowed_hosts(3000, ()))
    told = guard.problem({**scope, "headers": [(b"host", b"a.example")]})
    assert told is not None
    assert HOSTS_VARIABLE in told
    assert guard.problem({**scope, "headers": [(b"host", b"LocalHost:3000")]}) is None


async def _never(*_: object) -> None:
    raise AssertionError("asked")
