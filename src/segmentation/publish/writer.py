"""Publication of a snapshot: written aside, verified, then put in force with one rename.

Belongs here: everything that writes under ``published``. Does not belong here: what goes into the
tables (assembly).

A snapshot becomes visible in two steps, each atomic: its directory is renamed to its final name,
and the link ``current`` is replaced. Whatever fails before leaves the last snapshot in force;
whatever is left behind is hidden and removed by the next publication.
"""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from segmentation.domain.errors import IntegrityError, SegmentationError, UsageError
from segmentation.domain.hashing import hash_frame
from segmentation.domain.published_tables import CONTRACT_VERSION, PUBLISHED_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.validation import require_valid
from segmentation.publish.checksums import hash_file
from segmentation.publish.contract import build_json_schema, write_contract
from segmentation.publish.control_totals import sum_controls
from segmentation.publish.database import write_database
from segmentation.publish.empty_tables import explain_empty
from segmentation.publish.layout import (
    CONTRACT_FILE,
    CURRENT,
    DATABASE_FILE,
    LOCK_FILE,
    MANIFEST_FILE,
    SCHEMA_FOLDER,
    UNFINISHED_PREFIX,
    published_directory,
    schema_file,
    snapshot_directory,
    snapshot_id,
    table_file,
)
from segmentation.publish.manifest import (
    Fairness,
    FileFacts,
    Manifest,
    RunFacts,
    TableFacts,
    canonical_json,
    installed_versions,
    seal_manifest,
)
from segmentation.publish.reader import Snapshot, list_snapshots, open_snapshot
from segmentation.publish.verification import verify_snapshot

LOCK_TIMEOUT_SECONDS = 60.0
_LOCK_POLL_SECONDS = 0.05


def publish_snapshot(
    tables: Frames, data_root: Path, facts: RunFacts, *, lock_timeout: float = LOCK_TIMEOUT_SECONDS
) -> Snapshot:
    """Publish the tables of a run and return the snapshot, which is then the one in force.

    Publishing the same run again verifies the snapshot that is there and puts it in force; one that
    was damaged meanwhile is replaced.

    Parameters
    ----------
    tables : every published table by name (``assembly.assemble_tables``).
    data_root : folder in which ``published`` lies.
    facts : what the run says about itself.
    lock_timeout : seconds to wait for another publication under the same data root.

    Raises
    ------
    IntegrityError
        When a table does not keep its definition, or what was written cannot be read back unchanged.
    UsageError
        When the data root cannot be written to, or somebody else publishes for too long.
    """
    published = published_directory(data_root)
    frames = _complete(tables)
    identifier = snapshot_id(facts.as_of, facts.fingerprint)
    try:
        published.mkdir(parents=True, exist_ok=True)
        with _lock(published / LOCK_FILE, lock_timeout):
            _remove_leftovers(published)
            final = snapshot_directory(data_root, identifier)
            if not _is_published(final, frames):
                _write(final, frames, facts)
            snapshot = open_snapshot(final)
            _point_to(final)
            _retire(data_root, keep=facts.keep_snapshots, current=final)
    except (OSError, duckdb.Error, pl.exceptions.PolarsError) as error:
        raise _unwritable(published, error) from error
    return snapshot


def _complete(tables: Frames) -> dict[str, pl.DataFrame]:
    missing = PUBLISHED_TABLES.keys() - tables.keys()
    if missing:
        raise IntegrityError(
            f"Tables are missing from the publication: {', '.join(sorted(missing))}",
            remedy="This is a defect of the program, not of your data: please report it with this message.",
        )
    return {name: require_valid(tables[name], table) for name, table in PUBLISHED_TABLES.items()}


def _is_published(final: Path, frames: Frames) -> bool:
    """Whether this very content lies at ``final`` undamaged; damaged, it is moved out of sight."""
    if not final.exists():
        return False
    try:
        verify_snapshot(final)
    except IntegrityError:
        final.rename(final.with_name(f"{UNFINISHED_PREFIX}damaged-{final.name}"))
        return False
    present = open_snapshot(final).manifest.tables
    differing = [name for name, frame in frames.items() if hash_frame(frame) != present[name].content_hash]
    if differing:
        raise IntegrityError(
            f"Snapshot {final.name} is published already, with other content in {', '.join(differing)}",
            where=str(final),
            remedy="A snapshot never changes. If the program was changed in between, remove that directory "
            "and publish again; otherwise please report it: the same run must give the same content.",
        )
    return True


