"""The record of earlier bias audits, as snapshots and candidates keep it.

Belongs here: reading it back. Does not belong here: its next row (fairness).
"""

from datetime import date
from pathlib import Path

import polars as pl

from segmentation.domain.published_tables import FAIRNESS_HISTORY
from segmentation.publish.candidates import list_candidates
from segmentation.publish.reader import open_previous


def read_audit_history(data_root: Path, as_of: date) -> pl.DataFrame:
    """Return the audits of days before ``as_of``, blocked ones included, as ``out_fairness_history``.

    Parameters
    ----------
    data_root : folder with published snapshots and candidates.
    as_of : day of the run that asks.

    Notes
    -----
    The last snapshot repeats the record up to its day; candidates add the runs that were blocked since. A day that
    was blocked and published later counts as published. What is damaged is passed over, and the log names it.
    """
    previous = open_previous(data_root, as_of)
    kept = [previous] if previous else []
    kept += [found for found in list_candidates(data_root) if found.as_of < as_of and found.is_whole()]
    rows = [
        snapshot.read_table(FAIRNESS_HISTORY.name)
        for snapshot in kept
        if FAIRNESS_HISTORY.name in snapshot.manifest.tables
    ]
    known = pl.concat([FAIRNESS_HISTORY.empty(), *map(FAIRNESS_HISTORY.conform, rows)])
    return known.unique("as_of_date", keep="first", maintain_order=True).sort("as_of_date")
