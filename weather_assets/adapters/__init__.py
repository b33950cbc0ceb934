"""The outside world, one vendor SDK or mechanism per folder (L2).

- `files`: what lies in a data root, and how it is replaced as a whole.
- `ranks`: training ranks as one gang, and as processes of this machine.
- `containers`: the same ranks as containers of a Docker engine.
- `tracking`: MLflow's runs, model versions and aliases.
- `scoring`: the endpoint's own environment, and its real server.
- `azure`: the online endpoint on Azure's SDK, and Local Azure in Azure's place.
- `settings`: every setting, and reading it from environment variables.
- `own_settings`: what libraries of this process are told.
- `spark_session`: Spark's session and its settings.
- `spark_environment`: which Spark, Java and Python a session runs with.
"""
