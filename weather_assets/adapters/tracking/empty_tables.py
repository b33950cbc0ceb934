"""MLflow's empty tables, made once per environment and copied into every new data root.

Belongs here: the template and its copies. Does not belong here: anything in the tables
(`model_registry`).

MLflow makes a new database by going through every change of its schema so far, which takes 3 s; a
copy takes a millisecond. And MLflow that is killed meanwhile leaves half of the tables, with which
it never starts again; a copy is there as a whole or not at all.
"""

import os
import shutil
import sys
import tempfile
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
    from mlflow import MlflowClient  # noqa: PLC0415 - a second, which copying does without

    target = template_path()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tables-", dir=target.parent) as scratch:
        made = Path(scratch) / target.name
        MlflowClient(sqlite_uri(made)).search_experiments()
        made.replace(target)
    return target


def place_tables(database: Path) -> None:
    """Puts a copy of the template where there is no database yet; does nothing without a template.

    Args:
        database: the SQLite file of a tracking store.
    """
    template = template_path()
    if not template.is_file() or database.exists() or not database.parent.is_dir():
        return
    descriptor, draft = tempfile.mkstemp(prefix=f".{database.name}-", dir=database.parent)
    os.close(descriptor)
    shutil.copyfile(template, draft)
    try:
        Path(draft).chmod(0o644)
        os.link(draft, database)  # unlike a rename, it never replaces what another process made
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
