"""Money and credit that nothing was set against, by payment and by customer.

Belongs here: what is left of payments and credit notes. Does not belong here: what is open (balances),
whose a payment may be (matching).
"""

import polars as pl

from segmentation.domain.core_tables import PAYMENT_MATCH, UNALLOCATED_CASH
from segmentation.domain.movements import SUM_OF_AMOUNTS, list_drawn, list_movements
from segmentation.domain.payers import name_payers
from segmentation.domain.reversals import name_origins
from segmentation.domain.row_lookup import find_rows, is_known, list_places, take_rows
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import DocumentType, MatchRule

_ZERO = pl.lit(0, dtype=SUM_OF_AMOUNTS)


def build_unallocated_cash(
    ledger: Frames, lines: pl.DataFrame | None = None, payments: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the customers with money or credit that is not set against anything.

    Parameters
    ----------
    ledger : ``core_invoice``, ``core_payment``, ``core_allocation``, as known on the as-of day, and
        ``core_payment_match`` where payments were matched here.
    lines, payments : as ``list_movements`` and ``list_unmatched_payments`` return them for this ledger, where the
        caller has them.

    Returns
    -------
    ``core_unallocated_cash``, in the currency of the payment or credit note; customers with nothing
    unallocated have no row. A negative amount means that more was allocated than received.

    Notes
    -----
    Money without a customer is attributed to the customer whose invoice it was allocated to, else to the
    only customer that it can be from. Money that may be of several customers is in
    ``possible_cash_amount`` of each, in full; so is money of nobody known, with those who owe exactly its
    amount (be it one: an amount is no evidence), and money taken back that is of no clear payment (as a
    positive amount: it holds whomever it may be about, and nets with nothing), or of a payment to several
    currencies without saying what each got; where there is no customer at all it is in no row
    (reported in ``core_quality``). A payment or credit note allocated to an invoice in another currency counts
    as allocated in full where the allocation does not say what that is in its own.
    """
    lines = list_movements(ledger) if lines is None else lines
    payments = list_unmatched_payments(ledger, lines) if payments is None else payments
    unmatched = payments.filter(pl.col("unmatched_cash_amount") != _ZERO)
    cash = unmatched.filter(pl.col("customer_id").is_not_null())
    candidates = _list_candidates(ledger, lines)
    is_taken = pl.col("unmatched_cash_amount") < _ZERO
    possible = (
        pl.concat(
            [
                unmatched.filter(pl.col("customer_id").is_null() & ~is_taken),
                # what is taken back of nobody knows which payment: even of one customer, a person must look
                unmatched.join(_list_returns(ledger), on="origin_id", how="semi"),
            ]
        )
        .drop("customer_id")
        .join(candidates, on="origin_id")
        .select(
            "customer_id", "currency", pl.col("unmatched_cash_amount").abs().alias("possible_cash_amount")
        )
    )
    parts = [cash, _list_open_credit(ledger, lines), possible]
    if payments.get_column("is_foreign").any():
        parts.append(_list_unclear_returns(ledger, lines, payments))
    amounts = ["unmatched_cash_amount", "credit_amount", "possible_cash_amount"]
    return UNALLOCATED_CASH.conform(
        pl.concat(parts, how="diagonal")
        .group_by("customer_id", "currency")
        .agg(pl.col(amounts).sum())
        .filter(pl.any_horizontal(pl.col(amounts) != _ZERO))
    )


def _list_returns(ledger: Frames) -> pl.DataFrame:
    """Return the money taken back of which it is not clear from which payment: ``origin_id``."""
    matches = ledger.get("core_payment_match", PAYMENT_MATCH.empty())
    taken = ledger["core_payment"].filter(pl.col("amount") < 0, pl.col("reversal_of").is_null())
    return (
        taken.join(matches, on="payment_id", how="semi")
        .select(pl.col("payment_id").alias("origin_id"))
        .unique()
    )


def _list_unclear_returns(ledger: Frames, lines: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """Return what was taken back of a part of a payment, where it is not known which part paid which currency.

    Returns
    -------
    customer_id (of each invoice that the payment was set against), currency, possible_cash_amount.
    """
    core, allocations = ledger["core_payment"], ledger["core_allocation"]
    foreign = payments.filter("is_foreign").select(pl.col("origin_id").alias("reversed_id"), "currency")
    taken = (
        name_origins(core)
        .join(foreign, on="reversed_id")
        .join(core.select("payment_id", pl.col("amount").cast(SUM_OF_AMOUNTS)), on="payment_id")
        .join(allocations, on="payment_id", how="anti")
        .group_by(pl.col("reversed_id").alias("origin_id"), "currency")
        .agg(-pl.col("amount").sum())
        .join(
            core.select(pl.col("payment_id").alias("origin_id"), pl.col("amount").alias("paid")),
            on="origin_id",
        )
        .filter(pl.col("amount") != 0, pl.col("amount") != pl.col("paid"))
    )
    return (
        _list_debtors(ledger, lines, taken.get_column("origin_id"))
        .join(taken, on="origin_id")
        .select("customer_id", "currency", pl.col("amount").abs().alias("possible_cash_amount"))
    )


def _list_debtors(ledger: Frames, lines: pl.DataFrame, payment_ids: pl.Series) -> pl.DataFrame:
    """Return the customers whose invoices these payments were set against: origin_id, customer_id."""
    return (
        lines.filter(is_known(lines.get_column("origin_id"), payment_ids))
        .select("origin_id", "invoice_id")
        .join(ledger["core_invoice"].select("invoice_id", "customer_id"), on="invoice_id")
        .select("origin_id", "customer_id")
        .unique()
    )


def _list_candidates(ledger: Frames, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the customers that a payment which names none may be from: those it may be matched to, or was allocated to.

    ``is_likely`` says whether more than the amount speaks for the customer.
    """
    matches = ledger.get("core_payment_match", PAYMENT_MATCH.empty())
    nobody = ledger["core_payment"].filter(pl.col("customer_id").is_null())
    debtors = _list_debtors(ledger, lines, nobody.get_column("payment_id")).with_columns(
        pl.lit(value=True).alias("is_likely")
    )
    matched = matches.filter(pl.col("customer_id").is_not_null()).select(
        pl.col("payment_id").alias("origin_id"),
        "customer_id",
        pl.col("rule").ne_missing(MatchRule.AMOUNT.value).alias("is_likely"),
    )
    return pl.concat([debtors, matched]).group_by("origin_id", "customer_id").agg(pl.col("is_likely").any())


def list_unmatched_payments(ledger: Frames, lines: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return per payment what is left of it: received, less taken back, less allocated.

    Parameters
    ----------
    ledger : ``core_invoice``, ``core_payment``, ``core_allocation``, as known on the as-of day.
    lines : as ``list_movements`` returns them for this ledger, where the caller has them.

    Returns
    -------
    ``origin_id`` (the payment), ``customer_id`` (null when nobody is known), ``currency``,
    ``unmatched_cash_amount``, ``is_foreign`` (allocated to another currency, at a rate that is not known). In no order.
    """
    lines = list_movements(ledger) if lines is None else lines
    received = _list_received(name_payers(ledger))
    rows = find_rows(lines.get_column("origin_id"), received.get_column("origin_id"))
    allocated = (
        lines.select(
            rows.alias("row"),
            list_drawn(lines, rows, received.get_column("currency"), ledger["core_invoice"]),
        )
        .drop_nulls("row")
        .group_by("row")
        .agg(pl.col("drawn").sum(), pl.col("drawn").is_null().any().alias("is_foreign"))
    )
    places = list_places(allocated.get_column("row"), received.height)
    left = received.hstack(take_rows(allocated.select("drawn", "is_foreign"), places))
    is_foreign = pl.col("is_foreign").fill_null(value=False)
    return _name_likely(left, ledger, lines).select(
        "origin_id",
        "customer_id",
        "currency",
        pl.when(is_foreign)
        .then(_ZERO)
        .otherwise(pl.col("received") - pl.col("drawn").fill_null(_ZERO))
        .alias("unmatched_cash_amount"),
        is_foreign,
    )


def _name_likely(left: pl.DataFrame, ledger: Frames, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the payments with the customer of those that have no payer, where only one is likely."""
    likely = (
        _list_candidates(ledger, lines)
        .filter(pl.col("is_likely"))
        .group_by("origin_id")
        .agg(pl.col("customer_id").first().alias("likely_id"), pl.len().alias("likely_count"))
        .filter(pl.col("likely_count") == 1)
    )
    return left.join(likely, on="origin_id", how="left").with_columns(
        pl.coalesce("customer_id", "likely_id").alias("customer_id")
    )


def _list_received(payments: pl.DataFrame) -> pl.DataFrame:
    """Return per payment what came in, less what was taken back: origin_id, customer_id, currency, received."""
    origins = name_origins(payments)
    plain = payments.select(
        pl.col("payment_id").alias("origin_id"),
        "customer_id",
        "currency",
        pl.col("amount").cast(SUM_OF_AMOUNTS),
    )
    if not origins.height:
        return plain.rename({"amount": "received"})
    reversed_ = origins.get_column("reversed_id").implode()
    is_plain = ~pl.col("origin_id").is_in(origins.get_column("payment_id").implode()) & ~pl.col(
        "origin_id"
    ).is_in(reversed_)
    touched = (
        payments.join(origins, on="payment_id", how="left")
        .filter(pl.col("reversed_id").is_not_null() | pl.col("payment_id").is_in(reversed_))
        .select(
            pl.coalesce("reversed_id", "payment_id").alias("origin_id"),
            "payment_id",
            "customer_id",
            "currency",
            pl.col("amount").cast(SUM_OF_AMOUNTS),
            pl.col("reversed_id").is_not_null().alias("is_reversal"),
        )
        .sort("origin_id", "is_reversal", "payment_id")
        .group_by("origin_id", maintain_order=True)
        .agg(
            pl.col("customer_id").drop_nulls().first(),
            pl.col("currency").first(),
            pl.col("amount").sum(),
        )
    )
    return pl.concat([plain.filter(is_plain), touched]).rename({"amount": "received"})


def _list_open_credit(ledger: Frames, lines: pl.DataFrame) -> pl.DataFrame:
    notes = ledger["core_invoice"].filter(pl.col("document_type") == DocumentType.CREDIT_NOTE.value)
    note_ids = notes.get_column("invoice_id")
    notes_used = find_rows(lines.get_column("credit_note_id"), note_ids)
    drawn = list_drawn(lines, notes_used, notes.get_column("currency"), ledger["core_invoice"])
    used = lines.select("credit_note_id", drawn).filter(notes_used.is_not_null())
    refunded = lines.filter(is_known(lines.get_column("invoice_id"), note_ids))
    return (
        notes.join(
            used.group_by("credit_note_id").agg(
                pl.col("drawn").sum().alias("used"), pl.col("drawn").is_null().any().alias("is_foreign")
            ),
            left_on="invoice_id",
            right_on="credit_note_id",
            how="left",
        )
        .join(
            refunded.group_by("invoice_id").agg(pl.col("amount").sum().alias("refunded")),
            on="invoice_id",
            how="left",
        )
        .select(
            "customer_id",
            "currency",
            pl.when(pl.col("is_foreign").fill_null(value=False))
            .then(_ZERO)
            .otherwise(
                pl.col("amount").cast(SUM_OF_AMOUNTS)
                - pl.col("used").fill_null(_ZERO)
                + pl.col("refunded").fill_null(_ZERO)
            )
            .alias("credit_amount"),
        )
    )
