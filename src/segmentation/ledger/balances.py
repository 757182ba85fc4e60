"""What is open per instalment, when it was covered and how late.

Belongs here: balances in the document's own currency, to the cent. Does not belong here: ageing and
other figures about many invoices (publish), any prediction.
"""

from datetime import date

import polars as pl

from segmentation.domain.core_tables import INSTALMENT_BALANCE
from segmentation.domain.movements import SUM_OF_AMOUNTS, list_movements
from segmentation.domain.row_lookup import find_rows, list_places, take_rows
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import CoveredBy, DisputeOutcome, OutcomeCode
from segmentation.ledger.as_known import as_known
from segmentation.ledger.movements import PART, drop_not_yet_valued, list_instalments, place_movements

DISPUTE_UPHELD = "dispute_upheld"

_ZERO = pl.lit(0, dtype=SUM_OF_AMOUNTS)
_READ = (
    "invoice_id",
    "instalment_number",
    "amount",
    "kind",
    "effective_date",
    "known_date",
    "origin_id",
    "line_id",
)
"""What a balance reads of a movement."""
_KINDS = {
    CoveredBy.PAYMENT: "paid_amount",
    CoveredBy.CREDIT_NOTE: "credited_amount",
    CoveredBy.WRITE_OFF: "written_off_amount",
}


def recall_ledger(ledger: Frames, day: date) -> dict[str, pl.DataFrame]:
    """Return the canonical tables as known at the start of an earlier day, with the balances of that day."""
    known = as_known(ledger, day)
    return known | {"core_instalment_balance": build_instalment_balances(known, day)}


