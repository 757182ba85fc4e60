"""Files that verbs write where the user says.

Belongs here: folders that are missing, files that are whole or not there, words for what cannot be written. Does not
belong here: the content.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from segmentation.domain.errors import UsageError

_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd")
"""What a program holds open: written to, never replaced, whatever file a shell has put behind it."""


def write_output(path: Path, writer: Callable[[Path], object]) -> None:
    """Make the folder of ``path`` and write it whole with ``writer``, or leave it as it was.

    Links are followed; what is no regular file (a pipe, a terminal) is written to directly.

    Raises
    ------
    UsageError
        When it cannot be written.
    """
    with explain_refusal(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        target = _find_file(path)
        if target is None:
            writer(path)
            return
        aside = target.with_name(f".{uuid.uuid4().hex}-{target.name}")
        try:
            writer(aside)
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)


def remove_output(path: Path) -> None:
    """Remove the file that an earlier call wrote, so that nobody reads it again; UsageError when it cannot be removed."""
    with explain_refusal(path):
        if target := _find_file(path):
            target.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` and the end of its last line; UsageError when it cannot be written."""
    write_output(path, lambda place: place.write_text(text + "\n", encoding="utf-8"))


@contextmanager
def explain_refusal(path: Path) -> Iterator[None]:
    """Turn what the system says about a file into a UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"The file cannot be written: {error.strerror or error}",
            where=str(path),
            remedy="Choose another path.",
        ) from error


def _find_file(path: Path) -> Path | None:
    """Return the regular file behind ``path``, there or not; None for a stream, a device, a pipe or a folder."""
    is_stream = any(path.is_relative_to(place) for place in _STREAMS)
    return None if is_stream or (path.exists() and not path.is_file()) else path.resolve()
