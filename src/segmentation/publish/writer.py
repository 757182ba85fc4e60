"""Publication of a snapshot: written aside, verified, then put in force with one rename.

Belongs here: everything that writes under ``published``. Does not belong here: what goes into the
tables (assembly).

A snapshot becomes visible in two steps, each atomic: its directory is renamed to its final name,
and the link ``current`` is replaced. Whatever fails before leaves the last snapshot in force;
whatever is left behind is hidden and removed by the next publication.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from segmentation.domain.errors import GateBlockedError, IntegrityError
from segmentation.domain.hashing import hash_frame
from segmentation.domain.published_tables import CONTRACT_VERSION, PUBLISHED_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.validation import require_valid
from segmentation.domain.vocabulary import Verdict
from segmentation.publish.candidates import remove_candidate, retire_candidates
from segmentation.publish.checksums import hash_file
from segmentation.publish.contract import build_json_schema, write_contract
from segmentation.publish.control_totals import sum_controls
from segmentation.publish.database import write_database
from segmentation.publish.empty_tables import explain_empty
from segmentation.publish.layout import (
    CONTRACT_FILE,
    DATABASE_FILE,
    REQUEST_SUFFIX,
    SCHEMA_FOLDER,
    UNFINISHED_PREFIX,
    candidate_directory,
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
)
from segmentation.publish.reader import Snapshot, open_snapshot
from segmentation.publish.succession import (
    LOCK_TIMEOUT_SECONDS,
    hold_publication,
    move_into_place,
    prepare_aside,
    put_in_force,
)
from segmentation.publish.verification import verify_snapshot


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
    GateBlockedError
        When the bias gate blocks: what it blocked is published by approving its candidate, never by this door.
    UsageError
        When the data root cannot be written to, or somebody else publishes for too long.
    """
    if facts.fairness_verdict == Verdict.BLOCK.value:
        raise GateBlockedError(
            f"The bias gate blocks: {facts.fairness_statement}",
            remedy="A named person can approve the candidate, with a reason and a last day.",
        )
    frames = _complete(tables)
    final = snapshot_directory(data_root, snapshot_id(facts.as_of, facts.fingerprint))
    with hold_publication(data_root, lock_timeout):
        if not _is_published(final, frames):
            _write(final, frames, facts)
        snapshot = open_snapshot(final)
        put_in_force(data_root, final, facts.keep_snapshots, facts.published_at)
    return snapshot


def keep_candidate(tables: Frames, data_root: Path, facts: RunFacts, request: Mapping[str, str]) -> Snapshot:
    """Write the snapshot of a run that may not be published aside, where a named person can approve it.

    Parameters
    ----------
    tables, data_root, facts : as for ``publish_snapshot``.
    request : what the run was made from, beside the snapshot for the one who approves it; only its owner can read it.

    Notes
    -----
    No reader of published snapshots sees a candidate: it lies in a folder of its own. A candidate of the
    same run is replaced; of all runs, as many are kept as of published snapshots.
    """
    frames = _complete(tables)
    final = candidate_directory(data_root, snapshot_id(facts.as_of, facts.fingerprint))
    with hold_publication(data_root):
        final.parent.mkdir(exist_ok=True)
        remove_candidate(final)
        aside = final.with_name(f"{UNFINISHED_PREFIX}{final.name}{REQUEST_SUFFIX}")
        aside.touch(mode=0o600)
        aside.write_bytes(canonical_json(request))
        aside.replace(final.with_name(final.name + REQUEST_SUFFIX))
        _write(final, frames, facts)
        retire_candidates(data_root, facts.keep_snapshots)
        return open_snapshot(final)


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
    with prepare_aside(final) as directory:
        (directory / SCHEMA_FOLDER).mkdir(parents=True)
        for name, frame in frames.items():
            frame.write_parquet(directory / table_file(name), compression="zstd", statistics=True)
            schema = canonical_json(build_json_schema(PUBLISHED_TABLES[name]))
            (directory / schema_file(name)).write_bytes(schema)
        write_database(frames, directory / DATABASE_FILE)
        (directory / CONTRACT_FILE).write_bytes(write_contract())
        for name, text in facts.documents.items():
            (directory / name).write_text(text, encoding="utf-8")
        move_into_place(directory, final, _describe(directory, frames, facts))


def _describe(directory: Path, frames: Frames, facts: RunFacts) -> Manifest:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return Manifest(
        contract_version=CONTRACT_VERSION,
        snapshot_id=snapshot_id(facts.as_of, facts.fingerprint),
        previous_id=facts.previous_id,
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
