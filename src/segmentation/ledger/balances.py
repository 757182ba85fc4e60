"""What is open per instalment, when it was covered and how late; and money set against nothing.

Belongs here: balances in the document's own currency, to the cent. Does not belong here: ageing and
other figures about many invoices (publish), any prediction.
"""

from datetime import date

import polars as pl

from segmentation.domain.core_tables import INSTALMENT_BALANCE, PAYMENT_MATCH, UNALLOCATED_CASH
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import CoveredBy, DisputeOutcome, DocumentType, OutcomeCode
from segmentation.ledger.movements import (
    EXACT,
    INSTALMENT,
    drop_not_yet_valued,
    list_allocation_lines,
    list_instalments,
    list_movements,
)

DISPUTE_UPHELD = "dispute_upheld"

_ZERO = pl.lit(0, dtype=EXACT)
_KINDS = {
    CoveredBy.PAYMENT: "paid_amount",
    CoveredBy.CREDIT_NOTE: "credited_amount",
    CoveredBy.WRITE_OFF: "written_off_amount",
}


def build_instalment_balances(ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return what is open per instalment, when it was covered and how many days late.

    Parameters
    ----------
    ledger : ``core_invoice``, ``core_instalment``, ``core_payment``, ``core_allocation``,
        ``core_dispute``, ``core_contact_event``, ``core_contact_outcome``, as known on the as-of day.
    as_of : the as-of day, up to which open instalments are late.

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
    instalments = list_instalments(ledger)
    lines = drop_not_yet_valued(list_allocation_lines(ledger), as_of)
    movements = list_movements(instalments, lines)
    balances = (
        instalments.join(invoices, on="invoice_id")
        .join(_sum_kinds(movements), on=INSTALMENT, how="left")
        .with_columns(pl.col(name).fill_null(_ZERO) for name in _KINDS.values())
        .with_columns((pl.col("amount") - pl.sum_horizontal(*_KINDS.values())).alias("open_amount"))
        .with_columns((pl.col("open_amount") > _ZERO).alias("is_open"))
        .join(_first_payments(movements), on=INSTALMENT, how="left")
        .with_columns(pl.col("payment_count").fill_null(0))
        .join(_supplier_causes(ledger), on="invoice_id", how="left")
        .with_columns(pl.col("supplier_cause").is_not_null().alias("is_supplier_caused"))
    )
    for day, result, otherwise in (
        ("effective_date", "covered_date", "issue_date"),
        ("known_date", "covered_known_date", "issued_known_date"),
    ):
        covered = _find_covered_day(movements, instalments, day).rename({"covered_day": result})
        balances = balances.join(covered, on=INSTALMENT, how="left").with_columns(
            pl.when(~pl.col("is_open")).then(pl.coalesce(result, otherwise)).alias(result)
        )
    largest = pl.max_horizontal(*_KINDS.values())
    covered_by = pl.coalesce(
        pl.when((pl.col(name) == largest) & (largest > _ZERO)).then(pl.lit(kind.value))
        for kind, name in _KINDS.items()
    )
    return INSTALMENT_BALANCE.conform(
        balances.with_columns(
            pl.when(~pl.col("is_open")).then(covered_by).alias("covered_by"),
            (pl.coalesce("covered_date", pl.lit(as_of)) - pl.col("due_date"))
            .dt.total_days()
            .alias("days_late"),
        )
    )


def _sum_kinds(movements: pl.DataFrame) -> pl.DataFrame:
    return movements.group_by(INSTALMENT).agg(
        pl.col("amount").filter(pl.col("kind") == kind.value).sum().alias(name)
        for kind, name in _KINDS.items()
    )


def _find_covered_day(movements: pl.DataFrame, instalments: pl.DataFrame, day: str) -> pl.DataFrame:
    """Return the first day after which the running open amount stays at or below nil."""
    running = (
        movements.group_by(*INSTALMENT, day)
        .agg(pl.col("amount").sum().alias("moved"))
        .join(instalments.select(*INSTALMENT, "amount"), on=INSTALMENT)
        .sort(*INSTALMENT, day)
        .with_columns((pl.col("moved").cum_sum().over(INSTALMENT) < pl.col("amount")).alias("is_open_after"))
        .with_columns(pl.when("is_open_after").then(day).max().over(INSTALMENT).alias("last_open_day"))
    )
    return (
        running.filter(pl.col("last_open_day").is_null() | (pl.col(day) > pl.col("last_open_day")))
        .group_by(INSTALMENT)
        .agg(pl.col(day).min().alias("covered_day"))
    )


def _first_payments(movements: pl.DataFrame) -> pl.DataFrame:
    """Return count and first day of the payments that stand, those taken back in full left out."""
    return (
        movements.filter(pl.col("kind") == CoveredBy.PAYMENT.value)
        .group_by(*INSTALMENT, "origin_id")
        .agg(
            pl.col("amount").sum(),
            pl.col("effective_date").filter(pl.col("amount") > _ZERO).min(),
        )
        .filter(pl.col("amount") > _ZERO)
        .group_by(INSTALMENT)
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


def build_unallocated_cash(ledger: Frames) -> pl.DataFrame:
    """Return the customers with money or credit that is not set against anything.

    Parameters
    ----------
    ledger : ``core_invoice``, ``core_payment``, ``core_allocation``, as known on the as-of day, and
        ``core_payment_match`` where payments were matched here.

    Returns
    -------
    ``core_unallocated_cash``, in the currency of the payment or credit note; customers with nothing
    unallocated have no row. A negative amount means that more was allocated than received.

    Notes
    -----
    Money without a customer is attributed to the customer whose invoice it was allocated to, else to the
    only customer that it can be from. Money that may be of several customers is in
    ``possible_cash_amount`` of each, in full; where there is no customer at all it is in no row
    (reported in ``core_quality``). A payment allocated to an invoice in
    another currency counts as allocated in full, since the rate is not known.
    """
    unmatched = list_unmatched_payments(ledger)
    cash = unmatched.filter(pl.col("customer_id").is_not_null())
    possible = (
        unmatched.filter(pl.col("customer_id").is_null())
        .drop("customer_id")
        .join(_list_candidates(ledger), on="origin_id")
        .select("customer_id", "currency", pl.col("unmatched_cash_amount").alias("possible_cash_amount"))
    )
    amounts = ["unmatched_cash_amount", "credit_amount", "possible_cash_amount"]
    return UNALLOCATED_CASH.conform(
        pl.concat([cash, _list_open_credit(ledger), possible], how="diagonal")
        .group_by("customer_id", "currency")
        .agg(pl.col(amounts).sum())
        .filter(pl.any_horizontal(pl.col(amounts) != _ZERO))
    )


def _list_candidates(ledger: Frames) -> pl.DataFrame:
    """Return the customers that a payment which nothing was allocated of may be from."""
    matches = ledger.get("core_payment_match", PAYMENT_MATCH.empty())
    return (
        matches.filter(pl.col("customer_id").is_not_null())
        .select(pl.col("payment_id").alias("origin_id"), "customer_id")
        .unique()
    )


def list_unmatched_payments(ledger: Frames) -> pl.DataFrame:
    """Return per payment what is left of it: received, less taken back, less allocated.

    Returns
    -------
    ``origin_id`` (the payment), ``customer_id`` (null when nobody is known), ``currency``,
    ``unmatched_cash_amount``, ``is_foreign`` (allocated to another currency).
    """
    invoices = ledger["core_invoice"].select(
        "invoice_id", pl.col("customer_id").alias("debtor_id"), pl.col("currency").alias("invoice_currency")
    )
    payments = ledger["core_payment"].select(
        "payment_id",
        pl.coalesce("reversal_of", "payment_id").alias("origin_id"),
        "customer_id",
        "currency",
        pl.col("amount").cast(EXACT),
        pl.col("reversal_of").is_not_null().alias("is_reversal"),
    )
    received = (
        payments.sort("origin_id", "is_reversal", "payment_id")
        .group_by("origin_id", maintain_order=True)
        .agg(
            pl.col("customer_id").drop_nulls().first(),
            pl.col("currency").first(),
            pl.col("amount").sum().alias("received"),
        )
    )
    allocated = (
        list_allocation_lines(ledger)
        .filter(pl.col("origin_id").is_not_null())
        .join(invoices, on="invoice_id", how="left")
        .join(received.select("origin_id", "currency"), on="origin_id")
        .sort("origin_id", "invoice_id")
        .group_by("origin_id", maintain_order=True)
        .agg(
            pl.col("amount").sum().alias("allocated"),
            pl.col("debtor_id").drop_nulls().first(),
            (pl.col("invoice_currency") != pl.col("currency")).any().alias("is_foreign"),
        )
    )
    payer = (
        _list_candidates(ledger)
        .group_by("origin_id")
        .agg(pl.col("customer_id").first().alias("payer_id"), pl.len().alias("payer_count"))
        .filter(pl.col("payer_count") == 1)
    )
    found = received.join(allocated, on="origin_id", how="left").join(payer, on="origin_id", how="left")
    return found.select(
        "origin_id",
        pl.coalesce("customer_id", "debtor_id", "payer_id").alias("customer_id"),
        "currency",
        pl.when(pl.col("is_foreign").fill_null(value=False))
        .then(_ZERO)
        .otherwise(pl.col("received") - pl.col("allocated").fill_null(_ZERO))
        .alias("unmatched_cash_amount"),
        pl.col("is_foreign").fill_null(value=False),
    )


def _list_open_credit(ledger: Frames) -> pl.DataFrame:
    lines = list_allocation_lines(ledger)
    used = lines.group_by("credit_note_id").agg(pl.col("amount").sum().alias("used"))
    refunded = lines.group_by("invoice_id").agg(pl.col("amount").sum().alias("refunded"))
    return (
        ledger["core_invoice"]
        .filter(pl.col("document_type") == DocumentType.CREDIT_NOTE.value)
        .join(used, left_on="invoice_id", right_on="credit_note_id", how="left")
        .join(refunded, on="invoice_id", how="left")
        .select(
            "customer_id",
            "currency",
            (
                pl.col("amount").cast(EXACT)
                - pl.col("used").fill_null(_ZERO)
                + pl.col("refunded").fill_null(_ZERO)
            ).alias("credit_amount"),
        )
    )
