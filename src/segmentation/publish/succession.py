"""Which snapshot is in force: one publication at a time, one atomic change, older ones retired.

Belongs here: the lock, the move into place, the link ``current``, retention, and what hinders a publication in words. Does not
belong here: writing a snapshot (writer), or deciding about one (candidates).
"""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl

from segmentation.domain.errors import IntegrityError, SegmentationError, UsageError
from segmentation.publish.in_force import record_in_force
from segmentation.publish.layout import (
    CURRENT,
    LOCK_FILE,
    MANIFEST_FILE,
    SNAPSHOT_PREFIX,
    UNFINISHED_PREFIX,
    candidates_directory,
    published_directory,
)
from segmentation.publish.manifest import Manifest, seal_manifest
from segmentation.publish.reader import Snapshot, list_snapshots, open_snapshot
from segmentation.publish.verification import verify_snapshot

LOCK_TIMEOUT_SECONDS = 60.0
_LOCK_POLL_SECONDS = 0.05


@contextmanager
def hold_publication(data_root: Path, lock_timeout: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold the right to publish under a data root; what an earlier publication left unfinished is removed.

    Raises
    ------
    UsageError
        When the data root cannot be written to, or somebody else publishes for too long.
    """
    published = published_directory(data_root)
    try:
        published.mkdir(parents=True, exist_ok=True)
        with _lock(published / LOCK_FILE, lock_timeout):
            for folder in (published, candidates_directory(data_root)):
                _remove_leftovers(folder)
            yield
    except (OSError, duckdb.Error, pl.exceptions.PolarsError) as error:
        raise _unwritable(published, error) from error


@contextmanager
def prepare_aside(final: Path) -> Iterator[Path]:
    """Give a path beside ``final`` that no reader looks at; what still lies there afterwards is removed."""
    aside = final.with_name(f"{UNFINISHED_PREFIX}{final.name}")
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def move_into_place(aside: Path, final: Path, manifest: Manifest) -> None:
    """Complete a snapshot with its manifest, prove it as it lies on the disk, and move it to ``final``.

    Raises
    ------
    IntegrityError
        When what was written is not what the manifest says.
    """
    (aside / MANIFEST_FILE).write_bytes(seal_manifest(manifest))
    for entry in aside.rglob("*"):
        flush(entry)
    flush(aside)
    verify_snapshot(aside, with_definitions=False)
    aside.rename(final)
    flush(final.parent)


def put_in_force(data_root: Path, final: Path, keep: int, moment: datetime) -> None:
    """Point ``current`` to a snapshot directory, in one step, put that on record, and remove what is beyond retention.

    Parameters
    ----------
    data_root : folder with the snapshots.
    final : directory of the one to be in force.
    keep : how many publications and how many as-of days to keep.
    moment : present moment, with a time zone.
    """
    # First the one before: a crash may have come between the two steps, or a program without record published it.
    record_in_force(data_root, moment)
    _point_to(final)
    # It is in force: what cannot be put on record now is with the next publication.
    with suppress(OSError):
        record_in_force(data_root, moment)
    _retire(data_root, keep=keep, current=open_snapshot(final))


def flush(path: Path) -> None:
    """Have a file or directory written to the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point_to(final: Path) -> None:
    link = final.parent / CURRENT
    if link.is_symlink() and link.readlink() == Path(final.name):
        return
    aside = final.parent / f"{UNFINISHED_PREFIX}{CURRENT}"
    aside.symlink_to(final.name)
    aside.replace(link)
    flush(final.parent)


def list_outdated(directories: Iterable[Path], keep: int) -> list[Path]:
    """Return the snapshot directories beyond retention: all but the ``keep`` latest publications.

    Notes
    -----
    A damaged snapshot holds personal data too, and goes when there are ``keep`` later ones of any kind; it never takes the
    place of one that can be read. Where its manifest does not say when it was published, its directory's last change does.
    """
    found = []
    for path in directories:
        try:
            moment, is_whole = open_snapshot(path).manifest.published_at, True
        except IntegrityError:
            moment, is_whole = datetime.fromtimestamp(path.stat().st_mtime, UTC), False
        found.append((moment, path.name, is_whole, path))
    latest = sorted(found, reverse=True)
    whole = [path for *_, is_whole, path in latest if is_whole]
    damaged = [path for *_, is_whole, path in latest[keep:] if not is_whole]
    return whole[keep:] + damaged


def _retire(data_root: Path, *, keep: int, current: Snapshot) -> None:
    """Remove what is neither among the latest publications nor the list of an earlier day that is still asked for.

    The lists of the ``keep - 1`` days before, of one day at least, and of every day whose list is still valid stay, so
    that a day that is published many times does not take away yesterday's steps and the record of audits.
    """
    lists: dict[date, Snapshot] = {}
    for snapshot in list_snapshots(data_root):
        if snapshot.as_of < current.as_of:
            lists.setdefault(snapshot.as_of, snapshot)
    needed = {
        snapshot.path.name
        for number, snapshot in enumerate(lists.values())
        if number < max(keep - 1, 1) or snapshot.is_valid_on(current.as_of)
    }
    published = published_directory(data_root).glob(f"{SNAPSHOT_PREFIX}*")
    others = [path for path in published if path.name != current.path.name]
    for path in list_outdated(others, max(keep - 1, 0)):
        if path.name not in needed:
            remove_directory(path)


def remove_directory(path: Path) -> None:
    """Remove a snapshot's directory: from one moment to the next no reader finds it, whole or in part."""
    hidden = path.with_name(f"{UNFINISHED_PREFIX}{path.name}")
    path.rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def _remove_leftovers(published: Path) -> None:
    for entry in published.glob(f"{UNFINISHED_PREFIX}*"):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextmanager
def _lock(path: Path, timeout: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout
    with path.open("a") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise UsageError(
                        "Another run is publishing into the same data root",
                        where=str(path),
                        remedy="Wait until it is done, then run again.",
                    ) from error
                time.sleep(_LOCK_POLL_SECONDS)
            else:
                break
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(stream, fcntl.LOCK_UN)


def _unwritable(published: Path, error: Exception) -> SegmentationError:
    remedies = {
        errno.ENOSPC: "Free space on that disk, then run again.",
        errno.EDQUOT: "Free space within your quota, then run again.",
        errno.EACCES: "Give this user write access to it, or choose another folder with --data-root.",
        errno.EROFS: "It is read-only: choose another folder with --data-root.",
    }
    remedy = remedies.get(
        getattr(error, "errno", None) or 0, "Check the folder and its disk, then run again."
    )
    return UsageError(
        f"The snapshot could not be written: {getattr(error, 'strerror', None) or error}; the last one stays current",
        where=str(published),
        remedy=remedy,
    )
