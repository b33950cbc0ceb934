"""MLflow's empty tables, made once per environment and copied into every new data root.

Belongs here: the template, and placing tables as a whole. Does not belong here: anything in the
tables (`model_registry`).

MLflow makes a new database by going through every change of its schema so far, which takes 3 s; a
copy takes a millisecond. And MLflow that is killed meanwhile leaves half of the tables, with which
it never starts again; a copy is there as a whole or not at all.
"""

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from weather_assets.adapters.tracking.local_store import sqlite_uri


def template_path() -> Path:
    """Returns where the template of this environment's MLflow lies, or would."""
    return Path(sys.prefix) / "share" / "weather_assets" / f"mlflow-{version('mlflow')}.db"


def build_template() -> Path:
    """Makes the template; what was there before is replaced.

    Returns:
        The template, complete.
    """
    target = template_path()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tables-", dir=target.parent) as scratch:
        _make_tables(Path(scratch) / target.name).replace(target)
    return target


def place_tables(database: Path) -> None:
    """Puts all tables where there is no database yet: a copy of the template, or else made apart.

    Args:
        database: the SQLite file of a tracking store.
    """
    if database.exists() or not database.parent.is_dir():
        return
    template = template_path()
    with tempfile.TemporaryDirectory(prefix=f".{database.name}-", dir=database.parent) as scratch:
        draft = Path(scratch) / database.name
        if template.is_file():
            shutil.copyfile(template, draft)
        else:
            _make_tables(draft)
        draft.chmod(0o644)
        with suppress(FileExistsError):
            os.link(draft, database)  # unlike a rename, it never replaces what another has made


def _make_tables(database: Path) -> Path:
    from mlflow import MlflowClient  # noqa: PLC0415 - a second, which copying does without

    MlflowClient(sqlite_uri(database)).search_experiments()
    return database
