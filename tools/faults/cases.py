"""All cases: each module enters its own."""

from tools.faults import checkpoints, command_line, data, numerics, processes
from tools.faults.case import CASES

__all__ = ["CASES", "checkpoints", "command_line", "data", "numerics", "processes"]
