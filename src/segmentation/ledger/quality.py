"""Whether the ledger can be trusted: what became of its rows, and whether its figures agree.

Belongs here: the list of all checks. Does not belong here: the checks themselves (delivery, statements),
checks of a table against its definition (domain.validation).
"""

from datetime import date

import polars as pl

from segmentation.domain.core_tables import QUALITY
from segmentation.domain.movements import list_movements
from segmentation.domain.schema import Frames
from segmentation.ledger.findings import build_findings
from segmentation.ledger.statements import (
    check_balances,
    check_cash,
    check_instalments,
    check_invoice_dates,
    check_matches,
    check_references,
    check_repeated_lines,
    check_returns,
)
from segmentation.ledger.truncation import check_recent_cohorts


def build_quality(
    delivery_check: pl.DataFrame, ledger: Frames, as_of: date, lines: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return what was checked on the delivery and the ledger, and what was found.

    Parameters
    ----------
    delivery_check : ``core_delivery_check``, as ``check_delivery`` returns it.
    ledger : every canonical table, ``core_quarantine``, ``core_payment_match``,
        ``core_instalment_balance`` and ``core_unallocated_cash``, as known on the as-of day.
    as_of : the as-of day.
    lines : as ``list_movements`` returns them for this ledger, where the caller has them.

    Returns
    -------
    ``core_quality``. The verdict is ``fail`` when figures contradict each other, ``warn`` when a person
    should look, else ``pass``.
    """
    lines = list_movements(ledger) if lines is None else lines
    statements = build_findings(
        QUALITY,
        [
            *check_invoice_dates(ledger),
            *check_instalments(ledger),
            *check_balances(ledger, lines, as_of),
            *check_cash(ledger, lines),
            *check_matches(ledger),
            *check_repeated_lines(ledger),
            *check_returns(ledger),
            *check_references(ledger),
            *check_recent_cohorts(ledger["core_instalment_balance"], as_of),
        ],
    )
    return QUALITY.conform(pl.concat([delivery_check, statements]))