def _write(final: Path, frames: Frames, facts: RunFacts) -> None:
    directory = final.with_name(f"{UNFINISHED_PREFIX}{final.name}")
    try:
        (directory / SCHEMA_FOLDER).mkdir(parents=True)
        for name, frame in frames.items():
            frame.write_parquet(directory / table_file(name), compression="zstd", statistics=True)
            schema = canonical_json(build_json_schema(PUBLISHED_TABLES[name]))
            (directory / schema_file(name)).write_bytes(schema)
        write_database(frames, directory / DATABASE_FILE)
        (directory / CONTRACT_FILE).write_bytes(write_contract())
        manifest = _describe(directory, frames, facts)
        (directory / MANIFEST_FILE).write_bytes(seal_manifest(manifest))
        for entry in directory.rglob("*"):
            _flush(entry)
        _flush(directory)
        verify_snapshot(directory, with_definitions=False)
        directory.rename(final)
        _flush(final.parent)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _describe(directory: Path, frames: Frames, facts: RunFacts) -> Manifest:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return Manifest(
        contract_version=CONTRACT_VERSION,
        snapshot_id=snapshot_id(facts.as_of, facts.fingerprint),
        as_of=facts.as_of,
        published_at=facts.published_at,
        valid_until=facts.as_of + timedelta(days=facts.valid_days),
        run_id=facts.run_id,
        run_fingerprint=facts.fingerprint,
        data_hash=facts.data_hash,
        settings_hash=facts.settings_hash,
        mapping_name=facts.mapping_name,
        model_version=facts.model_version,
        fairness=Fairness(verdict=facts.fairness_verdict, statement=facts.fairness_statement),
        quality=_summarise_quality(frames["out_quality"]),
        model=_summarise_model(frames["out_model_comparison"]),
        control_totals=sum_controls(frames["out_invoice_scores"]),
        tables={
            name: TableFacts(
                row_count=frame.height,
                content_hash=hash_frame(frame),
                note=None if frame.height else facts.notes.get(name, explain_empty(name)),
            )
            for name, frame in frames.items()
        },
        files={
            str(path.relative_to(directory)): FileFacts(
                byte_count=path.stat().st_size, sha256=hash_file(path)
            )
            for path in files
        },
        stage_seconds=dict(facts.stage_seconds),
        library_versions=installed_versions(),
    )


def _summarise_quality(quality: pl.DataFrame) -> dict[str, Any]:
    counts = quality.group_by("verdict").len().sort("verdict")
    noted = quality.filter(pl.col("verdict") != "pass")
    return {
        "check_count": quality.height,
        "by_verdict": dict(counts.iter_rows()),
        "statements": [f"{row['verdict']}: {row['statement']}" for row in noted.iter_rows(named=True)],
    }


def _summarise_model(comparison: pl.DataFrame) -> dict[str, Any]:
    chosen = comparison.filter(pl.col("is_published")).sort(pl.col("depth") != "all", "model", "depth")
    return chosen.row(0, named=True) if chosen.height else {}


def _point_to(final: Path) -> None:
    link = final.parent / CURRENT
    if link.is_symlink() and link.readlink() == Path(final.name):
        return
    aside = final.parent / f"{UNFINISHED_PREFIX}{CURRENT}"
    aside.symlink_to(final.name)
    aside.replace(link)
    _flush(final.parent)


def _retire(data_root: Path, *, keep: int, current: Path) -> None:
    by_publication = sorted(
        list_snapshots(data_root), key=lambda s: (s.manifest.published_at, s.id), reverse=True
    )
    others = [snapshot.path for snapshot in by_publication if snapshot.path.name != current.name]
    for path in others[max(keep - 1, 0) :]:
        hidden = path.with_name(f"{UNFINISHED_PREFIX}{path.name}")
        path.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)


def _remove_leftovers(published: Path) -> None:
    for entry in published.glob(f"{UNFINISHED_PREFIX}*"):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
