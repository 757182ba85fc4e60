"""The one way to read a snapshot: resolve ``current`` once, check every file before reading it.

Belongs here: opening and reading published snapshots. Does not belong here: writing them, and the
warehouse, which no reader ever opens.

A snapshot directory never changes once it is published, and ``current`` is resolved to such a
directory once, when it is opened. So a reader sees all tables of one run, whatever is published
in between.
"""

import logging
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from segmentation.domain.errors import IntegrityError, UsageError
from segmentation.publish.checksums import hash_unchanged_file
from segmentation.publish.in_force import read_in_force
from segmentation.publish.layout import (
    CURRENT,
    MANIFEST_FILE,
    SNAPSHOT_PREFIX,
    published_directory,
    snapshot_directory,
    table_file,
)
from segmentation.publish.manifest import REPUBLISH, Manifest, open_manifest

_LOG = logging.getLogger(__name__)
_RESOLVE_ATTEMPTS = 5


@dataclass(frozen=True)
class Snapshot:
    """One published snapshot: its identifier, directory and manifest.

    Open it with ``open_current``, ``open_snapshot`` or ``list_snapshots``; they check the manifest.
    """

    id: str
    path: Path
    manifest: Manifest

    @property
    def as_of(self) -> date:
        """Day before whose start everything was observed."""
        return self.manifest.as_of

    def is_valid_on(self, day: date) -> bool:
        """Whether consumers may rely on the snapshot on ``day``; past ``valid_until`` they may not."""
        return day <= self.manifest.valid_until

    def read_table(self, name: str, columns: list[str] | None = None) -> pl.DataFrame:
        """Return a published table once its file has proved to be the one that was published.

        Parameters
        ----------
        name : name of a published table, such as ``out_recommendations``.
        columns : columns to read; all of them when None.

        Returns
        -------
        Rows sorted by the table's key, typed as its definition says.

        Raises
        ------
        UsageError
            When the snapshot has no table of that name.
        IntegrityError
            When the file is missing or differs from the manifest.
        """
        if name not in self.manifest.tables:
            near = get_close_matches(name, self.manifest.tables, n=1)
            raise UsageError(
                f"Snapshot {self.id} has no table {name!r}",
                remedy=f"Did you mean {near[0]}?" if near else f"It has {', '.join(self.manifest.tables)}.",
            )
        return pl.read_parquet(self._check_file(table_file(name)), columns=columns, glob=False)

    def read_document(self, name: str) -> str | None:
        """Return a text kept in the snapshot, such as ``bias_report.html``, once proved; None when there is none.

        Raises
        ------
        IntegrityError
            When the file is missing or differs from the manifest.
        """
        if name not in self.manifest.files:
            return None
        return self._check_file(name).read_text(encoding="utf-8")

    def is_whole(self, *names: str) -> bool:
        """Whether these files are as they were published, all of them without names; the log tells which one is not."""
        try:
            for name in names or self.manifest.files:
                self._check_file(name)
        except IntegrityError as error:
            _LOG.warning("Snapshot %s is left out. %s", self.id, error)
            return False
        return True

    def _check_file(self, name: str) -> Path:
        path = self.path / name
        try:
            found = hash_unchanged_file(path)
        except FileNotFoundError as error:
            raise IntegrityError(
                f"{path.name} of snapshot {self.id} is missing", where=str(path), remedy=REPUBLISH
            ) from error
        if found != self.manifest.files[name].sha256:
            raise IntegrityError(
                f"{path.name} of snapshot {self.id} was changed after publication",
                where=str(path),
                remedy=REPUBLISH,
            )
        return path


def open_snapshot(directory: Path) -> Snapshot:
    """Return the snapshot in a directory.

    Raises
    ------
    IntegrityError
        When the manifest is missing or was changed.
    """
    path = Path(directory).resolve()
    source = path / MANIFEST_FILE
    try:
        data = source.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IntegrityError(
            "This is not a published snapshot: it has no manifest", where=str(source), remedy=REPUBLISH
        ) from error
    manifest = open_manifest(data, str(source))
    return Snapshot(manifest.snapshot_id, path, manifest)


def open_current(data_root: Path) -> Snapshot | None:
    """Return the snapshot in force; None when nothing was published yet.

    Raises
    ------
    IntegrityError
        When ``current`` points to nothing, or to a directory without its manifest.
    """
    link = published_directory(data_root) / CURRENT
    for attempt in range(_RESOLVE_ATTEMPTS):
        if not link.is_symlink() and not link.exists():
            return None
        target = link.resolve()
        try:
            return open_snapshot(target)
        except IntegrityError:
            # Retention may have removed the target between the two steps, once newer ones were published.
            if target == link.resolve() or attempt == _RESOLVE_ATTEMPTS - 1:
                raise
    return None


def find_snapshot(data_root: Path, identifier: str) -> Snapshot:
    """Return the snapshot of that identifier; ``current`` names the one in force.

    Raises
    ------
    UsageError
        When there is none.
    IntegrityError
        When there is, but its manifest does not hold.
    """
    if identifier == CURRENT:
        current = open_current(data_root)
        if current is not None:
            return current
    name = identifier.removeprefix(SNAPSHOT_PREFIX)
    directory = snapshot_directory(data_root, name)
    if identifier == CURRENT or directory.parent != published_directory(data_root) or not directory.is_dir():
        known = [path.name.removeprefix(SNAPSHOT_PREFIX) for path in _directories(data_root)]
        raise UsageError(
            f"There is no snapshot {identifier!r}",
            where=str(published_directory(data_root)),
            remedy=f"There are {', '.join(known)}."
            if known
            else "Nothing was published yet: run the pipeline.",
        )
    return open_snapshot(directory)


def list_snapshots(data_root: Path) -> list[Snapshot]:
    """Return all snapshots whose manifest holds, newest as-of day first, then the one that was last in force.

    Damaged ones are left out: they can neither be read nor shown; ``verify_snapshot`` names them.
    """
    found = []
    for directory in _directories(data_root):
        try:
            found.append(open_snapshot(directory))
        except IntegrityError:
            continue
    turn = {name: number for number, name in enumerate(read_in_force(data_root))}
    return sorted(
        found, key=lambda s: (s.as_of, turn.get(s.id, -1), s.manifest.published_at, s.id), reverse=True
    )


def open_previous(data_root: Path, as_of: date) -> Snapshot | None:
    """Return the latest whole snapshot with an earlier as-of day, to compare a new one with; None when there is none.

    A damaged one is passed over, and the log names it: one old file that cannot be read must not stop every later run.
    """
    return next((s for s in list_snapshots(data_root) if s.as_of < as_of and s.is_whole()), None)


def _directories(data_root: Path) -> list[Path]:
    return sorted(published_directory(data_root).glob(f"{SNAPSHOT_PREFIX}*"))
