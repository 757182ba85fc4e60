"""The ledger with payments matched that its source did not allocate.

Belongs here: which payments, on which days, and the tables that come out. Does not belong here: the rules
(decision) and their order in time (rounds).

A payment is decided from what was known on the day on which it was learned, and again on each later day on
which an invoice that it names becomes known; the first match stands. So nothing learned later changes it,
with one exception that is itself dated: when the source allocates the payment later, the match is taken
back on that day.
"""

from datetime import date, timedelta

import polars as pl

from segmentation.domain.core_tables import ALLOCATION, PAYMENT_MATCH
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import DocumentType, MatchStatus
from segmentation.ledger.matching.money import EXACT, ZERO
from segmentation.ledger.matching.named import find_named_invoices
from segmentation.ledger.matching.open_amounts import list_counted, list_undone
from segmentation.ledger.matching.payers import list_known_payers, list_signs
from segmentation.ledger.matching.rounds import Case, decide_in_order
from segmentation.ledger.matching.rules import CONFIDENCE, LATER_DAYS

_SAYS = ("structured_reference", "end_to_end_id", "remittance_text", "payer_name", "payer_account")


def match_payments(ledger: Frames, as_of: date) -> dict[str, pl.DataFrame]:
    """Return the ledger with payments matched that no allocation names.

    Parameters
    ----------
    ledger : every canonical table, as known on the as-of day.
    as_of : the as-of day; facts learned on it or later are not looked at.

    Returns
    -------
    The same tables; ``core_allocation`` with the matches (``match_rule`` and ``match_confidence`` filled in,
    ``observed_at`` the moment from which they could be made), and ``core_payment_match`` with every payment
    that its source did not allocate. Tables of a source that allocates its payments itself are unchanged.

    Notes
    -----
    Reversals are not matched; they undo what was allocated of the payment that they take back. A payment
    whose customer the source gives, and which says nothing else, is on account because the source wants
    it there.
    """
    payments = _list_payments(ledger, as_of)
    if not payments.height:
        return {**ledger, PAYMENT_MATCH.name: PAYMENT_MATCH.empty()}
    known = _look_back(ledger, as_of)
    invoices = _list_invoices(known)
    rows = known["core_payment"].join(payments.select("payment_id"), on="payment_id", how="semi")
    named, refused = find_named_invoices(rows, known)
    named = named.join(invoices.select("invoice_id"), on="invoice_id", how="semi")
    events = _list_events(payments, named, invoices, known["core_payment"])
    case = Case(
        events.filter(pl.col("available") > ZERO),
        named,
        list_signs(rows),
        list_known_payers(known),
        invoices,
        list_counted(known, list_undone(known["core_payment"])),
    )
    candidates = decide_in_order(case).join(events, on="event")
    lines = _write_lines(
        candidates.filter(pl.col("status") == MatchStatus.MATCHED.value), named, invoices, payments
    )
    return {
        **ledger,
        ALLOCATION.name: ALLOCATION.conform(pl.concat([ledger[ALLOCATION.name], lines])),
        PAYMENT_MATCH.name: _write_matches(payments, events, candidates, refused),
    }


def _day() -> pl.Expr:
    return pl.col("observed_at").dt.date()


def _look_back(ledger: Frames, as_of: date) -> dict[str, pl.DataFrame]:
    names = ("core_customer", "core_invoice", "core_payment", "core_allocation")
    return {name: ledger[name].filter(_day() < as_of) for name in names}


