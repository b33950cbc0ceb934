"""MLflow: what was trained, and which version is champion.

- `model_registry`: runs, model versions and the champion alias.
- `local_store`: the store of a data root, wherever that lies.
- `process_store`: that MLflow knows this store alone.
- `empty_tables`: a new store without the 3 s of making its tables.
"""