def build_instalment_balances(ledger: Frames, as_of: date, lines: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return what is open per instalment, when it was covered and how many days late.

    Parameters
    ----------
    ledger : ``core_invoice``, ``core_instalment``, ``core_payment``, ``core_allocation``,
        ``core_dispute``, ``core_contact_event``, ``core_contact_outcome``, as known on the as-of day.
    as_of : the as-of day, up to which open instalments are late.
    lines : as ``list_movements`` returns them for this ledger, where the caller has them.

    Returns
    -------
    ``core_instalment_balance``. ``covered_date`` is the first value date from which the running open
    amount stays at or below nil; a payment that was taken back does not count. ``covered_known_date``
    is the same in order of learning, where nothing is learned before its value date.

    Notes
    -----
    open = amount − paid − credited − written off; days late = covered (or as-of) day − due day. A
    document without instalments is one instalment. A payment that is known but has its value date on the
    as-of day or later (an announced transfer, a direct debit on its way) covers nothing yet. A document of nil is covered on its issue date.
    """
    invoices = ledger["core_invoice"].select(
        "invoice_id",
        "customer_id",
        "document_type",
        "currency",
        "issue_date",
        pl.col("observed_at").dt.date().alias("issued_known_date"),
    )
    numbered = list_instalments(ledger).with_row_index(PART)
    lines = list_movements(ledger) if lines is None else lines
    valued = drop_not_yet_valued(lines, as_of).select(_READ)
    covers = _list_covers(place_movements(numbered, valued), numbered.get_column("amount"))
    causes = _supplier_causes(ledger)
    document_ids = numbered.get_column("invoice_id")
    balances = (
        numbered.hstack(take_rows(covers, list_places(covers.get_column(PART), numbered.height)).drop(PART))
        .hstack(
            take_rows(invoices, find_rows(document_ids, invoices.get_column("invoice_id"))).drop("invoice_id")
        )
        .hstack(
            take_rows(causes, find_rows(document_ids, causes.get_column("invoice_id"))).drop("invoice_id")
        )
    )
    covered, known = "covered_date", "covered_known_date"
    return INSTALMENT_BALANCE.conform(
        balances.with_columns(
            *(pl.col(name).fill_null(_ZERO) for name in _KINDS.values()),
            pl.col("open_amount").fill_null(pl.col("amount")),
            pl.col("payment_count").fill_null(0),
            pl.col("supplier_cause").is_not_null().alias("is_supplier_caused"),
        )
        .with_columns((pl.col("open_amount") > _ZERO).alias("is_open"))
        .with_columns(
            pl.when(~pl.col("is_open")).then(pl.coalesce(covered, "issue_date")).alias(covered),
            pl.when(~pl.col("is_open")).then(pl.coalesce(known, "issued_known_date")).alias(known),
            pl.when(~pl.col("is_open")).then("covered_by").alias("covered_by"),
        )
        .with_columns(
            (pl.coalesce(covered, pl.lit(as_of)) - pl.col("due_date")).dt.total_days().alias("days_late"),
        )
    )


def _list_covers(movements: pl.DataFrame, due: pl.Series) -> pl.DataFrame:
    """Return per instalment that something was set against: sums by kind, and when it was covered.

    An instalment that one movement covers is told by that movement; running sums are for the others.
    """
    movements = movements.with_columns(due.gather(movements.get_column(PART)).alias("due"))
    is_only = movements.get_column(PART).is_unique()
    only, several = movements.filter(is_only), movements.filter(~is_only)
    amount, is_paid = pl.col("amount"), pl.col("kind") == CoveredBy.PAYMENT.value
    is_covering = (amount >= pl.col("due")) & (pl.col("due") > _ZERO)
    is_received = is_paid & (amount > _ZERO)
    told = only.select(
        PART,
        *(
            pl.when(pl.col("kind") == kind.value).then(amount).otherwise(_ZERO).alias(name)
            for kind, name in _KINDS.items()
        ),
        (pl.col("due") - amount).alias("open_amount"),
        pl.when(is_covering).then("effective_date").alias("covered_date"),
        pl.when(is_covering).then("known_date").alias("covered_known_date"),
        is_received.cast(pl.Int64).alias("payment_count"),
        pl.when(is_received).then("effective_date").alias("first_payment_date"),
    )
    sums = several.group_by(PART, "due").agg(
        pl.col("amount").filter(pl.col("kind") == kind.value).sum().alias(name)
        for kind, name in _KINDS.items()
    )
    summed = (
        sums.with_columns((pl.col("due") - pl.sum_horizontal(*_KINDS.values())).alias("open_amount"))
        .join(_find_covered_day(several, "effective_date", "covered_date"), on=PART, how="left")
        .join(_find_covered_day(several, "known_date", "covered_known_date"), on=PART, how="left")
        .join(_first_payments(several), on=PART, how="left")
        .with_columns(
            pl.col("payment_count").fill_null(0),
            # what a later fact put right is known to be so only when its value date has come
            pl.when(pl.col("covered_known_date").is_not_null())
            .then(pl.max_horizontal("covered_known_date", "covered_date"))
            .alias("covered_known_date"),
        )
    )
    largest = pl.max_horizontal(*_KINDS.values())
    covered_by = pl.coalesce(
        pl.when((pl.col(name) == largest) & (largest > _ZERO)).then(pl.lit(kind.value))
        for kind, name in _KINDS.items()
    )
    return pl.concat([told, summed.select(told.columns)]).with_columns(covered_by.alias("covered_by"))


def _find_covered_day(movements: pl.DataFrame, day: str, result: str) -> pl.DataFrame:
    """Return the first day after which the running open amount stays at or below nil, where there is one."""
    parts = movements.get_column(PART)
    is_falling = parts.is_in(parts.filter(movements.get_column("amount") < 0).unique().implode())
    return pl.concat(
        [
            _find_reached_day(movements.filter(~is_falling), day, result),
            _find_lasting_day(movements.filter(is_falling), day, result),
        ]
    )


def _find_reached_day(movements: pl.DataFrame, day: str, result: str) -> pl.DataFrame:
    """Return the day on which the sum reaches what is due, of instalments of which nothing was taken back."""
    total, is_first = pl.col("amount").cum_sum(), pl.col(PART).ne_missing(pl.col(PART).shift(1))
    before = pl.when(is_first).then(total - pl.col("amount")).forward_fill()
    return (
        movements.select(PART, "due", day, "amount")
        .sort(PART, day)
        .filter((total - before >= pl.col("due")) & (pl.col("due") > _ZERO))
        .filter(is_first)
        .select(PART, pl.col(day).alias(result))
    )


def _find_lasting_day(movements: pl.DataFrame, day: str, result: str) -> pl.DataFrame:
    """Return the day from which an instalment stays covered of which something was taken back.

    What was taken back on a day counts before what came in on it: when a failed direct debit is
    collected again on the day of its return, the new money covers the instalment, on that day. What was
    never owed has no day, unless something that was taken back opened it.
    """
    running = (
        movements.group_by(PART, "due", day, "kind", "origin_id")
        .agg(pl.col("amount").sum())
        .group_by(PART, "due", day)
        .agg(pl.col("amount").sum(), pl.col("amount").filter(pl.col("amount") < _ZERO).sum().alias("lost"))
        .sort(PART, day)
        .with_columns(pl.col("amount").cum_sum().over(PART).alias("after"))
        .with_columns(
            (pl.col("after") < pl.col("due")).alias("is_open_after"),
            (
                (pl.col("lost") < _ZERO)
                & (pl.col("after") - pl.col("amount") + pl.col("lost") < pl.col("due"))
            ).alias("is_open_within"),
        )
    )
    last_open = (
        running.filter(pl.col("is_open_after") | pl.col("is_open_within"))
        .group_by(PART)
        .agg(
            pl.col(day).filter("is_open_after").max().alias("open_after"),
            pl.col(day).filter("is_open_within").max().alias("open_within"),
        )
    )
    was_open = pl.col("open_after").is_not_null() | pl.col("open_within").is_not_null()
    return (
        running.join(last_open, on=PART, how="left")
        .filter(
            (pl.col("due") > _ZERO) | was_open,
            (pl.col(day) > pl.col("open_after")).fill_null(value=True),
            (pl.col(day) >= pl.col("open_within")).fill_null(value=True),
        )
        .group_by(PART)
        .agg(pl.col(day).min().alias(result))
    )


def _first_payments(movements: pl.DataFrame) -> pl.DataFrame:
    """Return count and first day of the payments that stand, those taken back in full left out."""
    return (
        movements.filter(pl.col("kind") == CoveredBy.PAYMENT.value)
        .group_by(PART, "origin_id")
        .agg(
            pl.col("amount").sum(),
            pl.col("effective_date").filter(pl.col("amount") > _ZERO).min(),
        )
        .filter(pl.col("amount") > _ZERO)
        .group_by(PART)
        .agg(
            pl.len().cast(pl.Int64).alias("payment_count"),
            pl.col("effective_date").min().alias("first_payment_date"),
        )
    )


def _supplier_causes(ledger: Frames) -> pl.DataFrame:
    """Return the invoices whose lateness is the supplier's doing, with the cause that weighs most."""
    codes = [DISPUTE_UPHELD, OutcomeCode.NOT_RECEIVED.value, OutcomeCode.AWAITING_APPROVAL.value]
    upheld = ledger["core_dispute"].filter(pl.col("outcome") == DisputeOutcome.UPHELD.value)
    outcomes = ledger["core_contact_outcome"].filter(pl.col("code").is_in(codes))
    contacts = ledger["core_contact_event"].filter(pl.col("invoice_id").is_not_null())
    return (
        pl.concat(
            [
                upheld.select("invoice_id", pl.lit(DISPUTE_UPHELD).alias("supplier_cause")),
                outcomes.join(contacts.select("contact_id", "invoice_id"), on="contact_id").select(
                    "invoice_id", pl.col("code").alias("supplier_cause")
                ),
            ]
        )
        .with_columns(
            pl.col("supplier_cause")
            .replace_strict({code: rank for rank, code in enumerate(codes)}, return_dtype=pl.Int8)
            .alias("rank")
        )
        .sort("invoice_id", "rank")
        .unique("invoice_id", keep="first", maintain_order=True)
        .drop("rank")
    )
