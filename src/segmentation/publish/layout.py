"""Names of the files and directories of a snapshot, and where they lie under a data root.

Belongs here: paths and file names that writer, reader and verification must agree on. Does not
belong here: anything that opens a file.
"""

from datetime import date
from pathlib import Path

PUBLISHED = "published"
CANDIDATES = "candidates"
REQUEST_SUFFIX = ".json"
CURRENT = "current"
SNAPSHOT_PREFIX = "snap-"
LOCK_FILE = ".lock"
IN_FORCE_FILE = ".in_force.jsonl"
UNFINISHED_PREFIX = ".unfinished-"
"""Everything hidden that a publication makes before it is whole starts with this."""

MANIFEST_FILE = "manifest.json"
CONTRACT_FILE = "contract.yaml"
DATABASE_FILE = "scored.duckdb"
SCHEMA_FOLDER = "schemas"

FINGERPRINT_DIGITS = 12


def published_directory(data_root: Path) -> Path:
    """Return the directory that holds all snapshots of a data root."""
    return Path(data_root) / PUBLISHED


def snapshot_id(as_of: date, fingerprint: str) -> str:
    """Return the identifier of the snapshot of a run: its as-of day and the start of its fingerprint.

    >>> snapshot_id(date(2026, 1, 31), "0123456789abcdef")
    '2026-01-31-0123456789ab'
    """
    return f"{as_of.isoformat()}-{fingerprint[:FINGERPRINT_DIGITS]}"


def snapshot_directory(data_root: Path, identifier: str) -> Path:
    """Return the directory of a snapshot."""
    return published_directory(data_root) / f"{SNAPSHOT_PREFIX}{identifier}"


def candidates_directory(data_root: Path) -> Path:
    """Return the directory that holds the snapshots of blocked runs, of which none is published."""
    return Path(data_root) / CANDIDATES


def candidate_directory(data_root: Path, identifier: str) -> Path:
    """Return the directory of the candidate that a blocked run left."""
    return candidates_directory(data_root) / f"{SNAPSHOT_PREFIX}{identifier}"


def table_file(table_name: str) -> str:
    """Return the name of the file that holds a published table."""
    return f"{table_name}.parquet"


def schema_file(table_name: str) -> str:
    """Return the path, within a snapshot, of the JSON Schema of a published table."""
    return f"{SCHEMA_FOLDER}/{table_name}.json"
