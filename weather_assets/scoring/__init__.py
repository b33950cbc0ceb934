"""What runs inside the endpoint, and the package that carries it there (L1).

- `score`: the entry script. Ships as it is; checks raw rows and answers probabilities.
- `signature`: what the served model takes and answers, written down as `signature.json`.
- `package`: assembles the package directory; `model_card` fills its MODEL_CARD.md.j2.
- `request_rows`: a processed row as the raw row that a client would send.
- `offline`: the same graph on many rows at once, without a server.
- `requirements.txt`: the pinned environment that the package is served in.
"""
