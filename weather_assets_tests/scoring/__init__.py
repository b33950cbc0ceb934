"""Tests of what runs inside the endpoint, and of its package."""
