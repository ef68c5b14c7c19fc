"""Experiments: one file each, run with `python -m experiments.NAME`; `python -m experiments` lists them."""

import sys

if sys.argv[:1] == ["-m"]:  # Python is looking for the module of its option -m, and first imports this package
    from experiments._unknown import exit_if_unknown

    exit_if_unknown(sys.orig_argv)
