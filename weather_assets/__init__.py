"""weather_assets: a continuous-training platform for rain forecasts, as one Dagster asset graph.

Where do I go to ...

- say what a weather.csv is (columns, units, bounds, label)?    `weather_assets.contract`
- have a contract proposed for an unknown file?                 `weather_assets.suggestion`
- change how raw rows are read, checked, labelled or split?     `weather_assets.processing`
- change the network or how a rank trains it?                   `weather_assets.forecasting`
- change what "better" means?                                   `weather_assets.verification`
- change when what serves has lost its skill?                   `weather_assets.monitoring`
- change what the endpoint accepts and answers?                 `weather_assets.scoring`
- change how a model comes to serve, or goes back?              `weather_assets.rollout`
- talk to Spark, MLflow, processes or the file system?          `weather_assets.adapters`
- change what an asset does, from its inputs to its result?     `weather_assets.workflows`
- change what is made by itself, and when it is tried again?    `weather_assets.reconciliation`
- wire it into the asset graph?                                 `weather_assets.defs`
- assemble the code location?                                   `weather_assets.definitions`
- use it from a shell?                                          `weather_assets.cli`
- change a subcommand?                                          `weather_assets.commands`
- serve without Azure?                                          `weather_assets.local_azure`
- let containers launch containers, and do nothing else?        `weather_assets.engine_guard`
- find what stands below all of it?                             `weather_assets.foundation`
"""
