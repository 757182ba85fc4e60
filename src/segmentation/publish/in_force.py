"""The record of which snapshot was put in force when: of several lists of one day the last one counts.

Belongs here: reading and extending the record. Does not belong here: changing what is in force (succession).

A list may be put in force again after another of its day: the moment of publication in its manifest, which never changes,
does not say so.
"""

import json
from datetime import datetime
from pathlib import Path

from segmentation.publish.layout import CURRENT, IN_FORCE_FILE, SNAPSHOT_PREFIX, published_directory


def read_current_id(data_root: Path) -> str | None:
    """Return the identifier of the snapshot that ``current`` names, whether or not it can be opened."""
    link = published_directory(data_root) / CURRENT
    return link.readlink().name.removeprefix(SNAPSHOT_PREFIX) if link.is_symlink() else None


def read_in_force(data_root: Path) -> list[str]:
    """Return the identifiers of all snapshots that were put in force, in that order; the one in force is the last.

    A line that was torn by a crash is passed over. Publications before there was a record are not in it.
    """
    found = _read_record(published_directory(data_root) / IN_FORCE_FILE)
    current = read_current_id(data_root)
    return found if current is None else [*found, current]


def record_in_force(data_root: Path, moment: datetime) -> None:
    """Add the snapshot in force to the record, unless it is its last line.

    Parameters
    ----------
    data_root : folder with the snapshots.
    moment : when it was put in force, with a time zone.
    """
    path, current = published_directory(data_root) / IN_FORCE_FILE, read_current_id(data_root)
    if current is not None and _read_record(path)[-1:] != [current]:
        with path.open("a", encoding="utf-8") as stream:
            # The line begins afresh, so that one which a full disk tore takes no other with it.
            stream.write("\n" + json.dumps({"snapshot_id": current, "since": moment.isoformat()}))


def _read_record(path: Path) -> list[str]:
    found: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line)["snapshot_id"])
        except (ValueError, KeyError):
            continue
    return found
