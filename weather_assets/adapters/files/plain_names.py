"""A second name for a folder whose own name libraries misread.

Belongs here: which names are plain, and the link that stands for another. Does not belong here:
what is opened under it.

Dagster and MLflow write a database's path into an address as it is, where SQLAlchemy takes `%20`
for a space and `?` for the end of the path; Dagster also looks for files by patterns, in which `[`
and `*` mean something. Under `a%20b` they would open what belongs to `a b`. They are given a
symbolic link instead, of plain characters, in the user's cache.
"""

import hashlib
import os
import re
from pathlib import Path

from weather_assets.adapters.files.user_cache import CACHE_VARIABLE, cache_folder
from weather_assets.foundation.atomic_files import point_link

_PLAIN = re.compile(r"[\w/ .,+=-]+")
_LINKS = "names"


class AwkwardNameError(ValueError):
    """A folder cannot be used under its name. The message says what to change."""


def readable(folder: Path) -> Path:
    """Returns a folder whose name is text; Arrow opens no others.

    Raises:
        AwkwardNameError: its bytes are not UTF-8.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise AwkwardNameError(
            f"the name {str(folder)!a} is no UTF-8 text, and libraries cannot open what lies "
            "there; rename the folder"
        ) from None
    return folder


def plainly_named(folder: Path) -> Path:
    """Returns a folder under a name that every library reads as it is: its own, or a link's.

    Args:
        folder: absolute; need not exist.

    Raises:
        AwkwardNameError: the cache has an awkward name too.
    """
    if _PLAIN.fullmatch(str(folder)):
        return folder
    link = cache_folder() / _LINKS / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    if not _PLAIN.fullmatch(str(link)):
        raise AwkwardNameError(
            f"{folder} needs a name that libraries do not misread, and the cache {link.parent} has "
            f"none either; set {CACHE_VARIABLE} to a folder whose path has letters and digits alone"
        )
    link.parent.mkdir(parents=True, exist_ok=True)
    point_link(link, folder)
    return link
