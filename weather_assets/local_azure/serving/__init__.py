"""How a deployment comes to serve, and how a request is answered.

- `provisioning`: from a deployment's description to instances that are ready.
- `scorers`: one instance, kept running.
- `pools`: the instances of every deployment; `dataplane`: a request to one of them.
- `metrics`, `request_rates`: what was asked and answered.
"""
