"""The run-time type checker of the tests: beartype, which lets an int stand for a float as Python does."""

from beartype import BeartypeConf, beartype

typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))
