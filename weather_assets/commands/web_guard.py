"""What may ask Dagster's web server: its own pages and programs of its users, no other web page.

Belongs here: who a request says it comes from, and what may be asked by which method. Does not
belong here: who a user is (a proxy in front: docker/README.md), and what is answered.

Dagster answers any Host from any Origin, and runs mutations by GET (dagster-webserver 1.13): a page
that a user opens, or a name that comes to mean 127.0.0.1 (DNS rebinding), could cancel and launch
runs. A browser says where a request comes from, and no page can make it lie
(https://www.w3.org/TR/fetch-metadata/); a request without these headers is a program's.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from weather_assets.adapters.settings.concerns import PLACES

HOSTS_VARIABLE = PLACES.variables["ui_hosts"]
"""Further names of the web server, such as a reverse proxy's: `ui.example.com,10.0.0.7:3000`."""
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
GRAPHQL = "/graphql"
_METHODS = ("GET", "HEAD", "POST")
_BODIES = ("application/json", "application/graphql")
_OWN = ("", "same-origin", "none")  # nothing said, an own page, the user's own typing
_TOLD_ONCE = ("host", "origin", "content-type", "sec-fetch-site")


class WebGuard:
    """An ASGI application around Dagster's."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        """Takes what it guards.

        Args:
            app: Dagster's web server.
            hosts: the names with ports that it has, as browsers write them into Host and Origin.
        """
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request or WebSocket; lets a server's start and end pass."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self.problem(scope)
        if problem is None:
            await self._app(scope, receive, _framed_by_itself_alone(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, problem)(scope, receive, send)
        else:
            await PlainTextResponse(f"{problem}\n", 403)(scope, receive, send)

    def problem(self, scope: Scope) -> str | None:
        """Returns why this is refused, in words, or None."""
        headers = Headers(scope=scope)
        for name in _TOLD_ONCE:
            if len(headers.getlist(name)) > 1:
                return f"the header {name} is there more than once"
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return (
                f"Host is {host!r}; this server is {', '.join(sorted(self._hosts))}. Further names "
                f"are given in {HOSTS_VARIABLE}"
            )
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin, host):
            return f"Origin is {origin!r}: another page may not ask {host}"
        if headers.get("sec-fetch-site", "") not in _OWN and not _is_followed_link(scope, headers):
            return (
                f"Sec-Fetch-Site is {headers['sec-fetch-site']!r}: another page may not ask {host}"
            )
        return None if scope["type"] == "websocket" else _unsafe(scope, headers)

    def _is_own(self, origin: str, host: str) -> bool:
        try:
            where = urlsplit(origin)
            default = {"http": ":80", "https": ":443"}[where.scheme]
        except (ValueError, KeyError):
            return False
        # A proxy may write its own name into Host; then Origin has the one that was given to us.
        own = {host, *(name for name in self._hosts if not _is_loopback(name))}
        return where.netloc.lower().removesuffix(default) in {
            name.removesuffix(default) for name in own
        }


def allowed_hosts(port: int, further: Iterable[str]) -> list[str]:
    """Returns the names of a web server.

    Args:
        port: where it listens.
        further: those that `HOSTS_VARIABLE` says.
    """
    return [*(f"{name}:{port}" for name in LOOPBACK_NAMES), *further]


def _is_loopback(host: str) -> bool:
    return host.rpartition(":")[0] in LOOPBACK_NAMES or host in LOOPBACK_NAMES


def _is_followed_link(scope: Scope, headers: Headers) -> bool:
    """Whether a user followed a link to a page, in a window of its own."""
    how = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"), scope.get("method"))
    return how == ("navigate", "document", "GET") and scope["path"] != GRAPHQL


def _unsafe(scope: Scope, headers: Headers) -> str | None:
    method = scope["method"]
    if method not in _METHODS:
        return f"{method} is not answered; allowed are {', '.join(_METHODS)}"
    if scope["path"].rstrip("/") != GRAPHQL:
        return None
    if method == "POST":
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        return None if kind in _BODIES else f"Content-Type is {kind!r}; send {' or '.join(_BODIES)}"
    queries = QueryParams(scope["query_string"]).getlist("query")
    return None if all(map(_only_reads, queries)) else "only queries are answered by GET; use POST"


def _only_reads(document: str) -> bool:
    try:
        definitions = parse(document, max_tokens=10_000).definitions
    except (GraphQLError, RecursionError):
        return False
    operations = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
    return all(each.operation is OperationType.QUERY for each in operations)


def _framed_by_itself_alone(send: Send) -> Send:
    """Keeps other pages from showing the UI in a frame of theirs, under a user's clicks."""

    async def framed(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Frame-Options"] = "SAMEORIGIN"
        await send(message)

    return framed
