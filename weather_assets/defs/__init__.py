"""Dagster wiring (L3): assets, checks, jobs, sensors, resources. Thin: no arithmetic, no data.

- `observations`: raw, processed and rejected weather.
- `training`: checkpoint, verdict, champion.
- `serving`: the scoring package.
- `gates`: pure verdicts wrapped as blocking asset checks.
- `automation`: when an asset follows its inputs, and the sensors that look.
- `jobs`: the pipelines by their names.
- `resources`: data root, Spark, MLflow, rank launcher.
- `warm_up`: loading libraries while Spark works.
- `code_versions`: what of our own code an asset's result depends on.
"""
