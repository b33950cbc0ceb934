"""Between clients and the engine's socket: reads a request, passes on what the rules make of it.

Belongs here: connections, HTTP's framing, time and size limits. Does not belong here: what is let
through (`rules`).

One connection carries one request: nothing can hide behind another, and what ends on one side ends
on the other. Attaching to a container turns its connection into raw streams, which HTTP libraries
for servers keep to WebSockets; h11 leaves connections to its caller, on both sides.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import h11

from weather_assets.engine_guard.parsing import BODY_BYTES, Refused
from weather_assets.engine_guard.rules import LOOK_UP, Absent, Call, Request, allowed, settled
from weather_assets.engine_guard.settings import Stack

REQUEST_SECONDS = 10.0
"""In which a request must have come as a whole."""
MOST_CONNECTIONS = 200
"""A rank holds two, a call that is under way one."""
_HEAD_BYTES = 16 * 1024
_CHUNK = 64 * 1024
_LOG = logging.getLogger(__name__)


class _EngineAwayError(Exception):
    """The engine's socket takes no connection."""


class _Wire:
    """One connection that speaks HTTP/1.1."""

    def __init__(
        self, role: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=_HEAD_BYTES)
        self.reader, self.writer = reader, writer

    async def next(self) -> Any:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(await self.reader.read(_CHUNK))
        return event

    async def body(self, most: int | None = None) -> bytes:
        found = bytearray()
        while isinstance(event := await self.next(), h11.Data):
            found += event.data
            if most is not None and len(found) > most:
                raise Refused(f"a body of more than {most} bytes")
        return bytes(found)

    async def send(self, *events: h11.Event) -> None:
        for event in events:
            self.writer.write(self.http.send(event) or b"")
        await self.writer.drain()


class Guard:
    """The guard of one stack."""

    def __init__(self, stack: Stack, socket: Path) -> None:
        """Listens to nothing yet.

        Args:
            stack: what it may use.
            socket: the engine's.
        """
        self._stack, self._socket = stack, socket
        self._open = 0
        # A gang keeps to its image when the name moves on, as with a build during a training.
        self._images: dict[str, Mapping[str, Any]] = {}

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Serves until the server that is returned is closed.

        Args:
            host: the address to listen on.
            port: the port; 0 for any.
        """
        return await asyncio.start_server(self._serve, host, port, limit=_CHUNK)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client, asked = _Wire(h11.SERVER, reader, writer), "a request"
        if self._open == MOST_CONNECTIONS:
            writer.close()
            return
        self._open += 1
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                request = await _request(client)
            if request is None:
                return
            asked = f"{request.method} {request.target[:200]}"
            await self._answer(allowed(request, self._stack), client)
        except Absent as error:
            _say(client, "404 Not Found", str(error))
        except Refused as error:
            _LOG.warning("refused: %s: %s", asked, error)
            name = self._stack.name
            _say(client, "403 Forbidden", f"the guard of {name}'s engine refuses {asked}: {error}")
        except (_EngineAwayError, h11.RemoteProtocolError) as error:
            _LOG.warning("%s: %s", asked, error)
            _say(client, "502 Bad Gateway", f"the Docker engine does not answer: {error}")
        except (OSError, TimeoutError):
            pass  # the client left, or never came
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, call: Call, client: _Wire) -> None:
        found = {
            kind: await self._look_up(kind, name, call.version)
            for kind, name in call.references.items()
        }
        call = settled(call, found, self._stack)
        if not call.route.attaches:
            await _first(self._relay(call, client), _end(client.reader))
            return
        async with self._asked(*_message(call), upgrade="tcp") as (engine, answer):
            if isinstance(answer, h11.InformationalResponse):
                await _tunnel(engine, answer, client)
            else:
                await _pass_on(engine, answer, client)

    async def _look_up(self, kind: str, name: str, version: str) -> Mapping[str, Any] | None:
        """Returns what the engine says of something; of images, of the ranks' alone."""
        if kind != "image":
            return await self._description(version + LOOK_UP[kind].format(name))
        own = self._stack.rank_image
        if found := await self._description(version + LOOK_UP[kind].format(own)):
            self._images[str(found["Id"])] = found
        return found if name == own else self._images.get(name)

    async def _description(self, target: str) -> Mapping[str, Any] | None:
        async with self._asked("GET", target) as (engine, answer):
            return json.loads(await engine.body()) if answer.status_code == 200 else None

    async def _relay(self, call: Call, client: _Wire) -> None:
        async with self._asked(*_message(call)) as (engine, answer):
            if call.route.shows and answer.status_code == 200:
                told = json.loads(await engine.body())
                _say(client, "200 OK", **{key: told[key] for key in call.route.shows})
            else:
                await _pass_on(engine, answer, client)

    @asynccontextmanager
    async def _asked(
        self, method: str, target: str, body: bytes = b"", *, upgrade: str = ""
    ) -> AsyncGenerator[tuple[_Wire, Any]]:
        """Yields a connection to the engine, and the head of its answer."""
        headers = [("Host", "docker"), ("Content-Length", str(len(body)))]
        headers += [("Content-Type", "application/json")] if body else []
        headers += [("Connection", "Upgrade" if upgrade else "close")]
        headers += [("Upgrade", upgrade)] if upgrade else []
        request = h11.Request(method=method, target=target, headers=headers)
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket, limit=_CHUNK)
        except OSError as error:
            raise _EngineAwayError(str(error)) from error
        engine = _Wire(h11.CLIENT, reader, writer)
        try:
            await engine.send(request, h11.Data(data=body), h11.EndOfMessage())
            yield engine, await engine.next()
        finally:
            writer.close()


