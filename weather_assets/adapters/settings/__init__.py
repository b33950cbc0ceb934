"""Settings from environment variables: the one way in which any of them is read.

- `variables`: a dataclass of settings, its variables, and reading them with pydantic-settings.
- `concerns`: every group of settings that the product has, each with its variables.
- `places`: where things lie: data root, cache, MLflow's server.

Settings themselves are plain dataclasses beside what they are for (`forecasting.settings`,
`rollout.settings`, `adapters.azure.settings` ...), which say what is allowed of each.
"""
