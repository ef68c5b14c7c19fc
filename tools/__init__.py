"""Checks and generators of the project, run as `python -m tools.NAME` from its root; not part of the package."""
