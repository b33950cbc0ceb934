"""A guard that runs, and bytes sent to it.

Belongs here: what tests with a fake and with a real engine share.
"""

import asyncio
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from weather_assets.engine_guard.rules import Request
from weather_assets.engine_guard.server import Guard
from weather_assets.engine_guard.settings import Stack

ANSWER_SECONDS = 20.0
"""A hang guard: the answer of a real engine on a busy machine."""


@contextmanager
def running_guard(stack: Stack, engine: Path) -> Generator[int]:
    """Yields the loopback port of a guard in another thread."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(Guard(stack, engine).listen("127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def end() -> None:
        server.close()
        works = asyncio.all_tasks() - {asyncio.current_task()}
        for each in works:
            each.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(ANSWER_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(ANSWER_SECONDS)
        loop.close()


def as_bytes(request: Request) -> bytes:
    """A request as a plain client writes it."""
    change = f"Connection: Upgrade\r\nUpgrade: {request.upgrade}\r\n" if request.upgrade else ""
    head = (
        f"{request.method} {request.target} HTTP/1.1\r\nHost: docker\r\n{change}"
        f"Content-Type: application/json\r\nContent-Length: {len(request.body)}\r\n\r\n"
    )
    return head.encode() + request.body


def asked(port: int, data: bytes) -> bytes:
    """Sends bytes; returns all that comes back, until the guard ends the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as connection:
        try:
            connection.sendall(data)
            while chunk := connection.recv(65_536):
                answer += chunk
        except ConnectionError:
            pass  # ended with something unread: what has come counts
    return answer


def status(answer: bytes) -> int:
    """The status of an answer; 0 where there is none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0
