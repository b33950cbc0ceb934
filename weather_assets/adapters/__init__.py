"""The outside world, one vendor SDK or mechanism per file (L2).

- `data_root`: where everything of one data root lies on disk.
- `raw_snapshot`: the raw files, identified by content.
- `processed_versions`: complete versions of the processed rows, replaced atomically.
- `spark_io`: Spark sessions, raw text in, Parquet out.
- `gang`, `rank_processes`: all training ranks as one unit, and the process backend.
- `training_runs`: one training from processed version to candidate directory.
- `model_registry`: MLflow runs, model versions and the champion alias.
- `scoring_environment`, `scoring_server`: the endpoint's own environment, and its real server.
- `azure_service`: the online endpoint, on Azure's SDK. Around it: `azure_settings`, `azure_client`
  (retries and waiting), `azure_deployments` (what a release is there), `azure_data_plane` (asking
  for forecasts), `azure_metrics`, `azure_errors`.
- `local_azure_service`, `process_variables`: Local Azure in Azure's place.
"""
