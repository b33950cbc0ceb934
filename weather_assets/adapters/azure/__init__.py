"""The online endpoint: Azure ML through Azure's own SDK.

- `service`: the endpoint as `rollout` sees it. Around it: `settings` (where, who, which machines),
  `client` (retries and waiting), `deployments` (what a release is there), `data_plane` (asking for
  forecasts), `metrics`, `errors`.
- `local`, `process_variables`: Local Azure in Azure's place.
- `rollout_environment`: percentages and times of a rollout from environment variables.
"""
