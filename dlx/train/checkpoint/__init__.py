"""Checkpoints of any pytree: atomic, verified, without pickle."""

from dlx.train.checkpoint.file import (
    FORMAT,
    DamagedCheckpointError,
    Restored,
    read,
    read_arrays,
    read_manifest,
    verify,
    write,
)
from dlx.train.checkpoint.folder import Best, Checkpoints, checkpoint_path, find_checkpoints, restore

__all__ = [
    "FORMAT",
    "Best",
    "Checkpoints",
    "DamagedCheckpointError",
    "Restored",
    "checkpoint_path",
    "find_checkpoints",
    "read",
    "read_arrays",
    "read_manifest",
    "restore",
    "verify",
    "write",
]
