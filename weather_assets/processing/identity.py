"""What identifies processed rows: their content, whatever file, order or run they came from.

Belongs here: versions computed from content. Does not belong here: where versions are stored.
"""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds

from weather_assets.contract.schema import Contract
from weather_assets.processing.pipeline import STATISTICS, WEATHER


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
    table = ds.dataset(str(folder / WEATHER), format="parquet").to_table(
        columns=["row_hash", "label_encoded", "split"]
    )
    digest = hashlib.sha256(contract.fingerprint.encode())
    digest.update((folder / STATISTICS).read_bytes())
    splits = np.asarray(table["split"].to_numpy(), dtype=str)
    labels = table["label_encoded"].to_numpy()
    hashes = table["row_hash"].to_numpy()
    for split in sorted(set(splits.tolist())):
        for label in (0, 1):
            chosen = np.sort(hashes[(splits == split) & (labels == label)])
            digest.update(f"{split}/{label}/{len(chosen)}".encode())
            digest.update(chosen.tobytes())
    return digest.hexdigest()[:16]
