"""Errors that a user can mend. The command line prints their message without a traceback."""

__all__ = ["CheckpointError", "DatasetError", "DlxError", "NonFiniteError", "RunFolderError", "UsageError"]


class DlxError(Exception):
    """Base of the errors with a message for the user; the command line ends with `exit_code`."""

    exit_code = 1


class UsageError(DlxError):
    """An option or a configuration that cannot be used."""

    exit_code = 2


class DatasetError(DlxError):
    """A data set that is missing, damaged or unknown."""


class CheckpointError(DlxError):
    """A checkpoint that is missing, damaged or does not fit the state."""


class NonFiniteError(DlxError):
    """NaN or infinity in every replica of a run."""


class RunFolderError(DlxError):
    """A run folder that cannot be made, is taken, or is in use."""
