"""Occasions on which a customer showed, or could have shown, a sign of why it pays late.

Belongs here: counting each signal per customer from the ledger. Does not belong here: what a signal
says about a cause (cause_signals.yaml, causes).
"""

from collections.abc import Iterator
from datetime import date

import polars as pl

from segmentation.domain.payers import name_payers
from segmentation.domain.promises import PROMISE_GRACE_DAYS, judge_promises
from segmentation.domain.schema import Frames
from segmentation.domain.taken_back import is_returned_debit, is_reversal
from segmentation.domain.vocabulary import CoveredBy, Direction, OutcomeCode, PromiseStatus
from segmentation.segments.definitions import CauseModel
from segmentation.segments.message_signals import NOTHING_SAID, count_message_signals
from segmentation.segments.observations import EXCLUDED, LATE

SIGNAL_SCHEMA = pl.Schema(
    {"customer_id": pl.String(), "signal": pl.String(), "seen": pl.Int64(), "count": pl.Int64()}
)

_SAID = {
    "said_paperwork": (
        OutcomeCode.NOT_RECEIVED,
        OutcomeCode.AWAITING_APPROVAL,
        OutcomeCode.IN_PAYMENT_RUN,
    ),
    "said_payment_sent": (OutcomeCode.PAYMENT_SENT,),
    "said_disputed": (OutcomeCode.DISPUTED,),
    "said_cannot_pay": (OutcomeCode.CANNOT_PAY,),
    "said_will_not_pay": (OutcomeCode.WILL_NOT_PAY,),
}


def count_signals(
    ledger: Frames,
    known: pl.DataFrame,
    as_of: date,
    model: CauseModel,
    promise_grace_days: int = PROMISE_GRACE_DAYS,
) -> pl.DataFrame:
    """Return how often each customer showed each signal, of how many opportunities.

    Parameters
    ----------
    ledger : all ``core_`` tables as known on the as-of day.
    known : result of ``observations.classify_instalments``.
    as_of : contacts too recent to have had their effect are no opportunities yet.
    model : windows and levels of the signals.
    promise_grace_days : days after a promised day on which the money may still arrive.

    Returns
    -------
    One row per customer and signal with at least one opportunity: ``customer_id``, ``signal``,
    ``seen``, ``count``. A signal whose table is empty has no opportunities: absence of records is
    not absence of behaviour.
    """
    parts = [
        *_count_responses(ledger, as_of, model),
        *_count_statements(ledger),
        *_count_instalments(ledger, known, model),
        _count_promises(ledger, as_of, promise_grace_days),
        _count_plans(ledger),
        _count_reversals(ledger),
        *count_message_signals(ledger, model),
    ]
    frames = [part.select(SIGNAL_SCHEMA.names()).cast(SIGNAL_SCHEMA) for part in parts]
    return (
        pl.concat(frames)
        .filter((pl.col("count") > 0) & pl.col("customer_id").is_not_null())
        .sort("customer_id", "signal")
    )


def find_contacted(ledger: Frames, known_causes: pl.DataFrame) -> pl.DataFrame:
    """Return the customers about whom anything beyond invoices and payments is known.

    Parameters
    ----------
    ledger : all ``core_`` tables.
    known_causes : result of ``learning.find_known_causes``.
    """
    owners = _invoice_owners(ledger)
    contacts = ledger["core_contact_event"].select("customer_id")
    plans = ledger["core_payment_plan"].select("customer_id")
    promises = ledger["core_promise_to_pay"].join(owners, "invoice_id").select("customer_id")
    disputes = ledger["core_dispute"].join(owners, "invoice_id").select("customer_id")
    reversals = _list_reversals(name_payers(ledger)).select("customer_id")
    written = ledger["core_message"].select("customer_id")
    asked = known_causes.select("customer_id")
    return pl.concat([contacts, plans, promises, disputes, reversals, written, asked]).unique().drop_nulls()


def _invoice_owners(ledger: Frames) -> pl.DataFrame:
    return ledger["core_invoice"].select("invoice_id", "customer_id").unique("invoice_id")


def _list_reversals(payments: pl.DataFrame) -> pl.DataFrame:
    return payments.filter(is_reversal(), pl.col("customer_id").is_not_null())


def _counted(frame: pl.DataFrame, signal: str, seen: pl.Expr) -> pl.DataFrame:
    return frame.group_by("customer_id").agg(
        pl.lit(signal).alias("signal"), seen.fill_null(False).sum().alias("seen"), pl.len().alias("count")
    )


def _count_responses(ledger: Frames, as_of: date, model: CauseModel) -> Iterator[pl.DataFrame]:
    """Payments and answers after outbound contacts that were made while something was overdue."""
    contacts = _dunning_contacts(ledger)
    soon = model.signal("paid_soon_after_reminder").number("within_days")
    silence = model.signal("ignored_contact").number("within_days")
    pressed = model.signal("paid_under_pressure").number("within_days")
    level = model.signal("paid_under_pressure").number("level")
    age = (pl.lit(as_of) - pl.col("sent_date")).dt.total_days()
    wait = (pl.col("paid_date") - pl.col("sent_date")).dt.total_days()
    is_reminder = pl.col("dunning_level").fill_null(1) < level
    reminders = contacts.filter(is_reminder & ((age > soon) | (wait <= soon)))
    yield _counted(reminders, "paid_soon_after_reminder", wait <= soon)
    settled = contacts.filter(age > silence)
    yield _counted(settled, "ignored_contact", ~pl.col("is_answered") & ~(wait <= silence).fill_null(False))
    notices = contacts.filter(~is_reminder & ((age > pressed) | (wait <= pressed)))
    yield _counted(notices, "paid_under_pressure", wait <= pressed)


