"""Dagster wiring (L4): assets, checks, jobs, sensors, resources. Thin: no arithmetic, no data.

- `observations`: raw, processed and rejected weather.
- `monitoring`: live skill.
- `training`: checkpoint, verdict, champion.
- `serving`: the scoring package.
- `rollout`: the deployments and their traffic.
- `metadata`, `training_metadata`, `rollout_metadata`: what the UI shows of each.
- `automation`: when an asset is made by itself, and the sensors that look; `raw_sensor`: the one
  that looks at `raw/`.
- `recorded_facts`: what the event log says, as facts for `reconciliation`; `retraining`: likewise
  of trainings, for the terms on which new rows train; `run_tags`: what runs
  carry for it; `endings`: what a failed step says of itself.
- `pools`: who may write what at the same time.
- `run_workers`: which process works for a run, and whether it lives.
- `jobs`: the pipelines by their names.
- `resources`: data root, MLflow, rank launcher; `settings`: limits, training, rollout, Spark, and
  what the launchpad may say of them.
- `code_versions`: what of our own code an asset's result depends on.
"""
