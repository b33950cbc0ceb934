"""MLflow: what was trained, and which version is champion.

- `model_registry`: runs, model versions and the champion alias.
- `empty_tables`: a new store without the 3 s of making its tables.
"""
