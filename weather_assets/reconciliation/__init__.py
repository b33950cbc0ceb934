"""Desired state: what of the asset graph is to be made now, and what has to wait for what.

Where do I go to ... ?

- `facts`: what is known of an asset: its newest version, what it was made of, what was tried since
- `decision`: what can be decided about it
- `patience`: whether something is tried again: growing pauses, a budget, and the breaker
- `retraining`: on what terms new rows are reason enough to train again
- `plan`: what is to be made, for the whole graph

Facts in, decisions out; it never asks an orchestrator or a clock.
"""
