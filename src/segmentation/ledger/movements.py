"""What was set against each instalment: allocations, reversals undone, and the split over instalments.

Belongs here: turning allocations into movements per instalment. Does not belong here: balances and
days late (balances).
"""

from datetime import date

import polars as pl

from segmentation.domain.schema import AMOUNT_SCALE, Frames
from segmentation.domain.vocabulary import CoveredBy, DocumentType

EXACT = pl.Decimal(38, AMOUNT_SCALE)
"""Decimals wide enough that no sum of amounts overflows."""

INSTALMENT = ("invoice_id", "instalment_number")

_ZERO = pl.lit(0, dtype=EXACT)


def list_instalments(ledger: Frames) -> pl.DataFrame:
    """Return what is due: instalments, and one for the whole of each document that has none.

    Returns
    -------
    ``invoice_id``, ``instalment_number``, ``due_date``, ``amount``; credit notes have none.
    """
    owed = ledger["core_invoice"].filter(pl.col("document_type") != DocumentType.CREDIT_NOTE.value)
    stated = ledger["core_instalment"].join(owed.select("invoice_id"), on="invoice_id", how="semi")
    whole = owed.join(stated.select("invoice_id").unique(), on="invoice_id", how="anti")
    columns = [*INSTALMENT, "due_date", pl.col("amount").cast(EXACT)]
    return pl.concat(
        [
            stated.select(columns),
            whole.with_columns(pl.lit(1, dtype=pl.Int64).alias("instalment_number")).select(columns),
        ]
    ).sort(INSTALMENT)


def list_allocation_lines(ledger: Frames) -> pl.DataFrame:
    """Return every allocation with its origin and day, and the undoing of allocations by reversals.

    Returns
    -------
    ``invoice_id``; ``instalment_number`` (null: oldest open first); ``amount``; ``kind`` (what covers);
    ``effective_date`` (value date of a payment, booking day of the rest); ``known_date`` (day from which
    it was known to count: learned, and a payment's value date reached); ``payment_id``;
    ``origin_id`` (the payment itself, or the payment that a reversal takes back); ``credit_note_id``;
    ``line_id``.

    Notes
    -----
    A reversal without allocations of its own undoes those of the payment that it takes back: first what
    of that payment was not allocated, then the latest allocation first, up to the reversed amount.
    """
    payments = ledger["core_payment"].select(
        "payment_id",
        "value_date",
        "reversal_of",
        pl.col("observed_at").alias("payment_observed_at"),
    )
    lines = (
        ledger["core_allocation"]
        .join(payments, on="payment_id", how="left")
        .select(
            "invoice_id",
            "instalment_number",
            pl.col("amount").cast(EXACT),
            pl.when(pl.col("payment_id").is_not_null())
            .then(pl.lit(CoveredBy.PAYMENT.value))
            .when(pl.col("credit_note_id").is_not_null())
            .then(pl.lit(CoveredBy.CREDIT_NOTE.value))
            .otherwise(pl.lit(CoveredBy.WRITE_OFF.value))
            .alias("kind"),
            pl.coalesce("value_date", "allocated_at").alias("effective_date"),
            pl.max_horizontal(
                pl.max_horizontal("observed_at", "payment_observed_at").dt.date(), "value_date"
            ).alias("known_date"),
            "payment_id",
            pl.coalesce("reversal_of", "payment_id").alias("origin_id"),
            "credit_note_id",
            pl.col("allocation_id").alias("line_id"),
        )
    )
    return pl.concat([lines, _undo_reversed(lines, ledger["core_payment"])])


