"""The VM sizes that deployments may ask for: cores and quota family of each.

Belongs here: facts of the catalogue. Does not belong here: how quota is counted (`azure_limits`).
Source: https://learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """One VM size."""

    cores: int
    family: str


_FAMILIES: dict[str, dict[str, int]] = {
    "standardDSv2Family": {f"Standard_DS{n}_v2": 2 ** (n - 1) for n in range(1, 6)},
    "standardDASv4Family": {f"Standard_D{n}as_v4": n for n in (2, 4, 8, 16, 32, 48, 64, 96)},
    "standardDADSv5Family": {f"Standard_D{n}ads_v5": n for n in (2, 4, 8, 16, 32, 48, 64, 96)},
    "standardDSv3Family": {f"Standard_D{n}s_v3": n for n in (2, 4, 8, 16, 32, 48, 64)},
    "standardESv3Family": {f"Standard_E{n}s_v3": n for n in (2, 4, 8, 16, 32, 48, 64)},
    "standardFSv2Family": {f"Standard_F{n}s_v2": n for n in (2, 4, 8, 16, 32, 48, 64, 72)},
    "standardNCASv3_T4Family": {f"Standard_NC{n}as_T4_v3": n for n in (4, 8, 16, 64)},
    "standardNCSv3Family": {f"Standard_NC{n}s_v3": n for n in (6, 12, 24)},
}

MACHINES: dict[str, Machine] = {
    size.lower(): Machine(cores, family)
    for family, sizes in _FAMILIES.items()
    for size, cores in sizes.items()
}
"""By lower-case name: Azure takes sizes in any case."""

SIZES = tuple(size for sizes in _FAMILIES.values() for size in sizes)
