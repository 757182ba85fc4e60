"""Whether a delivery is as large as it must be, and as its source says it is.

Belongs here: declared numbers of rows and stated totals against what was read. Does not belong here: the
comparison with an earlier delivery (shrinkage), with the source's balances (balance_list).
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, STATED_TABLES
from segmentation.domain.errors import InputRefusedError
from segmentation.domain.movements import SUM_OF_AMOUNTS
from segmentation.domain.schema import Frames
from segmentation.ledger.as_known import start_of
from segmentation.ledger.mapping import OBSERVED_AT, SourceMapping
from segmentation.ledger.source_rows import PLACE, write_source_id

_LEADING = ("core_invoice", "core_payment")
_REMEDY = "Export it again in full; when the delivery is right, correct what is stated about it."


def require_enough_rows(files: pl.DataFrame, mapping: SourceMapping) -> None:
    """Refuse a delivery with fewer rows of a kind of file than the mapping declares.

    Parameters
    ----------
    files : ``raw_file``.
    mapping : how the files were read; ``minimum_rows`` counts all files of a kind together, and a kind
        that may be absent is held to it only when it is there.

    Raises
    ------
    InputRefusedError
        When a kind of file has fewer rows than its ``minimum_rows``.
    """
    names = files.filter("is_mapped").select("source_file", "row_count").rows()
    for kind in mapping.files:
        found = [(name, rows) for name, rows in names if (mapping.file_mapping(name) or kind) is kind]
        row_count = sum(rows for _, rows in found)
        if found and row_count < kind.minimum_rows:
            raise InputRefusedError(
                f"The delivery has {row_count:,} rows where at least {kind.minimum_rows:,} are expected",
                where=", ".join(name for name, _ in found),
                remedy="Export it again in full; when it may be this small, lower `minimum_rows` in the mapping.",
            )


def require_control_totals(files: pl.DataFrame, facts: Frames, as_of: date) -> None:
    """Refuse a delivery that is not as its own control totals say.

    Parameters
    ----------
    files : ``raw_file``.
    facts : every canonical table with all facts, and ``core_quarantine``, as ``convert`` returns them.
    as_of : the as-of day; control totals learned, or stated on a day, on or after it say nothing yet.

    Raises
    ------
    InputRefusedError
        When a number of rows or an amount differs, or nothing of that name was delivered.

    Notes
    -----
    Counted are the rows learned up to the end of ``stated_date``, those in quarantine included (of unknown
    day as well): a bad row was delivered. A row of a file that fills several tables counts once, when its
    invoice, else its payment was learned. Amounts are compared where nothing of the subject is in
    quarantine, since what stands there cannot be added up; of several days about a subject the last counts.
    """
    stated = facts["core_control_total"].filter(
        (pl.col(OBSERVED_AT) < start_of(as_of)) & (pl.col("stated_date") < as_of)
    )
    if not stated.height:
        return
    latest = (
        stated.sort(
            "subject", "currency", "stated_date", OBSERVED_AT, "row_count", "amount_total", "source_id"
        )
        .unique(["subject", "currency"], keep="last", maintain_order=True)
        .sort("subject", "currency", nulls_last=True)
    )
    for total in latest.iter_rows(named=True):
        _require_total(total, files, facts)


def _require_total(total: dict[str, Any], files: pl.DataFrame, facts: Frames) -> None:
    subject, end = total["subject"], start_of(total["stated_date"] + timedelta(days=1))
    quarantine = facts["core_quarantine"].filter(pl.col(OBSERVED_AT).is_null() | (pl.col(OBSERVED_AT) < end))
    if f"core_{subject}" in CANONICAL_TABLES:
        name = f"core_{subject}"
        rows = facts[name]
        bad = quarantine.filter(pl.col("table_name") == name)
    elif subject in set(files["source_file"]):
        name, rows = _read_file(subject, facts)
        bad = quarantine.filter(pl.col("source_file") == subject)
    else:
        raise _refuse(total, "nothing of that name was delivered")
    rows = rows.filter(pl.col(OBSERVED_AT) < end)
    bad_count = bad.select(PLACE).unique().height
    if bad_count:
        rows = rows.join(bad.select(write_source_id()), on="source_id", how="anti")
    if total["currency"] is not None and "currency" in rows.columns:
        rows = rows.filter(pl.col("currency") == total["currency"])
        if bad_count:
            return  # in which currency the rows in quarantine are cannot be told
    if total["row_count"] is not None and total["row_count"] != rows.height + bad_count:
        raise _refuse(
            total,
            f"{total['row_count']:,} rows are stated and {rows.height + bad_count:,} were delivered",
        )
    if total["amount_total"] is None or bad_count or "amount" not in rows.columns:
        return
    found: Decimal = rows.select(pl.col("amount").cast(SUM_OF_AMOUNTS).sum()).item()
    if total["amount_total"] != found:
        raise _refuse(total, f"{total['amount_total']:,.2f} in all is stated and {found:,.2f} was delivered")


def _read_file(source_file: str, facts: Frames) -> tuple[str, pl.DataFrame]:
    """Return the table that leads the rows of a file, and its facts from there."""
    names = [*_LEADING, *(name for name in CANONICAL_TABLES if name not in _LEADING)]
    for name in names:
        rows = facts[name].filter(pl.col("source_id").str.starts_with(f"{source_file}:"))
        if rows.height and name not in STATED_TABLES:
            return name, rows
    return _LEADING[0], facts[_LEADING[0]].clear()


def _refuse(total: dict[str, Any], found: str) -> InputRefusedError:
    about = total["subject"] + (f", {total['currency']}" if total["currency"] else "")
    return InputRefusedError(
        f"The delivery is not as its control total says: {found}",
        where=f"{about}, by {total['source_id']}, as of the end of {total['stated_date']}",
        remedy=_REMEDY,
    )