def drop_not_yet_valued(lines: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return the lines without payments whose value date is the as-of day or later: announced, not paid."""
    return lines.filter(
        (pl.col("kind") != CoveredBy.PAYMENT.value) | (pl.col("effective_date") < pl.lit(as_of))
    )


def _undo_reversed(lines: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    reversals = payments.filter(pl.col("reversal_of").is_not_null())
    silent = reversals.join(lines.select("payment_id").unique(), on="payment_id", how="anti")
    if not silent.height:
        return lines.clear()
    origins = silent.select(pl.col("reversal_of").alias("origin_id")).unique()
    own = reversals.join(silent.select("payment_id"), on="payment_id", how="anti")
    allocated = (
        lines.join(origins, on="origin_id", how="semi")
        .filter(pl.col("payment_id").is_not_null())
        .group_by("origin_id", *INSTALMENT)
        .agg(
            pl.col("amount").sum(),
            pl.col("effective_date").max(),
            pl.col("known_date").max(),
        )
        .filter(pl.col("amount") > _ZERO)
        .sort(
            "origin_id",
            "effective_date",
            *INSTALMENT,
            descending=[False, True, True, True],
            nulls_last=True,
        )
        .with_columns(pl.col("amount").cum_sum().over("origin_id").alias("upper"))
        .with_columns((pl.col("upper") - pl.col("amount")).alias("lower"))
    )
    received = (
        payments.select(
            pl.col("payment_id").alias("origin_id"), pl.col("amount").cast(EXACT).alias("received")
        )
        .join(origins, on="origin_id", how="semi")
        .join(
            own.group_by(pl.col("reversal_of").alias("origin_id")).agg(
                pl.col("amount").cast(EXACT).sum().alias("taken_back")
            ),
            on="origin_id",
            how="left",
        )
        .select("origin_id", (pl.col("received") + pl.col("taken_back").fill_null(_ZERO)).alias("received"))
    )
    allocated_sum = allocated.group_by("origin_id").agg(pl.col("amount").sum().alias("allocated"))
    spare = received.join(allocated_sum, on="origin_id").select(
        "origin_id", "received", _at_least_nil(pl.col("received") - pl.col("allocated")).alias("spare")
    )
    taken = (
        silent.sort("reversal_of", "value_date", "payment_id")
        .select(
            pl.col("reversal_of").alias("origin_id"),
            pl.col("payment_id").alias("reversal_id"),
            pl.col("value_date"),
            pl.col("observed_at").dt.date().alias("reversal_known_date"),
            (-pl.col("amount").cast(EXACT)).alias("taken"),
        )
        .with_columns(pl.col("taken").cum_sum().over("origin_id").alias("until"))
        .join(spare, on="origin_id", how="left")
        .with_columns(pl.col("spare").fill_null(_ZERO), (pl.col("until") - pl.col("taken")).alias("since"))
    )
    undone = taken.join(allocated, on="origin_id").with_columns(
        (
            pl.min_horizontal(
                # a payment that is taken back in full takes all with it, whatever the currency
                pl.when(pl.col("until") >= pl.col("received"))
                .then("upper")
                .otherwise(_at_least_nil(pl.col("until") - pl.col("spare"))),
                "upper",
            )
            - pl.max_horizontal(_at_least_nil(pl.col("since") - pl.col("spare")), "lower")
        ).alias("undone")
    )
    return undone.filter(pl.col("undone") > _ZERO).select(
        "invoice_id",
        "instalment_number",
        (-pl.col("undone")).cast(EXACT).alias("amount"),
        pl.lit(CoveredBy.PAYMENT.value).alias("kind"),
        pl.col("value_date").alias("effective_date"),
        pl.max_horizontal("known_date", "reversal_known_date", "value_date").alias("known_date"),
        pl.col("reversal_id").alias("payment_id"),
        "origin_id",
        pl.lit(None, dtype=pl.String).alias("credit_note_id"),
        pl.col("reversal_id").alias("line_id"),
    )


def _at_least_nil(amount: pl.Expr) -> pl.Expr:
    return pl.when(amount > _ZERO).then(amount).otherwise(_ZERO)


def list_movements(instalments: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the allocation lines with their instalment; a line that names none is split.

    Parameters
    ----------
    instalments : as ``list_instalments`` returns them.
    lines : as ``list_allocation_lines`` returns them.

    Notes
    -----
    What names no instalment (or one that the invoice does not have) fills the room that the named
    allocations leave, in order of due date; what is too much stays on the last instalment, and what is
    taken back leaves the last filled one first.
    """
    counts = instalments.group_by("invoice_id").agg(pl.len().alias("instalment_count"))
    owed = lines.join(counts, on="invoice_id")
    only = instalments.select("invoice_id", pl.col("instalment_number").alias("only_number"))
    single = (
        owed.filter(pl.col("instalment_count") == 1)
        .join(only, on="invoice_id")
        .with_columns(pl.col("only_number").alias("instalment_number"))
        .select(lines.columns)
    )
    several = owed.filter(pl.col("instalment_count") > 1).select(lines.columns)
    named = several.join(instalments.select(INSTALMENT), on=INSTALMENT, how="semi")
    unnamed = several.join(instalments.select(INSTALMENT), on=INSTALMENT, how="anti")
    if not unnamed.height:
        return pl.concat([single, named])
    return pl.concat([single, named, _split(unnamed, named, instalments)])


def _split(unnamed: pl.DataFrame, named: pl.DataFrame, instalments: pl.DataFrame) -> pl.DataFrame:
    taken = named.group_by(INSTALMENT).agg(pl.col("amount").sum().alias("taken"))
    rooms = (
        instalments.join(unnamed.select("invoice_id").unique(), on="invoice_id", how="semi")
        .join(taken, on=INSTALMENT, how="left")
        .with_columns(_at_least_nil(pl.col("amount") - pl.col("taken").fill_null(_ZERO)).alias("room"))
        .sort("invoice_id", "due_date", "instalment_number")
        .with_columns(pl.col("room").cum_sum().over("invoice_id").alias("upper"))
        .select(
            *INSTALMENT,
            "upper",
            (pl.col("upper") - pl.col("room")).alias("lower"),
            (pl.int_range(pl.len()).over("invoice_id") == pl.len().over("invoice_id") - 1).alias("is_last"),
        )
    )
    pool = (
        unnamed.drop("instalment_number")
        .sort("invoice_id", "effective_date", "known_date", "kind", "line_id")
        .with_columns(pl.col("amount").cum_sum().over("invoice_id").alias("after"))
        .with_columns((pl.col("after") - pl.col("amount")).alias("before"))
    )

    def filled(total: str) -> pl.Expr:
        amount = pl.col(total)
        inside = _at_least_nil(pl.min_horizontal(amount, "upper") - pl.col("lower"))
        beyond = _at_least_nil(amount - pl.col("lower")) + pl.min_horizontal(amount, _ZERO)
        return pl.when(pl.col("is_last")).then(beyond).otherwise(inside)

    return (
        pool.join(rooms, on="invoice_id")
        .with_columns((filled("after") - filled("before")).cast(EXACT).alias("amount"))
        .filter(pl.col("amount") != _ZERO)
        .select(unnamed.columns)
    )
