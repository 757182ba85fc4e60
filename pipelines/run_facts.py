"""Facts about a run that are not in any one table: what it was made from, and what came before."""

import datetime as dt
import hashlib
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipelines.settings_file import hash_settings
from segmentation.domain.core_tables import CANONICAL_TABLES, CAUSE_FINDING, DECISION, KNOWN_TABLES, RUN
from segmentation.domain.hashing import hash_frame, hash_text
from segmentation.domain.room_tables import AUDIT_VERDICT, ROOM_TABLES
from segmentation.domain.schema import Frames

if TYPE_CHECKING:
    from pipelines.resources import Run
    from segmentation.publish.manifest import RunFacts

READY_FOLDER = "next_delivery"
"""Where the account of a delivery waits under the data root until its run is published."""
PROVENANCE_NAMES = ("source_id", "source_system", "source_file", "source_line")


def describe_ledger(
    raw: Frames, facts: Frames, known: Frames, as_of: dt.date, mapping_name: str
) -> pl.DataFrame:
    """Return ``core_run``: what the ledger in the warehouse was made from.

    The hash covers what was known on the as-of day and nothing else, so that later facts in the
    same files, other file names or another order of rows do not change it.
    """
    later = sum(facts[name].height - known[name].height for name in CANONICAL_TABLES)
    row = {
        "as_of_date": as_of,
        "mapping_name": mapping_name,
        "data_hash": hash_text(
            *(hash_frame(known[name], ignore=PROVENANCE_NAMES) for name in sorted(KNOWN_TABLES))
        ),
        "rows_in": int(raw["raw_file"]["row_count"].sum()),
        "rows_later": later,
    }
    return RUN.conform(pl.DataFrame([row]))


def keep_account(run: "Run", facts: Frames, as_of: dt.date) -> None:
    """Compare a delivery with the last published one of this data root, and lay its own account ready.

    The account becomes what later deliveries are compared with once this one is published (``settle_account``); that of a
    blocked run does not.

    Raises
    ------
    InputRefusedError
        When the earlier one, read with the same mapping, had more, and ``accept_smaller`` does not say
        that this is right. Else a run that asks for an earlier as-of day neither compares nor keeps anything;
        one whose newest fact lies before that day has lost the newest facts, and is compared.
    """
    from segmentation.ledger.shrinkage import account_for, read_account, require_not_shrunk, write_account

    name = run.source_mapping.name
    ready = run.root / READY_FOLDER
    shutil.rmtree(ready, ignore_errors=True)
    previous = read_account(run.root)
    if previous is not None and previous.mapping_name == name and not run.accept_smaller:
        is_earlier = previous.as_of > as_of
        if is_earlier and run.requested_as_of is not None:
            return
        require_not_shrunk(previous, facts, run.settings.ledger)
        if is_earlier:
            return
    ready.mkdir(parents=True)
    write_account(ready, account_for(facts, name, as_of))


def read_ready_account(data_root: Path) -> str:
    """Return the account of the delivery in the warehouse as text; empty when it is not to be kept."""
    from segmentation.ledger.shrinkage import ACCOUNT_FILE

    path = data_root / READY_FOLDER / ACCOUNT_FILE
    return path.read_text(encoding="utf-8") if path.exists() else ""


def settle_account(data_root: Path, account: str) -> None:
    """Make the account of a delivery that was published what later ones are compared with; nothing when it is empty."""
    from segmentation.ledger.shrinkage import place_account

    if account:
        place_account(data_root, account)


def read_known_decisions(location: str, as_of: dt.date) -> pl.DataFrame:
    """Return the decisions made on snapshots of earlier as-of days (``core_decision``)."""
    from segmentation.publish.decisions import DecisionStore

    with DecisionStore(location) as store:
        return store.read_decisions(before=as_of)


def read_known_findings(location: str, as_of: dt.date) -> pl.DataFrame:
    """Return what people found out about causes on snapshots of earlier as-of days (``core_cause_finding``)."""
    from segmentation.publish.cause_findings import FindingStore

    with FindingStore(location) as store:
        return store.read_findings(before=as_of)


PROGRAM_FILES = ("*.py", "*.yaml", "*.jinja")
"""What a result can depend on: code, tables of words and rules, templates."""


@cache
def hash_program() -> str:
    """Return a hash of the program's own source and data files: a new version makes a new run."""
    root = Path(__file__).parent
    import segmentation

    folders = [Path(next(iter(segmentation.__path__))), root]
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for kind in PROGRAM_FILES for path in folder.rglob(kind)):
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def hash_files(ledger: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of the delivery by its path; InputRefusedError when there is none."""
    from segmentation.ledger.delivery_files import list_delivery_files

    digests = {}
    for name, path in list_delivery_files(ledger).items():
        with path.open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def fingerprint_inputs(run: "Run") -> str:
    """Return a hash of all that a run is told, cheap enough to ask before running it.

    Files by content, mapping, settings, requested as-of day, program and libraries.
    """
    return hash_text(
        *(f"{name}={digest}" for name, digest in sorted(hash_files(Path(run.ledger)).items())),
        run.source_mapping.model_dump_json(),
        run.settings.model_dump_json(),
        run.as_of,
        hash_program(),
        hash_libraries(),
    )


def hash_libraries() -> str:
    """Return a hash of the versions of the libraries that shape the figures."""
    from segmentation.publish.manifest import installed_versions

    return hash_text(*(f"{name}={number}" for name, number in sorted(installed_versions().items())))


def collect_facts(run: "Run", tables: Frames, run_id: str) -> "RunFacts":
    """Return what the manifest repeats of this run.

    The fingerprint that names the snapshot covers all that determines its content: what was known
    on the as-of day, settings, program, earlier decisions and findings, the snapshot that came before and the
    record of audits, blocked ones included.
    """
    from segmentation.fairness.report import REPORT_FILE, render_report
    from segmentation.publish.manifest import RunFacts
    from segmentation.publish.reader import open_previous

    audits = [table for name, table in ROOM_TABLES.items() if name.startswith("audit_")]
    frames = run.load([RUN, DECISION, CAUSE_FINDING, *audits])
    facts = frames[RUN.name].row(0, named=True)
    verdict = frames[AUDIT_VERDICT.name].row(0, named=True)
    previous = open_previous(run.root, facts["as_of_date"])
    settings_hash = hash_settings(run.settings)
    published_models = (
        tables["out_model_comparison"].filter("is_published")["model"].unique(maintain_order=True)
    )
    return RunFacts(
        as_of=facts["as_of_date"],
        published_at=dt.datetime.now(dt.UTC),
        run_id=run_id,
        fingerprint=hash_text(
            facts["data_hash"],
            facts["as_of_date"].isoformat(),
            facts["mapping_name"],
            settings_hash,
            hash_program(),
            hash_libraries(),
            hash_frame(frames[DECISION.name]),
            hash_frame(frames[CAUSE_FINDING.name]),
            previous.id if previous else "",
            hash_frame(tables["out_quality"]),
            hash_frame(tables["out_quarantine"]),
            hash_frame(tables["out_fairness_history"]),
        ),
        data_hash=facts["data_hash"],
        settings_hash=settings_hash,
        mapping_name=facts["mapping_name"],
        model_version=", ".join(published_models) or "none",
        fairness_verdict=verdict["verdict"],
        fairness_statement=verdict["statement"],
        previous_id=previous.id if previous else None,
        valid_days=run.settings.publish.valid_days,
        keep_snapshots=run.settings.publish.keep_snapshots,
        documents={REPORT_FILE: render_report(frames, run.settings.fairness, facts["as_of_date"])},
    )
