"""Experiments: one file each, run with `python -m experiments.NAME`; `python -m experiments` lists them."""
