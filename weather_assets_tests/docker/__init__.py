"""Tests that need a Docker engine and built images: `make docker-test`, never `make test`."""
