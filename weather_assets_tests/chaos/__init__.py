"""Chaos: the real `weather-assets dev`, harmed at random, which must come to rest by itself.

- `harm`: raw files that come and go, and processes that are killed.
- `platform`: the `dev` that is harmed, and its family.
- `agreement`: what must agree when all is quiet.
"""
