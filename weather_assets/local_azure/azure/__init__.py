"""What Azure ML is, whoever asks: resources, rules, states and failures.

- `rules`, `routing`: limits and conditions, and which deployment answers; pure functions.
- `resources`: endpoints and deployments; `state`: all of them, kept over a restart.
- `settings`: what a simulator may be told; `hosts`: Azure's host names.
- `errors`: Azure's way of refusing; `faults`: refusing on purpose.
"""
