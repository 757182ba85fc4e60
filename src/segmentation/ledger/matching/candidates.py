"""Candidates: the customers and invoices that an event may be meant for, and the evidence on events.

Belongs here: their columns, and what becomes of candidates of which none is chosen. Does not belong here:
choosing (by_name, by_payer).
"""

from dataclasses import dataclass

import polars as pl

from segmentation.domain.vocabulary import MatchStatus
from segmentation.ledger.matching.money import EXACT, ZERO

CANDIDATE = pl.Schema(
    {
        "event": pl.UInt32(),
        "customer_id": pl.String(),
        "invoice_id": pl.String(),
        "amount": EXACT,
        "rule": pl.String(),
        "status": pl.String(),
        "reason": pl.String(),
    }
)
"""Columns of a decision: one row per event and candidate; an event without any has none."""


@dataclass(frozen=True)
class Evidence:
    """What is known about the events to decide.

    Parameters
    ----------
    events : ``event``, ``payment_id``, ``day``, ``currency``, ``available`` (money of the payment),
        ``is_first`` (the day on which the payment was learned), ``booked_for`` (customers of whom the same
        money seems to be in the books).
    named : ``event``, ``invoice_id``, ``rule``, ``rank``, ``is_weak``, ``is_short``.
    payers : ``event``, ``customer_id``.
    invoices : ``invoice_id``, ``customer_id``, ``parent_id``, ``parent_day``, ``invoice_currency``,
        ``invoice_amount``, ``due_date``, ``invoice_day``.
    open_invoices : those of them that may be open.
    counted : ``open_amounts.COUNTED``.
    """

    events: pl.DataFrame
    named: pl.DataFrame
    payers: pl.DataFrame
    invoices: pl.DataFrame
    open_invoices: pl.DataFrame
    counted: pl.DataFrame


def leave_open(candidates: pl.DataFrame) -> pl.DataFrame:
    """Return candidates of which none was chosen: ambiguous when there are several."""
    count = pl.struct("customer_id", "invoice_id").n_unique().over("event")
    return candidates.select(
        "event",
        "customer_id",
        "invoice_id",
        ZERO.alias("amount"),
        "rule",
        pl.when(count > 1)
        .then(pl.lit(MatchStatus.AMBIGUOUS.value))
        .otherwise(pl.lit(MatchStatus.UNMATCHED.value))
        .alias("status"),
        "reason",
    )
