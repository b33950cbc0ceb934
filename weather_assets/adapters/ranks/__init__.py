"""Training ranks as one unit, wherever each of them runs.

- `gang`: all ranks, relaunched together until they finish; `attempt`: launched, watched and ended
  once; `settings`: their patience.
- `watch`: when a rank counts as failed.
- `protocol`: what ranks say, and what a place for ranks must offer.
- `processes`: ranks as processes of this machine.
"""
