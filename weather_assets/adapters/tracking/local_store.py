"""MLflow's store in one folder: a SQLite database, and the artifacts beside it.

Belongs here: the store's address, and keeping it independent of where its folder lies. Does not
belong here: what is in it (`model_registry`), or the tables of a new one (`empty_tables`).

MLflow records where artifacts lie as absolute addresses, with every experiment and every run. In a
folder that was moved, copied or unpacked elsewhere they would lead to the old place, which the next
run would make anew. So they are made to fit the folder whenever the store is opened.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

_SCHEME = "sqlite:///"
_ARTIFACTS = "artifacts"
_WAIT_SECONDS = 30.0
_MOVE = "UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
_BELOW_AN_EXPERIMENT = (("runs", "artifact_uri"), ("logged_models", "artifact_location"))


def sqlite_uri(database: Path) -> str:
    """Returns MLflow's tracking URI of a database; its path is plain (`plain_names`)."""
    return f"{_SCHEME}{database}"


def database_of(tracking_uri: str) -> Path | None:
    """Returns the database that a tracking URI names; None for a server and other stores."""
    if not tracking_uri.startswith(_SCHEME):
        return None
    path = tracking_uri.removeprefix(_SCHEME).partition("?")[0]
    return Path(unquote(path)).resolve()


def artifacts_of(database: Path) -> Path:
    """Returns the folder of the artifacts of a store."""
    return database.parent / _ARTIFACTS


def settle_artifacts(database: Path) -> None:
    """Has the store look for its artifacts beside its database, wherever that is by now.

    An experiment of which nothing is there keeps an address that leads to something; so does all of
    a store that cannot be written, such as an archive's: what is asked of that is in its tables.

    Args:
        database: a database with MLflow's tables.
    """
    if not os.access(database, os.W_OK):
        return
    with closing(sqlite3.connect(database, timeout=_WAIT_SECONDS)) as store, store:
        experiments = store.execute("SELECT experiment_id, artifact_location FROM experiments")
        for identity, old in experiments.fetchall():
            place = artifacts_of(database) / Path(_path(old)).name
            new = place.as_uri()
            if old == new or _is_elsewhere(old, place):
                continue
            store.execute(
                "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
                (new, identity),
            )
            below = f"{old}/"
            for table, column in _BELOW_AN_EXPERIMENT:
                store.execute(
                    _MOVE.format(table=table, column=column),
                    (new, len(old) + 1, len(below), below),
                )


def _is_elsewhere(location: str, place: Path) -> bool:
    """Tells whether an experiment's artifacts were never meant to be in this store."""
    if urlsplit(location).scheme not in {"", "file"}:
        return True
    return not place.is_dir() and Path(_path(location)).is_dir()


def _path(location: str) -> str:
    """Returns the path of a location: MLflow writes it as an address or as it is."""
    parts = urlsplit(location)
    return unquote(parts.path) if parts.scheme else location
