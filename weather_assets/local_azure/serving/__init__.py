"""How a deployment comes to serve, and how a request is answered.

- `provisioning`: from a deployment's description to instances that are ready.
- `scorers`: one instance; `scorer_main`, `scorer_guard`: what its process runs first.
- `pools`: the instances of every deployment; `dataplane`: a request to one of them.
- `metrics`, `request_rates`: what was asked and answered.
"""
