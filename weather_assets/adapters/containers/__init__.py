"""Training ranks as containers of a Docker engine.

- `backend`: starts, watches and ends one rank; `handle` is a rank that runs.
- `plan`: what a rank's container is made of; `settings`: what a user may choose of it.
- `engine`: talking to the engine; `output`: lines from its byte stream.
- `leftovers`: what an earlier run did not remove.
"""
