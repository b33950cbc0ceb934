"""The outside world, one vendor SDK or mechanism per file (L2).

- `data_root`: where everything of one data root lies on disk.
- `raw_snapshot`: the raw files, identified by content.
- `processed_versions`: complete versions of the processed rows, replaced atomically.
- `spark_io`: Spark sessions, raw text in, Parquet out.
- `gang`, `rank_processes`: all training ranks as one unit, and the process backend.
- `training_runs`: one training from processed version to candidate directory.
- `model_registry`: MLflow runs, model versions and the champion alias.
- `scoring_environment`, `scoring_server`: the endpoint's own environment, and its real server.
"""