def _list_payments(ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return the payments to match, with the day on which their source allocated them after all."""
    says = pl.any_horizontal(pl.col(name).str.strip_chars() != "" for name in _SAYS).fill_null(value=False)
    payments = ledger["core_payment"].filter(
        pl.col("reversal_of").is_null(),
        pl.col("amount") > 0,
        says | pl.col("customer_id").is_null(),
        _day() < as_of,
    )
    allocated = (
        ledger["core_allocation"]
        .filter(_day() < as_of)
        .join(payments.select("payment_id"), on="payment_id", how="semi")
        .group_by("payment_id")
        .agg(pl.col("observed_at").min().alias("allocated_at_source"))
    )
    return (
        payments.with_columns(_day().alias("payment_day"), says.alias("says"))
        .join(allocated, on="payment_id", how="left")
        .filter(
            pl.col("allocated_at_source").is_null()
            | (pl.col("allocated_at_source").dt.date() > pl.col("payment_day"))
        )
        .select(
            "payment_id",
            pl.col("customer_id").alias("given_customer_id"),
            "currency",
            pl.col("amount").cast(EXACT),
            "value_date",
            "payment_day",
            "allocated_at_source",
            "says",
            pl.col("observed_at").alias("payment_observed_at"),
            "source_system",
            "source_id",
        )
    )


def _list_invoices(ledger: Frames) -> pl.DataFrame:
    parents = ledger["core_customer"].select(
        "customer_id", pl.col("parent_customer_id").alias("parent_id"), _day().alias("parent_day")
    )
    return (
        ledger["core_invoice"]
        .filter(pl.col("document_type") != DocumentType.CREDIT_NOTE.value)
        .select(
            "invoice_id",
            "customer_id",
            pl.col("currency").alias("invoice_currency"),
            pl.col("amount").cast(EXACT).alias("invoice_amount"),
            "due_date",
            _day().alias("invoice_day"),
            pl.col("observed_at").alias("invoice_observed_at"),
        )
        .join(parents, on="customer_id", how="left")
    )


def _list_events(
    payments: pl.DataFrame, named: pl.DataFrame, invoices: pl.DataFrame, all_payments: pl.DataFrame
) -> pl.DataFrame:
    """Return the days on which each payment is looked at, in order, with the money that it then was."""
    later = (
        named.filter(~pl.col("is_weak"))
        .join(invoices.select("invoice_id", "invoice_day"), on="invoice_id")
        .join(payments.select("payment_id", "payment_day"), on="payment_id")
        .filter(
            pl.col("invoice_day") > pl.col("payment_day"),
            pl.col("invoice_day") <= pl.col("payment_day") + timedelta(days=LATER_DAYS),
        )
        .select("payment_id", pl.col("invoice_day").alias("day"))
        .unique()
    )
    days = pl.concat([payments.select("payment_id", pl.col("payment_day").alias("day")), later])
    reversals = all_payments.filter(pl.col("reversal_of").is_not_null()).select(
        pl.col("reversal_of").alias("payment_id"),
        pl.col("amount").cast(EXACT).alias("reversed"),
        _day().alias("reversed_on"),
    )
    taken_back = (
        days.join(reversals, on="payment_id")
        .filter(pl.col("reversed_on") <= pl.col("day"))
        .group_by("payment_id", "day")
        .agg(pl.col("reversed").sum())
    )
    undone = list_undone(all_payments).rename({"origin_id": "payment_id"})
    is_allocated = pl.col("allocated_at_source").dt.date() <= pl.col("day")
    return (
        days.join(payments, on="payment_id")
        .filter(~is_allocated.fill_null(value=False))
        .join(taken_back, on=["payment_id", "day"], how="left")
        .join(undone, on="payment_id", how="left")
        .with_columns(
            (pl.col("amount") + pl.col("reversed").fill_null(ZERO)).alias("available"),
            (pl.col("day") == pl.col("payment_day")).alias("is_first"),
            pl.min_horizontal("undone_day", pl.col("allocated_at_source").dt.date()).alias("ends_on"),
        )
        .sort("day", "value_date", "payment_id")
        .with_row_index("event")
        .select(
            "event",
            "payment_id",
            "day",
            "currency",
            "available",
            "is_first",
            "given_customer_id",
            "ends_on",
        )
    )


def _write_lines(
    matched: pl.DataFrame, named: pl.DataFrame, invoices: pl.DataFrame, payments: pl.DataFrame
) -> pl.DataFrame:
    """Return the matches as allocations, and the taking back of those that the source overruled."""
    moments = invoices.select("invoice_id", "invoice_day", "invoice_observed_at")
    # the moment from which the match could be made: payment and invoices known
    named_by = (
        matched.select("event", "payment_id", "day")
        .unique()
        .join(named.filter(~pl.col("is_weak")), on="payment_id")
        .join(moments, on="invoice_id")
        .filter(pl.col("invoice_day") <= pl.col("day"))
        .group_by("event")
        .agg(pl.col("invoice_observed_at").max().alias("named_observed_at"))
    )
    lines = (
        matched.join(moments, on="invoice_id")
        .join(payments.drop("currency", "amount"), on="payment_id")
        .join(named_by, on="event", how="left")
        .with_columns(
            pl.max_horizontal(
                "payment_observed_at",
                pl.col("invoice_observed_at").max().over("event"),
                "named_observed_at",
            ).alias("observed_at"),
            pl.col("day").alias("allocated_at"),
            pl.concat_str([pl.lit("match"), "payment_id", "invoice_id"], separator=":").alias(
                "allocation_id"
            ),
            pl.col("rule").alias("match_rule"),
            _confidence("rule").alias("match_confidence"),
        )
    )
    overruled = lines.filter(pl.col("allocated_at_source").is_not_null()).with_columns(
        (-pl.col("amount")).alias("amount"),
        pl.col("allocated_at_source").alias("observed_at"),
        pl.col("allocated_at_source").dt.date().alias("allocated_at"),
        (pl.col("allocation_id") + pl.lit(":taken back")).alias("allocation_id"),
    )
    return ALLOCATION.conform(pl.concat([lines, overruled]))


def _confidence(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(
        {rule.value: confidence for rule, confidence in CONFIDENCE.items()}, return_dtype=pl.Float64
    )


def _write_matches(
    payments: pl.DataFrame, events: pl.DataFrame, candidates: pl.DataFrame, refused: pl.DataFrame
) -> pl.DataFrame:
    """Return ``core_payment_match``: of each payment the match, else what was found last."""
    last = candidates.filter(pl.col("event") == pl.col("event").max().over("payment_id"))
    note = pl.format(" The reference {} fails its check digits and was not used.", "refused_reference")
    gone = events.filter(pl.col("is_first"), pl.col("available") <= ZERO).select(
        "payment_id", pl.lit(value=True).alias("is_gone")
    )
    nothing = (
        pl.when("is_gone")
        .then(pl.lit("It was taken back."))
        .when("says")
        .then(pl.lit("Nothing in it names an invoice or a known payer."))
        .otherwise(pl.lit("It says neither what it is for nor who paid."))
    )
    rows = (
        payments.filter(pl.col("allocated_at_source").is_null())
        .drop("amount")
        .join(last.drop("currency", "given_customer_id"), on="payment_id", how="left")
        .join(refused, on="payment_id", how="left")
        .join(gone, on="payment_id", how="left")
        .with_columns(
            pl.col("customer_id").fill_null(pl.col("given_customer_id")),
            pl.col("amount").fill_null(ZERO),
            pl.col("status").fill_null(MatchStatus.UNMATCHED.value),
            pl.col("day").fill_null(pl.col("payment_day")).alias("decided_date"),
            _confidence("rule").alias("confidence"),
            (pl.coalesce("reason", nothing) + pl.coalesce(note, pl.lit(""))).alias("reason"),
        )
        .sort("payment_id", "customer_id", "invoice_id", nulls_last=True)
    )
    return PAYMENT_MATCH.conform(
        rows.with_columns(
            (pl.int_range(pl.len()).over("payment_id") + 1).alias("candidate_number"),
            pl.col("event").count().over("payment_id").alias("candidate_count"),
        )
    )
