"""What became of promises to pay: one judgement for gates, segments and measures.

Belongs here: until when a promise stands, and whether it was kept. Does not belong here: what follows
from a broken promise (segments, treatment, publish).
"""

from datetime import date, timedelta

import polars as pl

from segmentation.domain.movements import SUM_OF_AMOUNTS, list_movements
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import PromiseStatus

PROMISE_GRACE_DAYS = 3
"""Days after the promised day for the money to arrive: a bank's working days over a weekend."""

_ENDED = (PromiseStatus.KEPT.value, PromiseStatus.BROKEN.value, PromiseStatus.PARTIAL.value)


def judge_promises(ledger: Frames, as_of: date, grace_days: int = PROMISE_GRACE_DAYS) -> pl.DataFrame:
    """Return every promise to pay with its last day, and whether it is open, kept or broken.

    Parameters
    ----------
    ledger : uses ``core_promise_to_pay``, ``core_instalment_balance``, ``core_allocation`` and
        ``core_payment``.
    as_of : start of this day ends what is known.
    grace_days : days after the promised day on which the money may still arrive.

    Returns
    -------
    promise_id, invoice_id, made_at, promised_date, ``last_day`` (promised day and grace) and ``state``
    (*open*, *kept* or *broken*, never null), sorted by promise.

    Notes
    -----
    How the source says that a promise ended counts; one that was kept in part was not kept. Where the
    source says nothing, a promise is open until its last day has passed, whatever came in so far: to
    count early payers at once and the others later would flatter the share that is kept. Then it was
    kept when by its last day the invoice was covered, or at least the promised amount came in since it
    was made; else it was broken.
    """
    balance = ledger["core_instalment_balance"]
    covered = (
        balance.filter(is_known(balance["invoice_id"], ledger["core_promise_to_pay"]["invoice_id"]))
        .group_by("invoice_id")
        .agg(pl.when(~pl.col("is_open").any()).then(pl.col("covered_date").max()).alias("covered_date"))
    )
    promises = (
        ledger["core_promise_to_pay"]
        .select("promise_id", "invoice_id", "made_at", "promised_date", "amount", "status")
        .with_columns((pl.col("promised_date") + timedelta(days=grace_days)).alias("last_day"))
    )
    received = (
        promises.select("promise_id", "invoice_id", "made_at", "last_day")
        .join(list_movements(ledger).select("invoice_id", "effective_date", "amount"), on="invoice_id")
        .filter(pl.col("effective_date").is_between(pl.col("made_at"), pl.col("last_day")))
        .group_by("promise_id")
        .agg(pl.col("amount").sum().alias("received_amount"))
    )
    came_in = (pl.col("covered_date") <= pl.col("last_day")).fill_null(value=False) | (
        pl.col("received_amount") >= pl.col("amount").cast(SUM_OF_AMOUNTS)
    ).fill_null(value=False)
    is_kept = (
        pl.when(pl.col("status").is_in(_ENDED).fill_null(value=False))
        .then(pl.col("status") == PromiseStatus.KEPT.value)
        .when(pl.col("last_day") < as_of)
        .then(came_in)
    )
    state = (
        pl.when(is_kept.is_null())
        .then(pl.lit(PromiseStatus.OPEN.value))
        .when(is_kept)
        .then(pl.lit(PromiseStatus.KEPT.value))
        .otherwise(pl.lit(PromiseStatus.BROKEN.value))
    )
    return (
        promises.join(covered, on="invoice_id", how="left")
        .join(received, on="promise_id", how="left")
        .select("promise_id", "invoice_id", "made_at", "promised_date", "last_day", state.alias("state"))
        .sort("promise_id")
    )
