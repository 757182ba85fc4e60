"""Every error a user can meet: what happened, where, and what to do about it.

The command line turns one of these into a single paragraph and its exit code. Anything that is
not a ``SegmentationError`` is a defect of the program and keeps its traceback.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the ``segmentation`` command."""

    DONE = 0
    USAGE = 2
    INPUT_REFUSED = 3
    GATE_BLOCKED = 4
    INTEGRITY = 5


class SegmentationError(Exception):
    """Base of all errors shown to a user.

    Parameters
    ----------
    what : one sentence that says what is wrong.
    where : file, line, column, table or setting concerned; None when the sentence says it.
    remedy : what the reader can do about it.
    """

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, what: str, *, where: str | None = None, remedy: str) -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        """One paragraph: what, where, remedy."""
        place = f" ({self.where})" if self.where else ""
        return f"{self.what.rstrip('.')}{place}. {self.remedy}"


class UsageError(SegmentationError):
    """A command, setting or mapping that cannot be carried out as it was written."""

    exit_code = ExitCode.USAGE


class InputRefusedError(SegmentationError):
    """A file that cannot be understood well enough to trust any row of it."""

    exit_code = ExitCode.INPUT_REFUSED


class GateBlockedError(SegmentationError):
    """A check or the bias gate that forbids publication; the last snapshot stays current."""

    exit_code = ExitCode.GATE_BLOCKED


class IntegrityError(SegmentationError):
    """Published files that are missing, changed or do not keep their contract."""

    exit_code = ExitCode.INTEGRITY
