"""weather_assets: a continuous-training platform for rain forecasts, as one Dagster asset graph.

Where do I go to ...

- say what a `weather.csv` is (columns, units, bounds, label)?  `weather_assets.contract`
- change how raw rows are read, checked, labelled or split?     `weather_assets.processing`
- change the network or how a rank trains it?                   `weather_assets.forecasting`
- change what "better" means?                                   `weather_assets.verification`
- change what the endpoint accepts and answers?                 `weather_assets.scoring`
- talk to Spark, MLflow, processes or the file system?          `weather_assets.adapters`
- wire it into the asset graph?                                 `weather_assets.defs`
- use it from a shell?                                          `weather_assets.cli`
"""
