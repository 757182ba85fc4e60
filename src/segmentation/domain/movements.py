"""What reduced which document, and when: allocations, and what reversals take back of them.

Belongs here: the movements of a document, dated by money and by knowledge. Does not belong here: the
order in which reversals take back (reversals), instalments and balances (ledger).
"""

import polars as pl

from segmentation.domain.reversals import list_taken_back, name_origins
from segmentation.domain.row_lookup import find_rows, is_known
from segmentation.domain.schema import AMOUNT_SCALE, Frames
from segmentation.domain.vocabulary import CoveredBy

SUM_OF_AMOUNTS = pl.Decimal(38, AMOUNT_SCALE)
"""Wide enough for sums over a whole book, and for amounts times days."""

MOVEMENT_KEY = ("line_id", "is_taken_back", "invoice_id", "instalment_number", "known_date")
"""No two movements share these."""


def list_movements(frames: Frames) -> pl.DataFrame:
    """Return what reduced a document (or, negative, took that back), one row per movement.

    Parameters
    ----------
    frames : uses ``core_allocation``, ``core_payment`` and, for the currencies, ``core_invoice``.

    Returns
    -------
    ``invoice_id``; ``instalment_number`` (null: oldest open first); ``amount`` in the currency of the
    document; ``payment_amount`` in that of the payment or credit note where it is told (``list_drawn``);
    ``kind`` (what covers); ``effective_date`` (value date of a payment, booking day of the
    rest); ``known_date`` (day from which it was known to count: learned, and effective); ``payment_id``;
    ``origin_id`` (the payment itself, or the payment that a reversal takes back in the end);
    ``credit_note_id``; ``line_id`` (the allocation, or the reversal that takes back);
    ``is_taken_back`` (whether it follows from a reversal and is no allocation).

    Notes
    -----
    A reversal without allocations of its own takes back those of its payment on its value date: first
    what of the payment was not allocated, then the allocation that was booked last, up to the reversed
    amount, and everything when the payment is reversed in full. An allocation to another currency is taken
    back in the proportion in which its part of the payment is; not at all, short of the whole payment, where
    that part is not known. What it takes back is told by what was
    known at the time: when an allocation turns up later, movements of that later day put it right, so
    that the movements known on any day add up to what followed from the facts known on that day.
    """
    payments = frames["core_payment"]
    origins = name_origins(payments)
    allocations = frames["core_allocation"]
    is_paid, is_credited = pl.col("payment_id").is_not_null(), pl.col("credit_note_id").is_not_null()
    paid_by = find_rows(allocations.get_column("payment_id"), payments.get_column("payment_id"))
    moments = payments.select(
        pl.col("value_date").gather(paid_by),
        pl.col("observed_at").gather(paid_by).alias("payment_observed_at"),
    )
    lines = allocations.hstack(moments).select(
        "invoice_id",
        "instalment_number",
        pl.col("amount", "payment_amount").cast(SUM_OF_AMOUNTS),
        pl.when(is_paid)
        .then(pl.lit(CoveredBy.PAYMENT.value))
        .when(is_credited)
        .then(pl.lit(CoveredBy.CREDIT_NOTE.value))
        .otherwise(pl.lit(CoveredBy.WRITE_OFF.value))
        .alias("kind"),
        pl.coalesce("value_date", "allocated_at").alias("effective_date"),
        pl.max_horizontal(
            pl.max_horizontal("observed_at", "payment_observed_at").dt.date(),
            pl.coalesce("value_date", "allocated_at"),
        ).alias("known_date"),
        "payment_id",
        pl.col("payment_id").alias("origin_id"),
        "credit_note_id",
        pl.col("allocation_id").alias("line_id"),
        pl.lit(value=False).alias("is_taken_back"),
        pl.col("allocated_at").alias("booked_on"),
    )
    columns = [name for name in lines.columns if name != "booked_on"]
    if not origins.height:
        return lines.select(columns)
    lines = lines.join(origins, on="payment_id", how="left").with_columns(
        pl.coalesce("reversed_id", "origin_id").alias("origin_id")
    )
    taken_ids = origins.get_column("reversed_id")
    reversed_ = lines.filter(is_known(lines.get_column("origin_id"), taken_ids))
    rows = find_rows(reversed_.get_column("origin_id"), payments.get_column("payment_id"))
    drawn = list_drawn(reversed_, rows, payments.get_column("currency"), frames["core_invoice"])
    taken_back = list_taken_back(reversed_.with_columns(drawn), payments, origins).select(
        "invoice_id",
        "instalment_number",
        "amount",
        pl.col("drawn").alias("payment_amount"),
        pl.lit(CoveredBy.PAYMENT.value).alias("kind"),
        "effective_date",
        "known_date",
        "payment_id",
        "origin_id",
        pl.lit(None, dtype=pl.String).alias("credit_note_id"),
        pl.col("payment_id").alias("line_id"),
        pl.lit(value=True).alias("is_taken_back"),
    )
    return pl.concat([lines.select(columns), taken_back])


def list_drawn(
    lines: pl.DataFrame, rows: pl.Series, currencies: pl.Series, invoices: pl.DataFrame
) -> pl.Series:
    """Return what each movement took of its payment or credit note, in that one's currency; null where not known.

    Parameters
    ----------
    lines : as ``list_movements`` returns them.
    rows : the payment or credit note that each line draws on, as a row of ``currencies``; null where none.
    currencies : of the payments or credit notes.
    invoices : ``core_invoice``; a document that is not among them took what is told, else counts as one of the same
        currency.
    """
    amounts, owed_in = lines.get_column("amount").alias("drawn"), invoices.get_column("currency")
    if pl.concat([owed_in, currencies]).n_unique() <= 1:
        return amounts
    owed = find_rows(lines.get_column("invoice_id"), invoices.get_column("invoice_id"))
    is_same = owed_in.gather(owed) == currencies.gather(rows)
    told = lines.get_column("payment_amount")
    is_told = is_same.is_null() & told.is_not_null()
    return amounts.zip_with(is_same.fill_null(value=True) & ~is_told, told)
