"""Control totals: the few sums by which two parties see that they speak about the same book.

Belongs here: totals per currency of what is published. Does not belong here: reconciliation of the
delivery (ledger).
"""

import polars as pl

from segmentation.domain.schema import AMOUNT_PRECISION, AMOUNT_SCALE
from segmentation.publish.manifest import ControlTotals

_AMOUNT = pl.Decimal(AMOUNT_PRECISION + 10, AMOUNT_SCALE)


def sum_controls(invoice_scores: pl.DataFrame) -> dict[str, ControlTotals]:
    """Return count of open invoices, open amount and overdue amount per currency.

    Parameters
    ----------
    invoice_scores : ``out_invoice_scores``.
    """
    open_amount = pl.col("open_amount").cast(_AMOUNT)
    totals = (
        invoice_scores.group_by("currency")
        .agg(
            pl.len().alias("count"),
            open_amount.sum().alias("open"),
            pl.col("overdue_amount").cast(_AMOUNT).sum().alias("overdue"),
        )
        .sort("currency")
    )
    return {
        row["currency"]: ControlTotals(
            open_invoice_count=row["count"],
            open_amount=f"{row['open']:.{AMOUNT_SCALE}f}",
            overdue_amount=f"{row['overdue']:.{AMOUNT_SCALE}f}",
        )
        for row in totals.iter_rows(named=True)
    }
