"""All that must not reach the engine, for the rules, for the guard and for a real engine.

Belongs here: the whole table, and what is no request at all. Does not belong here: its parts
(`hostile_containers`, `hostile_calls`), who asks (`test_rules`, `docker.test_engine_guard`).
"""

from weather_assets.engine_guard.rules import Request
from weather_assets_tests.engine_guard import hostile_calls, hostile_containers

PARTS: dict[str, dict[str, Request]] = {
    "power": hostile_containers.POWERS,
    "mount": hostile_containers.MOUNTS,
    "container": hostile_containers.CONTAINERS,
    "json": hostile_containers.JSON,
    "network": hostile_calls.NETWORKS,
    "neighbour": hostile_calls.NEIGHBOURS,
    "own": hostile_calls.OWN,
    "list": hostile_calls.LISTS,
    "elsewhere": hostile_calls.ELSEWHERE,
    "path": hostile_calls.PATHS,
    "query": hostile_calls.QUERIES,
}
HOSTILE = {f"{part}: {what}": each for part, table in PARTS.items() for what, each in table.items()}

RAW_BYTES: dict[str, bytes] = {
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /_ping\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303"),
    "a body in pieces": b"POST /v1.41/networks/create HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "two lengths": b"POST /v1.41/networks/create HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}\n",
    "a length and pieces": b"POST /v1.41/networks/create HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "a length below zero": b"GET /_ping HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "no host": b"GET /_ping HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /_ping HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "a head without end": b"GET /_ping HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000,
    "a NUL in a head": b"GET /_ping HTTP/1.1\r\nHost: x\0y\r\n\r\n",
    "a space before the colon": b"GET /_ping HTTP/1.1\r\nHost : x\r\n\r\n",
    "a target with a space": b"GET /_ping /x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target with bytes above": b"GET /_ping\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "h2c on a harmless question": b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, "
    b"HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
}
"""What is no request of the table's form: as bytes on a connection."""
