"""What the guard lets through: the table in `routes`, and nothing else.

Belongs here: the calls, their parameters, and what they may name. Does not belong here: what is
said of a container or network (`bodies`), how bytes are read (`parsing`), sockets (`server`).

A request becomes a `Call` of known parts, or is `Refused` with a sentence. What a call refers to
(containers, networks, an image) must then belong to the stack: the engine is asked, and `settled`
puts ids in the place of names, so that no name can come to mean another thing meanwhile. What does
not belong to the stack is as if it were not there.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from weather_assets.engine_guard import bodies
from weather_assets.engine_guard.parsing import Refused, json_value, query_values
from weather_assets.engine_guard.settings import IMAGE, NAME, Stack
from weather_assets.engine_guard.shapes import Shape, only, record, shown, text


@dataclass(frozen=True)
class Route:
    """One call of the engine's API that is let through."""

    method: str
    path: str
    """With `{container}`, `{image}`, `{network}` (the stack's or an attempt's) or `{ranks}` (an
    attempt's network alone) for what is named."""
    query: Mapping[str, Shape] = field(default_factory=dict[str, Shape])
    optional: tuple[str, ...] = ()
    """Parameters that may be absent."""
    body: Callable[[Stack, Any, Mapping[str, str]], bodies.Body] | None = None
    attaches: bool = False
    """Whether the connection becomes a container's streams."""
    shows: frozenset[str] = frozenset()
    """The keys of the answer that are shown, where not all are."""

    def match(self, method: str, path: str) -> Mapping[str, str] | None:
        """Returns what a request of this route names, by kind; None for any other request."""
        pattern = re.sub(r"\{(\w+)\}", lambda kind: f"(?P<{kind[1]}>{_NAMED[kind[1]]})", self.path)
        found = re.fullmatch(pattern, path) if method == self.method else None
        return found.groupdict() if found else None


def routes(stack: Stack) -> tuple[Route, ...]:
    """Returns all that is let through, as docker-py asks for it.

    Args:
        stack: whose own things are listed.
    """
    filters = bodies.label_filter(stack)
    return (
        # Its first question is the version. The rest is for a health check, and a name to show.
        Route("GET", "/_ping"),
        Route("GET", "/version", shows=frozenset({"ApiVersion", "Version"})),
        Route("GET", "/info", shows=frozenset({"Name"})),
        # A run is created, connected to its second network, started, asked after, stopped.
        Route(
            "POST",
            "/containers/create",
            query={"name": text(NAME)},
            optional=("name",),
            body=bodies.container,
        ),
        Route("GET", "/containers/{container}/json"),
        Route("GET", "/networks/{network}"),
        Route("POST", "/networks/{network}/connect", body=bodies.connection),
        Route("POST", "/containers/{container}/start"),
        Route("POST", "/containers/{container}/stop", query={"t": text(r"\d{1,3}")}),
        # A gang of ranks has an image, a network, streams, an end, and is sent signals.
        Route("GET", "/images/{image}/json"),
        Route("POST", "/networks/create", body=bodies.network),
        Route(
            "POST",
            "/containers/{container}/attach",
            query=dict.fromkeys(("stdin", "stdout", "stderr", "stream"), only("1")),
            attaches=True,
        ),
        Route("POST", "/containers/{container}/wait", query={"condition": only("removed")}),
        Route("POST", "/containers/{container}/kill", query={"signal": only("SIGTERM", "SIGKILL")}),
        # What is left of it is listed and removed.
        Route(
            "GET",
            "/containers/json",
            query={
                "all": only("1"),
                "limit": only("-1"),
                "size": only("0"),
                "trunc_cmd": only("0"),
                "filters": filters,
            },
        ),
        Route("GET", "/networks", query={"filters": filters}),
        Route(
            "DELETE",
            "/containers/{container}",
            query={"v": only("True"), "link": only("False"), "force": only("True")},
        ),
        Route("DELETE", "/networks/{ranks}"),
    )


LOOK_UP = {
    "container": "/containers/{}/json",
    "image": "/images/{}/json",
    "network": "/networks/{}",
    "ranks": "/networks/{}",
}
"""Where the engine says what something is, by kind of reference."""

_NAMED = {"container": NAME, "image": IMAGE, "network": NAME, "ranks": NAME}
_UNVERSIONED = ("/_ping", "/version")
_VERSION = r"/v1\.(?:4[1-9]|[5-9][0-9])"
"""From 1.41 on: older ones have further ways to say the same."""


@dataclass(frozen=True)
class Request:
    """What came in, as it was written."""

    method: str
    target: str
    upgrade: str = ""
    """The protocol that the client wants to change to."""
    body: bytes = b""


@dataclass(frozen=True)
class Call:
    """What goes to the engine."""

    route: Route
    path: str
    """With the route's `{container}` and so on where an id is still to come."""
    version: str
    """Such as `/v1.41`, or nothing."""
    query: Mapping[str, str]
    references: Mapping[str, str]
    """Names or ids of what must belong to the stack, by kind."""
    body: Mapping[str, Any] | None = None


class Absent(Refused):
    """What is named does not exist, or does not belong to the stack: the two look alike."""


def allowed(request: Request, stack: Stack) -> Call:
    """Returns a request made anew of known parts.

    Args:
        request: as it came.
        stack: whose engine this is.

    Raises:
        Refused: it is none of the calls in `routes`, or says something that they do not.
    """
    path, _, query = request.target.partition("?")
    found = re.fullmatch(rf"({_VERSION})?(/.*)", path)
    version, path = (found[1] or "", found[2]) if found else ("", "")
    if not version and path not in _UNVERSIONED:
        raise Refused("the path does not begin with a version of the API from /v1.41 on")
    matching = ((route, route.match(request.method, path)) for route in routes(stack))
    route, named = next(((r, n) for r, n in matching if n is not None), (None, {}))
    if route is None:
        raise Refused("it is none of the calls that launching runs and ranks takes")
    if request.upgrade != ("tcp" if route.attaches else ""):
        raise Refused(f"a change of protocol to {shown(request.upgrade)}")
    values = record(route.query, optional=route.optional)(query_values(query), "the query")
    call = Call(route, route.path, version, values, named)
    if route.body is None:
        if request.body:
            raise Refused("a body, where none is known")
        return call
    body, references = route.body(stack, json_value(request.body), values)
    return replace(call, body=body, references={**named, **references})


def settled(call: Call, found: Mapping[str, Mapping[str, Any] | None], stack: Stack) -> Call:
    """Returns a call with ids in the place of names.

    Args:
        call: from `allowed`.
        found: what the engine says of each reference, by kind; None where there is no such thing.
            Of images, only one that may be used is looked up.
        stack: which all the rest must belong to.

    Raises:
        Absent: something does not.
    """
    ids: dict[str, str] = {}
    for kind, name in call.references.items():
        description = found[kind]
        if description is None or not _belongs(kind, description, stack):
            noun = "network" if kind == "ranks" else kind
            raise Absent(f"No such {noun} of the stack {stack.name}: {name}")
        ids[kind] = str(description["Id"])
    body = call.body
    if body is not None and "Container" in body:
        body = {**body, "Container": ids["container"]}
    return replace(call, path=call.path.format(**ids), body=body)


def _belongs(kind: str, description: Mapping[str, Any], stack: Stack) -> bool:
    if kind == "image" or (kind == "network" and description["Name"] in stack.networks):
        return True
    labelled = description["Config"] if kind == "container" else description
    return (labelled.get("Labels") or {}).get(bodies.STACK_LABEL) == stack.name
