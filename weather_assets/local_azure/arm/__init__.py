"""Azure Resource Manager: `service` takes calls, `routes` finds what answers them in a workspace.

- `workspace`, `assets`, `endpoints`, `deployments`, `monitor`: the resources, one file each.
- `operations`: what takes its time.
"""
