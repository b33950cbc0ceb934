"""Makes a failed assertion in a shared contract suite say what the values were."""

import pytest

pytest.register_assert_rewrite("weather_assets_tests.adapters.gang_contract")
