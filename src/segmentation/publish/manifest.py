"""The manifest of a snapshot: what it is, where it comes from, and a checksum of everything in it.

Belongs here: the facts that a run hands over, the manifest's form, its seal. Does not belong here:
computing what goes in (writer) and comparing it with files (verification).

The manifest is written in one canonical JSON form and carries the SHA-256 of itself without that
field, so that a change of any byte of it shows.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from segmentation.domain.errors import IntegrityError
from segmentation.domain.published_tables import CONTRACT_VERSION

SEAL = "manifest_sha256"
LIBRARIES = ("payment-segmentation", "polars", "duckdb", "lightgbm", "scikit-learn", "fairlearn", "numpy")
REPUBLISH = "Run the pipeline again to publish it afresh, or restore the directory from a backup."


def installed_versions() -> dict[str, str]:
    """Return the installed versions of the libraries that shape the figures; absent ones are left out."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True)
class RunFacts:
    """What a run says about itself and the manifest repeats.

    Parameters
    ----------
    as_of : day before whose start everything was observed.
    published_at : moment of publication, with a time zone; the only place where the clock enters.
    run_id : identifier of the run.
    fingerprint : hexadecimal hash over everything that determines the content (input, settings, as-of
        day, previous snapshot, version of the program); names the snapshot.
    data_hash : content hash of the input.
    settings_hash : hash of the settings.
    mapping_name : name of the source mapping.
    model_version : model that speaks in the snapshot.
    fairness_verdict, fairness_statement : outcome of the bias gate, and that outcome in words.
    previous_id : identifier of the snapshot that ``out_changes`` was made against; None for the first one.
    valid_days : days after the as-of day during which consumers may use the snapshot.
    keep_snapshots : how many publications and how many as-of days to keep, the current one included.
    stage_seconds : time taken by stage; may be empty.
    notes : why a table is empty, by table name, where the run knows better than the standard sentence.
    documents : texts to be kept in the snapshot, such as the bias report, by file name.
    """

    as_of: date
    published_at: datetime
    run_id: str
    fingerprint: str
    data_hash: str
    settings_hash: str
    mapping_name: str
    model_version: str
    fairness_verdict: str
    fairness_statement: str
    previous_id: str | None = None
    valid_days: int = 7
    keep_snapshots: int = 30
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TableFacts(_Part):
    """Rows, content hash (independent of row order and file format) and, when empty, why."""

    row_count: int
    content_hash: str
    note: str | None = None


class FileFacts(_Part):
    """Size and SHA-256 of a file of the snapshot."""

    byte_count: int
    sha256: str


class Fairness(_Part):
    """Outcome of the bias gate."""

    verdict: str
    statement: str


class Override(_Part):
    """Who decided that a snapshot is published in spite of the bias gate, why, and until when it may be used."""

    approved_by: str
    reason: str
    approved_at: datetime
    until: date


class ControlTotals(_Part):
    """Sums over ``out_invoice_scores`` in one currency, amounts as decimal text."""

    open_invoice_count: int
    open_amount: str
    overdue_amount: str


class Manifest(_Part):
    """The manifest as readers see it; unknown fields of later minor versions are passed over.

    ``quality`` counts the checks by verdict and repeats the statements that are not a pass;
    ``model`` is the row of the published model in ``out_model_comparison``. ``override`` is None unless the bias gate
    blocked the run and a person approved it. ``previous_id`` names the snapshot to which ``out_changes`` applies; None for
    the first one, and where the contract was earlier than 1.7.0.
    """

    contract_version: str
    snapshot_id: str
    previous_id: str | None = None
    as_of: date
    published_at: datetime
    valid_until: date
    run_id: str
    run_fingerprint: str
    data_hash: str
    settings_hash: str
    mapping_name: str
    model_version: str
    fairness: Fairness
    override: Override | None = None
    quality: dict[str, Any]
    model: dict[str, Any]
    control_totals: dict[str, ControlTotals]
    tables: dict[str, TableFacts]
    files: dict[str, FileFacts]
    stage_seconds: dict[str, float]
    library_versions: dict[str, str]


def canonical_json(content: Mapping[str, Any]) -> bytes:
    """Return the one byte form of a JSON object: keys sorted, two blanks of indent, UTF-8, newline at end."""
    return (json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def seal_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of ``manifest.json``, with the seal over all other fields."""
    content = manifest.model_dump(mode="json")
    content[SEAL] = hashlib.sha256(canonical_json(content)).hexdigest()
    return canonical_json(content)


def open_manifest(data: bytes, where: str) -> Manifest:
    """Return the manifest in ``data`` once its seal holds.

    Raises
    ------
    IntegrityError
        When the bytes are not those that were written, or another major version of the contract wrote them.
    """
    broken = IntegrityError("The manifest was changed after publication", where=where, remedy=REPUBLISH)
    try:
        content = json.loads(data)
    except ValueError as error:
        raise broken from error
    if not isinstance(content, dict) or canonical_json(content) != data:
        raise broken
    seal = content.pop(SEAL, None)
    if seal != hashlib.sha256(canonical_json(content)).hexdigest():
        raise broken
    found = str(content.get("contract_version"))
    if found.split(".", maxsplit=1)[0] != CONTRACT_VERSION.split(".")[0]:
        raise IntegrityError(
            f"The snapshot keeps contract {found}, this program reads {CONTRACT_VERSION}",
            where=where,
            remedy="Read it with the version of the program that wrote it, or publish afresh with this one.",
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise broken from error
