"""Candidates: snapshots of runs that the bias gate blocked, and their approval by a named person.

Belongs here: finding, approving and removing candidates. Does not belong here: writing one (writer), or
whether the facts are still those that it was made from (the pipeline).

A candidate lies beside the published snapshots, in a folder that no reader looks into. Approving one makes
a copy whose manifest names who decided, why and until when; the copy is verified and then put in force
with the same two atomic steps as any other snapshot. Whatever fails before leaves candidate and
snapshot in force as they were.
"""

import json
import shutil
from pathlib import Path

from segmentation.domain.errors import GateBlockedError, IntegrityError, UsageError
from segmentation.domain.vocabulary import Verdict
from segmentation.publish.in_force import read_in_force
from segmentation.publish.layout import (
    REQUEST_SUFFIX,
    SNAPSHOT_PREFIX,
    UNFINISHED_PREFIX,
    candidate_directory,
    candidates_directory,
    snapshot_directory,
)
from segmentation.publish.manifest import Override
from segmentation.publish.reader import Snapshot, open_current, open_snapshot
from segmentation.publish.succession import (
    hold_publication,
    list_outdated,
    move_into_place,
    prepare_aside,
    put_in_force,
    remove_directory,
)
from segmentation.publish.verification import verify_snapshot

_AGAIN = "Run the pipeline again; when the gate still blocks, approve the new candidate."


def list_candidates(data_root: Path) -> list[Snapshot]:
    """Return all candidates whose manifest holds, newest as-of day first, then latest run."""
    found = []
    for directory in sorted(candidates_directory(data_root).glob(f"{SNAPSHOT_PREFIX}*")):
        if directory.is_dir():
            try:
                found.append(open_snapshot(directory))
            except IntegrityError:
                continue
    return sorted(found, key=lambda s: (s.as_of, s.manifest.published_at, s.id), reverse=True)


def find_candidate(data_root: Path, identifier: str) -> Snapshot:
    """Return the candidate of that identifier; UsageError, naming those there are, when there is none."""
    name = identifier.removeprefix(SNAPSHOT_PREFIX)
    directory = candidate_directory(data_root, name)
    if directory.parent != candidates_directory(data_root) or not directory.is_dir():
        known = [snapshot.id for snapshot in list_candidates(data_root)]
        raise UsageError(
            f"There is no blocked snapshot {identifier!r}",
            where=str(candidates_directory(data_root)),
            remedy=f"There are {', '.join(known)}."
            if known
            else "No run was blocked: there is nothing to approve.",
        )
    return open_snapshot(directory)


def read_request(candidate: Snapshot) -> dict[str, str]:
    """Return what the run of a candidate was made from; IntegrityError when that is not on record."""
    path = candidate.path.with_name(candidate.path.name + REQUEST_SUFFIX)
    try:
        request: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IntegrityError(
            f"What {candidate.id} was made from is not on record", where=str(path), remedy=_AGAIN
        ) from error
    return request


def publish_candidate(data_root: Path, candidate: Snapshot, override: Override, keep: int) -> Snapshot:
    """Publish a candidate under the name of the person who approved it; it is then the snapshot in force.

    Parameters
    ----------
    data_root : folder in which candidates and published snapshots lie.
    candidate : blocked snapshot (``find_candidate``).
    override : who, why, when and until when; consumers may not use the snapshot for longer than that.
    keep : how many published snapshots to keep.

    Raises
    ------
    IntegrityError
        When the candidate is not as it was written.
    GateBlockedError
        When the candidate was not blocked, or is already published.
    UsageError
        When the data root cannot be written to, or somebody else publishes for too long.
    """
    verify_snapshot(candidate)
    if candidate.manifest.fairness.verdict != Verdict.BLOCK.value:
        raise GateBlockedError(f"{candidate.id} was not blocked: it needs no approval", remedy=_AGAIN)
    final = snapshot_directory(data_root, candidate.id)
    manifest = candidate.manifest.model_copy(
        update={
            "override": override,
            "published_at": override.approved_at,
            "valid_until": min(candidate.manifest.valid_until, override.until),
        }
    )
    with hold_publication(data_root):
        current = open_current(data_root)
        if final.exists() and current is not None and _was_never_in_force(data_root, final, current):
            final.rename(final.with_name(f"{UNFINISHED_PREFIX}superseded-{final.name}"))
        if final.exists():
            raise GateBlockedError(
                f"{candidate.id} is published already",
                where=str(final),
                remedy="A snapshot never changes: approve the candidate of a later run.",
            )
        with prepare_aside(final) as copy:
            shutil.copytree(candidate.path, copy)
            move_into_place(copy, final, manifest)
        put_in_force(data_root, final, keep, override.approved_at)
        remove_candidate(candidate.path)
    return open_snapshot(final)


def _was_never_in_force(data_root: Path, final: Path, current: Snapshot) -> bool:
    """Whether a snapshot was left by an approval that died between its two steps: newer than the one in force."""
    left = open_snapshot(final)
    return (
        left.id not in read_in_force(data_root) and left.manifest.published_at > current.manifest.published_at
    )


def remove_candidate(directory: Path) -> None:
    """Remove a candidate and what is on record about its run."""
    if directory.exists():
        remove_directory(directory)
    directory.with_name(directory.name + REQUEST_SUFFIX).unlink(missing_ok=True)


def retire_candidates(data_root: Path, keep: int) -> None:
    """Remove all but the ``keep`` latest candidates, as ``list_outdated`` tells them."""
    found = candidates_directory(data_root).glob(f"{SNAPSHOT_PREFIX}*")
    for directory in list_outdated((path for path in found if path.is_dir()), keep):
        remove_candidate(directory)
