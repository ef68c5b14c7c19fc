"""Faults provoked on purpose, what a person sees of each, and what must hold: `python -m tools.faults`."""
