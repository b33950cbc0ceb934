"""Python environments of deployments.

- `conda`: reading the part of a conda file that can be built here.
- `building`: a virtual environment from it, cached by content.
"""
