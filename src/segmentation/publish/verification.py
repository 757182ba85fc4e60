"""Proof that a snapshot is whole: every byte as published, every table as its contract says.

Belongs here: checks of a snapshot directory, none of them from memory. Does not belong here: repairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from segmentation.domain.errors import IntegrityError
from segmentation.domain.hashing import hash_frame
from segmentation.domain.published_tables import CONTRACT_VERSION, INVOICE_SCORES, PUBLISHED_TABLES
from segmentation.domain.validation import find_violations
from segmentation.publish.checksums import hash_file
from segmentation.publish.control_totals import sum_controls
from segmentation.publish.database import read_database
from segmentation.publish.layout import DATABASE_FILE, MANIFEST_FILE, SNAPSHOT_PREFIX, table_file
from segmentation.publish.manifest import REPUBLISH, Manifest, TableFacts
from segmentation.publish.reader import Snapshot, open_snapshot

_SHOWN = 5


@dataclass(frozen=True)
class Verification:
    """What was checked and held: files with their bytes, tables with their rows."""

    snapshot_id: str
    file_count: int
    byte_count: int
    row_counts: dict[str, int]


def verify_snapshot(snapshot: Snapshot | Path, *, with_definitions: bool = True) -> Verification:
    """Return what was checked in a snapshot, once all of it held.

    Checks that the manifest is as it was sealed; that exactly its files are there, each with its
    SHA-256; that every table has its row count and content hash, in Parquet and in the database alike,
    and keeps its definition; that the control totals add up. A snapshot that was published under an
    earlier version of the contract is checked by its bytes alone: its tables had another form.

    Parameters
    ----------
    snapshot : an open snapshot, or the directory of one.
    with_definitions : whether to check tables against their definitions too; superfluous for one who did
        so before writing, as the content hashes prove that the same was read back.

    Raises
    ------
    IntegrityError
        When anything differs; it names the files.
    """
    path = snapshot.path if isinstance(snapshot, Snapshot) else Path(snapshot)
    found = open_snapshot(path)
    manifest = found.manifest
    problems = list(_file_problems(found.path, manifest))
    if found.path.name.startswith(SNAPSHOT_PREFIX) and found.path.name != SNAPSHOT_PREFIX + found.id:
        problems.append(f"{MANIFEST_FILE} belongs to snapshot {found.id}")
    if not problems:
        # Contents are read only from files whose bytes are known to be right.
        problems = list(_content_problems(found.path, manifest, with_definitions=with_definitions))
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise IntegrityError(
            f"Snapshot {found.id} is not as it was published: {'; '.join(problems[:_SHOWN])}{more}",
            where=str(found.path),
            remedy=REPUBLISH,
        )
    return Verification(
        found.id,
        len(manifest.files) + 1,
        sum(facts.byte_count for facts in manifest.files.values()),
        {name: facts.row_count for name, facts in manifest.tables.items()},
    )


def _file_problems(directory: Path, manifest: Manifest) -> Iterator[str]:
    entries = sorted(directory.rglob("*"))
    present = {str(entry.relative_to(directory)) for entry in entries if not entry.is_dir()}
    for name in sorted(present - manifest.files.keys() - {MANIFEST_FILE}):
        yield f"{name} does not belong to it"
    for name, facts in sorted(manifest.files.items()):
        entry = directory / name
        if name not in present:
            yield f"{name} is missing"
        elif entry.is_symlink():
            yield f"{name} is a link and not the file that was published"
        elif hash_file(entry) != facts.sha256:
            yield f"{name} was changed"


def _content_problems(directory: Path, manifest: Manifest, *, with_definitions: bool) -> Iterator[str]:
    if _version_of(manifest.contract_version) < _version_of(CONTRACT_VERSION):
        return
    for name in sorted(PUBLISHED_TABLES.keys() ^ manifest.tables.keys()):
        # A later minor version of the contract may add tables; this program cannot check those.
        if name in PUBLISHED_TABLES or manifest.contract_version == CONTRACT_VERSION:
            yield f"table {name} is not in both the manifest and the contract"
    stored: dict[str, pl.DataFrame] = {}
    try:
        stored = read_database(directory / DATABASE_FILE)
    except duckdb.Error as error:
        yield f"{DATABASE_FILE} cannot be read: {error}"
    for name in [name for name in PUBLISHED_TABLES if name in manifest.tables]:
        facts, frame = manifest.tables[name], pl.read_parquet(directory / table_file(name), glob=False)
        yield from _copy_problems(table_file(name), frame, facts)
        if name not in stored or not stored[name].equals(frame):
            yield from _copy_problems(f"{name} in {DATABASE_FILE}", stored.get(name), facts)
        if with_definitions:
            found = find_violations(frame, PUBLISHED_TABLES[name])
            yield from (f"{table_file(name)}: {text}" for text in found)
        if name == INVOICE_SCORES.name and sum_controls(frame) != manifest.control_totals:
            yield "the control totals of the manifest do not add up"


def _version_of(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _copy_problems(place: str, copy: pl.DataFrame | None, facts: TableFacts) -> Iterator[str]:
    if copy is None:
        yield f"{place} is missing"
    elif copy.height != facts.row_count:
        yield f"{place} has {copy.height} rows instead of {facts.row_count}"
    elif hash_frame(copy) != facts.content_hash:
        yield f"{place} has other content than the manifest says"
