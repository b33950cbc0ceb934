"""What Azure publishes of managed online endpoints: limits, and how their cores are counted.

Belongs here: numbers that hold for every subscription. Does not belong here: the VM sizes
(`azure_machines`), or refusing what is beyond a limit. Source: "Manage resources and quotas for
Azure Machine Learning" and "Managed online endpoints SKU list" on learn.microsoft.com.
"""

import math
import re

MAX_DEPLOYMENTS = 20  # an endpoint
MAX_ENDPOINTS = 100  # a region
MAX_INSTANCES = 50  # a deployment
MAX_MIRROR_PERCENT = 50
MAX_REQUEST_TIMEOUT_SECONDS = 180.0
DEFAULT_REQUEST_TIMEOUT_SECONDS = 5.0
DEFAULT_QUEUE_SECONDS = 0.5
DEFAULT_CONCURRENCY = 1  # requests at a time, an instance
QUOTA_RESERVE = 1.2  # Azure reserves 20 % of instances for upgrades
NAME = re.compile(r"(?=.{3,32}$)[A-Za-z](?:-?[A-Za-z0-9])*")
"""Of an endpoint or a deployment."""


def cores_needed(cores: int, instances: int) -> int:
    """Returns the cores that count against the quota: `ceil(1.2 x instances) x cores`."""
    # Rounded first: 1.2 x 5 is 6.000000000000001 or 6 depending on the order of operations.
    return math.ceil(round(QUOTA_RESERVE * instances, 6)) * cores
