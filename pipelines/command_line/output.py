"""Files that verbs write where the user says.

Belongs here: folders that are missing, words for what cannot be written. Does not belong here: the content.
"""

from collections.abc import Callable
from pathlib import Path

from segmentation.domain.errors import UsageError


def write_output(path: Path, writer: Callable[[Path], object]) -> None:
    """Make the folder of ``path`` and call ``writer`` with it; UsageError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(path)
    except OSError as error:
        raise UsageError(
            f"The file cannot be written: {error.strerror}", where=str(path), remedy="Choose another path."
        ) from error


def remove_output(path: Path) -> None:
    """Remove what an earlier call wrote, so that nobody reads it again; UsageError when it cannot be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"The earlier file cannot be removed: {error.strerror}",
            where=str(path),
            remedy="Choose another path.",
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write ``text`` and the end of its last line; UsageError when it cannot be written."""
    write_output(path, lambda place: place.write_text(text + "\n", encoding="utf-8"))
