"""The gang launcher with ranks in containers: the shared fault matrix."""

from weather_assets_tests.adapters.ranks.gang_contract import GangContract


class TestContainers(GangContract):
    """The fault matrix, with containers."""
