"""Training ranks as one unit, wherever each of them runs.

- `gang`: all ranks, started, watched, ended and relaunched together; `settings`: its patience.
- `watch`: when a rank counts as failed.
- `protocol`: what ranks say, and what a place for ranks must offer.
- `processes`: ranks as processes of this machine.
"""
