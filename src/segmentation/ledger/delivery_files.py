"""The files of a delivery: which count, and what kind each is of.

Belongs here: finding files. Does not belong here: reading them (sources, readers).
"""

import os
from pathlib import Path

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.mapping import FileMapping, SourceMapping
from segmentation.ledger.near_words import nearest

_NO_DATA = frozenset(
    {".md", ".rst", ".log", ".py", ".ipynb", ".sql", ".sh", ".yaml", ".yml", ".toml", ".ini", ".cfg"}
    | {".md5", ".sha1", ".sha256", ".sig", ".asc", ".png", ".jpg", ".jpeg", ".svg"}
    | {".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", ".bak", ".lock"}
    | {".duckdb", ".wal", ".sqlite", ".db"}
)
"""Suffixes of notes, programs, settings, digests and pictures, of files that are still arriving, and of databases.

Any other file may hold invoices or payments, an archive or a statement without a suffix too: where the mapping
does not read it, the check of the delivery says so.
"""

_TRUTH = "truth"
_WORKSPACE_MARKS = ("warehouse.duckdb", "run.lock")
"""Files by which a folder is known to be a data root of this program and not part of a delivery."""

_OWN_FOLDERS = frozenset({"published", "candidates", "dagster", "next_delivery"})


def list_delivery_files(ledger: Path) -> dict[str, Path]:
    """Return the files that count as the delivery, by their path relative to the ledger folder, sorted.

    Parameters
    ----------
    ledger : folder of the delivery, or its only file.

    Raises
    ------
    InputRefusedError
        When there is no such folder or file, or a file or folder in it cannot be read.

    Notes
    -----
    Not part of a delivery: hidden files and folders, backups (``~``), files that are no data by their suffix,
    ``truth`` folders of simulated worlds, and data roots of this program (what it published must not
    come back as input).
    """
    if ledger.is_file():
        _require_readable(ledger, ledger.name)
        return {ledger.name: ledger}
    if not ledger.is_dir():
        raise InputRefusedError(
            "There is no such ledger folder or file",
            where=str(ledger),
            remedy="Give the path of the folder that holds the exported files.",
        )
    found: dict[str, Path] = {}
    for folder, subfolders, names in os.walk(ledger, onerror=_refuse_unreadable):
        here = Path(folder)
        subfolders[:] = [name for name in subfolders if _may_hold_files(here, name, ledger)]
        for name in names:
            if name.startswith((".", "~")) or _is_no_data(name):
                continue
            relative = (here / name).relative_to(ledger).as_posix()
            _require_readable(here / name, relative)
            found[relative] = here / name
    return {name: found[name] for name in sorted(found, key=lambda name: Path(name).parts)}


def _may_hold_files(parent: Path, name: str, ledger: Path) -> bool:
    if name == _TRUTH or name.startswith((".", "~")) or _is_workspace(parent / name):
        return False
    return not (name in _OWN_FOLDERS and parent == ledger and _is_workspace(ledger))


def _is_no_data(name: str) -> bool:
    return name.endswith("~") or Path(name).suffix.lower().split("-")[0] in _NO_DATA  # .sqlite-wal


def _is_workspace(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in _WORKSPACE_MARKS)


def _require_readable(path: Path, name: str) -> None:
    if not path.is_file():
        raise InputRefusedError(
            "This is a broken link or not a file",
            where=name,
            remedy="Take it out of the ledger folder, or put the file there that it stands for.",
        )
    if not os.access(path, os.R_OK):
        raise unreadable(name, "no permission")


def _refuse_unreadable(error: OSError) -> None:
    raise unreadable(str(error.filename), str(error.strerror)) from None


def unreadable(name: str, why: str) -> InputRefusedError:
    """Return the refusal of a file or folder that the operating system does not let be read."""
    return InputRefusedError(
        f"The file or folder cannot be read: {why}",
        where=name,
        remedy="Check its permissions and that no other program is writing it.",
    )


def assign_kinds(ledger: Path, files: dict[str, Path], mapping: SourceMapping) -> dict[str, FileMapping]:
    """Return the kind of each file that the mapping reads; refuse when one that it needs is not there."""
    kinds = {name: kind for name in files if (kind := mapping.file_mapping(name)) is not None}
    if not kinds and ledger.is_file() and len(mapping.files) == 1:
        return {ledger.name: mapping.files[0]}  # the user named the file: its name need not fit
    for kind in mapping.files:
        if kind.optional or any(found is kind for found in kinds.values()):
            continue
        strays = [name for name in files if name not in kinds]
        likely = nearest(kind.filename, strays)
        raise InputRefusedError(
            f"The ledger has no file {kind.filename}" + (f"; is it {likely!r}?" if likely else ""),
            where=str(ledger),
            remedy=f"Add or rename the file, or choose another mapping than {mapping.name!r}.",
        )
    return kinds
