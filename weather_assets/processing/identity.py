"""What identifies processed rows: their content, whatever file, order or run they came from.

Belongs here: versions computed from content. Does not belong here: where versions are stored.
"""

import hashlib
from pathlib import Path

from weather_assets.contract.schema import Contract
from weather_assets.processing.parts.summaries import Summary
from weather_assets.processing.pipeline import STATISTICS, SUMMARY


def content_version(folder: Path, contract: Contract) -> str:
    """Returns a hash of what training and verification see: rows, splits, labels, statistics.

    Two versions with equal content are equal to everything downstream, so that a renamed file, a
    reordered one or an edited comment in our code costs no training.

    Args:
        folder: a version that `pipeline.process` wrote.
        contract: the contract that it was processed under.

    Returns:
        Sixteen hex digits.
    """
    digest = hashlib.sha256(contract.fingerprint.encode())
    digest.update((folder / STATISTICS).read_bytes())
    summary = Summary.from_json((folder / SUMMARY).read_text(encoding="utf-8"))
    for key in sorted(summary.rows):
        digest.update(f"{key}/{summary.rows[key]}/{summary.content[key]}".encode())
    return digest.hexdigest()[:16]
