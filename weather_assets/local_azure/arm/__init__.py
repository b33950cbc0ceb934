"""Azure Resource Manager: `service` takes calls and finds what answers them.

- `workspace`, `assets`, `endpoints`, `deployments`, `monitor`: the resources, one file each.
- `operations`: what takes its time.
"""
