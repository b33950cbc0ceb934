"""MLflow: what was trained, and which version is champion.

- `model_registry`: runs, model versions and the champion alias.
- `local_store`: the store of a data root, wherever that lies.
- `leftovers`: which of MLflow's environment variables are meant; `process_store`: MLflow's fluent
  API, pointed to a store for a while.
- `empty_tables`: a new store without the 3 s of making its tables.
"""
