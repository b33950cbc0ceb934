"""Tests of `weather_assets.verification`."""