def _message(call: Call) -> tuple[str, str, bytes]:
    """Returns method, target and body."""
    query = f"?{urlencode(call.query)}" if call.query else ""
    body = b"" if call.body is None else json.dumps(call.body).encode()
    return call.route.method, call.version + call.path + query, body


async def _request(client: _Wire) -> Request | None:
    """Returns what a client asks for; None where it left without a word."""
    try:
        head = await client.next()
        if not isinstance(head, h11.Request):
            return None
        names = [name for name, _ in head.headers]
        if b"transfer-encoding" in names:
            raise Refused("a body whose length is not told beforehand")
        upgrades = [value.decode("latin-1") for name, value in head.headers if name == b"upgrade"]
        target = head.target.decode("latin-1")
        body = await client.body(BODY_BYTES)
        return Request(head.method.decode("ascii"), target, ", ".join(upgrades), body)
    except h11.RemoteProtocolError as error:
        raise Refused(f"what is not HTTP/1.1 ({error})") from error


async def _pass_on(engine: _Wire, answer: Any, client: _Wire) -> None:
    """Passes on an answer, as it comes."""
    kept = [each for each in answer.headers if each[0] in (b"content-type", b"content-length")]
    headers = [*kept, (b"connection", b"close")]
    await client.send(
        h11.Response(status_code=answer.status_code, headers=headers, reason=answer.reason)
    )
    while isinstance(event := await engine.next(), h11.Data):
        await client.send(h11.Data(data=event.data))
    await client.send(h11.EndOfMessage())


async def _tunnel(engine: _Wire, answer: Any, client: _Wire) -> None:
    """Passes on bytes in both directions, until one side ends: then both have ended.

    A container's input ends with its connection, which is how a rank learns that its supervisor is
    gone.
    """
    kept = [each for each in answer.headers if each[0] == b"content-type"]
    headers = [*kept, (b"connection", b"Upgrade"), (b"upgrade", b"tcp")]
    await client.send(
        h11.InformationalResponse(status_code=101, headers=headers, reason=answer.reason)
    )
    client.writer.write(engine.http.trailing_data[0])
    engine.writer.write(client.http.trailing_data[0])
    await _first(_pump(client.reader, engine.writer), _pump(engine.reader, client.writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()


async def _end(source: asyncio.StreamReader) -> None:
    while await source.read(_CHUNK):
        pass


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """Does several things until the first has ended, and raises what that raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _say(client: _Wire, status: str, message: str = "", **answer: Any) -> None:
    """Answers in the guard's own words, as the engine does, where no answer has begun."""
    if client.http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        body = json.dumps(answer or {"message": message}).encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        client.writer.write(head.encode("ascii") + body)
