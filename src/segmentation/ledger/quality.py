"""Whether the ledger can be trusted: what became of its rows, and whether its figures agree.

Belongs here: the list of all checks. Does not belong here: the checks themselves (delivery, statements,
cash_statements, truncation), checks of a table against its definition (domain.validation).
"""

from datetime import date

import polars as pl

from segmentation.domain.core_tables import QUALITY
from segmentation.domain.movements import list_movements
from segmentation.domain.schema import Frames
from segmentation.domain.side_by_side import run_both
from segmentation.ledger.cash_statements import describe_cash, measure_cash
from segmentation.ledger.findings import build_findings
from segmentation.ledger.statements import describe_documents, measure_documents
from segmentation.ledger.truncation import check_recent_cohorts
from segmentation.ledger.unallocated_cash import list_unmatched_payments


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
    measured = measure_statements(ledger, as_of, lines, list_unmatched_payments(ledger, lines))
    return describe_quality(delivery_check, measured, ledger["core_instalment_balance"], as_of)


def measure_statements(
    ledger: Frames, as_of: date, lines: pl.DataFrame, payments: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Return what the statements between tables are told from, by name; see ``build_quality``.

    Measures of parts of a ledger that have nothing to do with each other are joined by ``join_measures``.

    Parameters
    ----------
    ledger, as_of : as for ``build_quality``.
    lines, payments : as ``list_movements`` and ``list_unmatched_payments`` return them for this ledger.
    """
    documents, cash = run_both(
        lambda: measure_documents(ledger, lines, as_of), lambda: measure_cash(ledger, payments)
    )
    return documents | cash


def describe_quality(
    delivery_check: pl.DataFrame, measured: Frames, balances: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """Return ``core_quality`` from what was measured.

    Parameters
    ----------
    delivery_check : ``core_delivery_check``.
    measured : as ``measure_statements`` returns it, of the whole ledger.
    balances : ``COHORT_COLUMNS`` of ``core_instalment_balance``.
    as_of : the as-of day.
    """
    statements = [
        *describe_documents(measured),
        *describe_cash(measured),
        *check_recent_cohorts(balances, as_of),
    ]
    return QUALITY.conform(pl.concat([delivery_check, build_findings(QUALITY, statements)]))
