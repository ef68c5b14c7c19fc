"""All cases: each module enters its own."""

from tools.faults import command_line, data
from tools.faults.case import CASES

__all__ = ["CASES", "command_line", "data"]
