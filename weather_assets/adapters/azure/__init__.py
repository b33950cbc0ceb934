"""The online endpoint: Azure ML through Azure's own SDK.

- `service`: the endpoint as `rollout` sees it, on `workspace`: the endpoint as the SDK has it.
  Around them: `settings` (where, who, which machines), `reach` (proxy, certificates, identity),
  `client` (retries, waiting), `management` and `uploads` (what the SDK has no option for),
  `deployments` (what a release is there), `data_plane` (asking for forecasts), `metrics`, `errors`.
- `local`: Local Azure in Azure's place; `simulator`: starting and stopping it.
"""
