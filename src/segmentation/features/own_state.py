"""State of each open instalment on the as-of day: what is covered, disputed, promised, reminded.

Belongs here: the moments of scoring. Does not belong here: features of the customer.
"""

import datetime as dt

import polars as pl

from segmentation.domain.schema import THOUSANDTHS, Frames
from segmentation.features.dates import OBSERVED
from segmentation.features.eras import find_first_day, is_believed, list_versions
from segmentation.features.facts import ROW, BookFacts, number_instalments
from segmentation.features.tallies import select_reminders


def _in_force(since: str, until: str) -> pl.Expr:
    return (pl.col(until).is_null() | (pl.max_horizontal(until, "observed_date") >= pl.col("as_of_date"))) & (
        pl.max_horizontal(since, "observed_date") < pl.col("as_of_date")
    )


def _believed(ledger: Frames, name: str, as_of: dt.date) -> pl.DataFrame:
    return list_versions(ledger, name).filter(is_believed(pl.lit(as_of)))


def _count_own(facts: pl.DataFrame, as_of: dt.date, since: str, until: str, name: str) -> pl.DataFrame:
    return (
        facts.with_columns(pl.lit(as_of).alias("as_of_date"), OBSERVED.alias("observed_date"))
        .filter(_in_force(since, until))
        .group_by("invoice_id")
        .agg(pl.len().cast(pl.Int64).alias(name))
    )


def add_own_state(ledger: Frames, book: BookFacts, as_of: dt.date) -> pl.DataFrame:
    """Return the open instalments on the as-of day with their own state.

    Parameters
    ----------
    ledger : core_instalment_balance, core_contact_event, core_dispute and core_promise_to_pay are
        read.
    book : as ``facts.build_book_facts`` returns it.
    as_of : the as-of day; only what was known before it counts.

    Returns
    -------
    One row per open instalment: key, currency, issue_date, due_date, as_of_date, ``amount``,
    ``own_open_amount`` (thousandths), ``own_reminder_count``, ``own_reminder_last_date``,
    ``own_dispute_count``, ``own_promise_count``; a count is null when the ledger has no record of
    the kind before the as-of day.
    """
    still_open = (
        book.items.filter(
            pl.col("from_date") < as_of, pl.col("until_date").is_null() | (pl.col("until_date") >= as_of)
        )
        .group_by(ROW)
        .agg(pl.col("amount").sum().alias("own_open_amount"))
    )
    reminders = (
        select_reminders(ledger)
        .filter(as_of > OBSERVED)
        .group_by("invoice_id")
        .agg(
            pl.len().cast(pl.Int64).alias("own_reminder_count"),
            OBSERVED.max().alias("own_reminder_last_date"),
        )
    )
    disputes = _count_own(
        _believed(ledger, "core_dispute", as_of), as_of, "opened_at", "closed_at", "own_dispute_count"
    )
    promises = _count_own(
        _believed(ledger, "core_promise_to_pay", as_of), as_of, "made_at", "resolved_at", "own_promise_count"
    )
    frame = (
        number_instalments(ledger)
        .select(
            ROW,
            "invoice_id",
            pl.col("instalment_number").clip(lower_bound=1),  # the whole is known by the number of its first
            "customer_id",
            "currency",
            "issue_date",
            "due_date",
            "amount",
        )
        .with_columns((pl.col("amount") * THOUSANDTHS).cast(pl.Int64), pl.lit(as_of).alias("as_of_date"))
        .join(still_open, on=ROW, maintain_order="left")
        .join(reminders, on="invoice_id", how="left", maintain_order="left")
        .join(disputes, on="invoice_id", how="left", maintain_order="left")
        .join(promises, on="invoice_id", how="left", maintain_order="left")
    )
    for column, source in (
        ("own_reminder_count", "core_contact_event"),
        ("own_dispute_count", "core_dispute"),
        ("own_promise_count", "core_promise_to_pay"),
    ):
        first = find_first_day(ledger, source)
        if first is not None and first < as_of:
            frame = frame.with_columns(pl.col(column).fill_null(0))
    return frame
