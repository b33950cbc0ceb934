"""The CONNECT proxy: leads the host names of Azure to the simulator and refuses every other one.

Belongs here: the proxy protocol. Does not belong here: TLS (it passes bytes through to the TLS
listener of `server`), or which hosts exist (`hosts`).
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from weather_assets.foundation.loopback import LOOPBACK

_HEAD_BYTES = 16 * 1024
_HEAD_SECONDS = 30.0
_CHUNK = 256 * 1024


@dataclass(slots=True)
class ConnectProxy:
    """An HTTP proxy that knows CONNECT alone."""

    _known: Callable[[str], bool]
    """Says whether a host name exists here."""
    _backend_port: int
    """Loopback port of the TLS listener."""
    _server: asyncio.Server | None = None
    _tunnels: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def start(self, address: str, port: int) -> int:
        """Listens.

        Args:
            address: where, such as loopback.
            port: the port to take; 0 for any.

        Returns:
            The port taken.
        """
        self._server = await asyncio.start_server(self._serve, address, port, limit=_HEAD_BYTES)
        return self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stops listening and ends open tunnels."""
        if self._server is not None:
            self._server.close()
        for tunnel in tuple(self._tunnels):
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tunnels.add(task)
        try:
            await self._tunnel(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client left or spoke no HTTP
        finally:
            self._tunnels.discard(task)
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        target = rest.partition(" ")[0]
        refusal = self._refusal(method, target)
        if refusal is not None:
            body = f"{refusal}\n".encode()
            writer.write(
                b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"
                b"X-Local-Azure: refused\r\nConnection: close\r\n"
                + f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            await writer.drain()
            return
        backend_reader, backend_writer = await asyncio.open_connection(
            LOOPBACK, self._backend_port, limit=_CHUNK
        )
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            client = writer.get_extra_info("socket")
            await asyncio.gather(
                _pipe(reader, backend_writer, acknowledge=client), _pipe(backend_reader, writer)
            )
        finally:
            backend_writer.close()

    def _refusal(self, method: str, target: str) -> str | None:
        """Returns why a request is refused, or None where it is served."""
        if method != "CONNECT":
            return (
                f"Local Azure refuses {method} {target}: its proxy carries HTTPS to Azure's own "
                "hosts only. Add the host to NO_PROXY to reach it directly."
            )
        host, _, port = target.rpartition(":")
        if port != "443" or not self._known(host):
            return (
                f"Local Azure refuses a connection to {target}: it is no host of this simulated "
                "Azure, and programs under these variables cannot leave the machine. Unset "
                "HTTPS_PROXY, or add the host to NO_PROXY, to reach it directly."
            )
        return None


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, acknowledge: Any = None
) -> None:
    """Passes bytes on until they end.

    urllib3 turns Nagle's algorithm on for proxied connections and writes headers and body apart:
    with Linux's delayed acknowledgements each request would wait 40 ms for the second part. So the
    socket `acknowledge` is told to acknowledge at once; the option lasts until the next read.
    """
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            if acknowledge is not None and hasattr(socket, "TCP_QUICKACK"):
                acknowledge.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
