"""What survives a restart: documents by kind and name, in one SQLite file.

Belongs here: durable storage of JSON documents. Does not belong here: what they mean (`resources`),
or the content of blobs (`blob`).
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STATE_FILE = "state.sqlite"


class Store:
    """Documents by (kind, name). Every write is durable against a crash of the process."""

    def __init__(self, path: Path) -> None:
        """Opens the file, and makes it readable by its owner alone.

        Args:
            path: the SQLite file; it is made where it is missing.
        """
        path.touch(mode=0o600)
        # Downloads read it from worker threads; sqlite3 itself would take turns only per call.
        self._turn = threading.Lock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # NORMAL with a write-ahead log survives SIGKILL; only a power cut may lose the last writes.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS documents"
            " (kind TEXT, name TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID"
        )

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """Returns a document, or None."""
        rows = self._run("SELECT body FROM documents WHERE kind = ? AND name = ?", kind, name)
        return json.loads(rows[0][0]) if rows else None

    def put(self, kind: str, name: str, document: dict[str, Any]) -> None:
        """Writes a document, in place of one of the same kind and name."""
        body = json.dumps(document)
        self._run("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", kind, name, body)

    def delete(self, kind: str, name: str) -> None:
        """Deletes a document if it is there."""
        self._run("DELETE FROM documents WHERE kind = ? AND name = ?", kind, name)

    def items(self, kind: str, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the (name, document) pairs of a kind whose name starts with `prefix`, in order."""
        for name, body in self._run(
            "SELECT name, body FROM documents WHERE kind = ? ORDER BY name", kind
        ):
            if name.startswith(prefix):
                yield name, json.loads(body)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _run(self, statement: str, *values: str) -> list[tuple[str, ...]]:
        with self._turn:
            return self._database.execute(statement, values).fetchall()
