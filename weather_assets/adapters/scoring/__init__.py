"""A scoring package in its own environment, behind the server that Azure runs.

- `environment`: the Python environment that the package pins.
- `server`: azureml-inference-server-http with the package, and HTTP to it.
"""
