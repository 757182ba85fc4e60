"""What was owed before instalments were agreed: the whole invoice, on its own due date.

Belongs here: invoices whose instalments were learned after them, in both of their versions. Does not belong
here: what was set against either (``paths``), features.

Notes
-----
The balances hold the instalments only. Before the day of the agreement nobody knew them, and the whole was
open or overdue; a feature of that time must see just that. The whole stands beside the instalments as part
``THE_WHOLE`` of its invoice: it is what was issued, and is owed until the day of the agreement. From then on
the instalments are owed, as money that was issued before. Where several days told the instalments, the last
counts: before it the rows that there are may be corrections of earlier ones.
"""

import polars as pl

from segmentation.domain.movements import list_movements
from segmentation.domain.schema import Frames
from segmentation.features.dates import OBSERVED

THE_WHOLE = 0
"""Instalment number of an invoice before its instalments were agreed."""

_BALANCE = "core_instalment_balance"


def tell_agreements(ledger: Frames) -> dict[str, pl.DataFrame]:
    """Return the ledger with both versions of invoices whose instalments were agreed after their issue.

    Parameters
    ----------
    ledger : the tables behind balances are read.

    Returns
    -------
    The ledger; its core_instalment_balance has two more columns: ``agreed_date``, the day on which an
    instalment was learned, null where that was with its invoice; and ``replaced_date``, the day on which
    instalments took the place of a whole, null for everything else.
    """
    balance = ledger[_BALANCE].with_columns(pl.lit(None, pl.Date).alias("replaced_date"))
    agreed = find_agreements(ledger)
    if agreed.is_empty():
        return {**ledger, _BALANCE: balance.with_columns(pl.lit(None, pl.Date).alias("agreed_date"))}
    parts = balance.join(agreed, on="invoice_id", how="left", maintain_order="left")
    return {**ledger, _BALANCE: pl.concat([parts, _recall_wholes(ledger, agreed).select(parts.columns)])}


def drop_later_movements(of_wholes: pl.DataFrame) -> pl.DataFrame:
    """Return movements of wholes (``known_date``, ``agreed_date``) that were learned until they were replaced."""
    return of_wholes.filter(pl.col("known_date") <= pl.col("agreed_date")).drop("agreed_date")


def find_agreements(ledger: Frames) -> pl.DataFrame:
    """Return the invoices whose instalments were learned after they were owed and known, and the day."""
    return (
        ledger["core_instalment"]
        .group_by("invoice_id")
        .agg(OBSERVED.max().alias("agreed_date"))
        .join(ledger["core_invoice"].select("invoice_id", "issue_date", OBSERVED), on="invoice_id")
        .filter(pl.col("agreed_date") > pl.max_horizontal("issue_date", "observed_at"))
        .select("invoice_id", "agreed_date")
    )


def _recall_wholes(ledger: Frames, agreed: pl.DataFrame) -> pl.DataFrame:
    # most ledgers have none, and its imports would take a fifth of the time that a small ledger needs
    from segmentation.ledger.balances import build_instalment_balances

    known = {
        **ledger,
        "core_invoice": ledger["core_invoice"].join(agreed, on="invoice_id", how="semi"),
        "core_instalment": ledger["core_instalment"].clear(),
    }
    lines = drop_later_movements(list_movements(ledger).join(agreed, on="invoice_id"))
    last = agreed.select(pl.col("agreed_date").max().dt.offset_by("1d")).item()
    return (
        build_instalment_balances(known, last, lines)
        .join(agreed, on="invoice_id")
        .select(
            pl.all().exclude("instalment_number", "agreed_date"),
            pl.lit(THE_WHOLE, pl.Int64).alias("instalment_number"),
            pl.lit(None, pl.Date).alias("agreed_date"),
            pl.col("agreed_date").alias("replaced_date"),
        )
    )