def _dunning_contacts(ledger: Frames) -> pl.DataFrame:
    """Outbound contacts about something overdue, with the next payment day and whether it was answered."""
    events = ledger["core_contact_event"].filter(
        (pl.col("direction") == Direction.OUTBOUND.value) & (pl.col("dunning_level").fill_null(1) >= 1)
    )
    answers = (
        ledger["core_contact_outcome"]
        .filter(~pl.col("code").is_in(NOTHING_SAID))
        .select("contact_id", pl.lit(True).alias("has_outcome"))
        .unique()
    )
    balance = ledger["core_instalment_balance"]
    contacts = (
        events.join(answers, "contact_id", "left")
        .with_columns(
            pl.col("sent_at").dt.date().alias("sent_date"),
            (pl.col("replied_at").is_not_null() | pl.col("has_outcome").fill_null(False)).alias(
                "is_answered"
            ),
        )
        .select("contact_id", "customer_id", "invoice_id", "dunning_level", "sent_date", "is_answered")
    )
    paid = (pl.col("covered_by") == CoveredBy.PAYMENT.value).fill_null(False) & ~pl.col("is_open")
    by_invoice = (
        balance.join(contacts, "invoice_id", "semi")
        .group_by("invoice_id")
        .agg(
            pl.col("covered_date").filter(paid).max().alias("invoice_paid_date"),
            pl.col("due_date").min().alias("invoice_due_date"),
        )
    )
    payments = (
        balance.join(contacts, "customer_id", "semi")
        .filter(paid & pl.col("covered_date").is_not_null())
        .select("customer_id", pl.col("covered_date").alias("account_paid_date"))
        .unique()
        .sort("account_paid_date", "customer_id")
    )
    joined = (
        contacts.join(by_invoice, "invoice_id", "left")
        .sort("sent_date", "contact_id")
        .join_asof(
            payments,
            left_on="sent_date",
            right_on="account_paid_date",
            by="customer_id",
            strategy="forward",
            check_sortedness=False,
        )
    )
    is_about_invoice = pl.col("invoice_due_date").is_not_null()
    was_overdue = ~is_about_invoice | (
        (pl.col("invoice_due_date") < pl.col("sent_date"))
        & (pl.col("invoice_paid_date") >= pl.col("sent_date")).fill_null(True)
    )
    return joined.filter(was_overdue).with_columns(
        pl.when(is_about_invoice)
        .then(pl.col("invoice_paid_date"))
        .otherwise(pl.col("account_paid_date"))
        .alias("paid_date")
    )


def _count_statements(ledger: Frames) -> Iterator[pl.DataFrame]:
    """What customers said when they were reached."""
    contacts = ledger["core_contact_event"].select("contact_id", "customer_id").unique("contact_id")
    said = (
        ledger["core_contact_outcome"]
        .filter(~pl.col("code").is_in(NOTHING_SAID))
        .join(contacts, "contact_id")
    )
    for signal, codes in _SAID.items():
        yield _counted(said, signal, pl.col("code").is_in([code.value for code in codes]))


def _count_instalments(ledger: Frames, known: pl.DataFrame, model: CauseModel) -> Iterator[pl.DataFrame]:
    """How late instalments were late: disputed, in parts, for long."""
    late = known.filter(pl.col(LATE) & ~pl.col(EXCLUDED))
    disputes = ledger["core_dispute"]
    if disputes.height:
        disputed = disputes.select("invoice_id", pl.lit(True).alias("is_disputed")).unique()
        concerned = known.filter(pl.col(LATE) | pl.col(EXCLUDED)).join(disputed, "invoice_id", "left")
        yield _counted(concerned, "disputed_invoice", pl.col("is_disputed"))
    if (known["payment_count"] > 1).any():
        yield _counted(
            late.filter(pl.col("payment_count") > 0), "partial_payment", pl.col("payment_count") > 1
        )
    beyond = model.signal("long_overdue").number("beyond_days")
    told = late.filter(~pl.col("is_open") | (pl.col("days_late") > beyond))
    yield _counted(told, "long_overdue", pl.col("days_late") > beyond)


def _count_promises(ledger: Frames, as_of: date, grace_days: int) -> pl.DataFrame:
    """Promises that ended, and those of them that were not kept."""
    if ledger["core_promise_to_pay"].is_empty():  # judging reads every instalment and payment
        return SIGNAL_SCHEMA.to_frame()
    judged = judge_promises(ledger, as_of, grace_days).join(_invoice_owners(ledger), "invoice_id")
    ended = judged.filter(pl.col("state") != PromiseStatus.OPEN.value)
    return _counted(ended, "broken_promise", pl.col("state") == PromiseStatus.BROKEN.value)


def _count_plans(ledger: Frames) -> pl.DataFrame:
    plans = ledger["core_payment_plan"].select("customer_id").unique()
    return _counted(plans, "asked_for_plan", pl.lit(True))


def _count_reversals(ledger: Frames) -> pl.DataFrame:
    """Direct debits that came back, of all payments, for customers with at least one that did."""
    payments = name_payers(ledger)
    received = payments.filter((pl.col("amount") > 0) & pl.col("reversal_of").is_null())
    made = received.group_by("customer_id").agg(pl.len().alias("count"))
    returned = _list_reversals(payments).filter(is_returned_debit())
    failed = returned.group_by("customer_id").agg(pl.len().alias("seen"))
    return made.join(failed, "customer_id").with_columns(
        pl.lit("failed_direct_debit").alias("signal"), pl.min_horizontal("seen", "count")
    )
