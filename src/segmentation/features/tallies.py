"""Tallies: dated facts on the account beside its invoices, counted by one rule.

Belongs here: what counts as a reminder, a dispute, a broken promise ..., and from which day it was
known. Does not belong here: invoices and their settlement (``facts``), formulas (``definitions``).

A tally gives three state columns: ``<name>_count`` (facts in force at the moment),
``<name>_365_count`` (those of them that began in the 365 days before it) and ``<name>_last_day``
(day of the latest one). All three are null at moments before the ledger's first fact of the kind
that the tally watches: what was not recorded yet is not the same as what did not happen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import (
    CoveredBy,
    Direction,
    DocumentType,
    PlanStatus,
    PromiseStatus,
)

RESPONSE_DAYS = 14
"""A reminder is answered when its invoice is paid within this many days."""

OBSERVED = pl.col("observed_at").dt.date()
"""Day on which a canonical fact was learned."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Dated facts about customers.

    Parameters
    ----------
    name : prefix of its state columns.
    facts : takes the ledger, returns customer_id, ``from_date`` (known from) and ``until_date``
        (known to be over; null while in force); both count from the next day's start.
    source : ledger table that shows whether the ledger records such things at all.
    description : what is counted, in business words.
    """

    name: str
    facts: Callable[[Frames], pl.DataFrame]
    source: str
    description: str

    @property
    def columns(self) -> tuple[str, str, str]:
        """Names of its state columns."""
        return (f"{self.name}_count", f"{self.name}_365_count", f"{self.name}_last_day")


def _dated(frame: pl.DataFrame, since: pl.Expr, until: pl.Expr | None = None) -> pl.DataFrame:
    return frame.select(
        "customer_id",
        since.alias("from_date"),
        (pl.lit(None, pl.Date) if until is None else until).alias("until_date"),
    ).drop_nulls(["customer_id", "from_date"])


def _later(*columns: str | pl.Expr) -> pl.Expr:
    """Latest of the days; null when the first is null."""
    first = pl.col(columns[0]) if isinstance(columns[0], str) else columns[0]
    return pl.when(first.is_not_null()).then(pl.max_horizontal(*columns))


def _with_customer(frame: pl.DataFrame, ledger: Frames) -> pl.DataFrame:
    return frame.join(ledger["core_invoice"].select("invoice_id", "customer_id"), on="invoice_id")


def select_reminders(ledger: Frames) -> pl.DataFrame:
    """Return outbound contacts that ask for payment after the due date (core_contact_event rows).

    A contact before the due date has level 0; one without a level is taken for a reminder.
    """
    return ledger["core_contact_event"].filter(
        pl.col("direction") == Direction.OUTBOUND, pl.col("dunning_level").fill_null(1) >= 1
    )


def _reminders(ledger: Frames) -> pl.DataFrame:
    return _dated(select_reminders(ledger), OBSERVED)


def _reminder_results(ledger: Frames) -> pl.DataFrame:
    """Reminders about an invoice, with the day on which it was known that payment followed in time."""
    paid = (
        ledger["core_instalment_balance"]
        .group_by("invoice_id")
        .agg(
            pl.col("covered_date").max(),
            pl.col("covered_known_date").max(),
            pl.col("covered_date").null_count().alias("open_parts"),
            (pl.col("covered_by") == CoveredBy.PAYMENT).all().alias("is_paid"),
        )
    )
    sent = pl.col("sent_at").dt.date()
    last = sent.dt.offset_by(f"{RESPONSE_DAYS}d")
    in_time = (
        pl.col("is_paid")
        & (pl.col("open_parts") == 0)
        & (pl.col("covered_date") >= sent)
        & (pl.col("covered_date") <= last)
    )
    return (
        select_reminders(ledger)
        .join(paid, on="invoice_id")
        # paid before the reminder was sent: it says nothing about the response
        .filter((pl.col("covered_date") >= sent) | (pl.col("open_parts") > 0))
        .with_columns(
            pl.when(in_time).then(pl.max_horizontal(OBSERVED, "covered_known_date")).alias("answered_date"),
            pl.max_horizontal(OBSERVED, last).alias("lapsed_date"),
        )
    )


def _answered_reminders(ledger: Frames) -> pl.DataFrame:
    return _dated(_reminder_results(ledger), pl.col("answered_date"))


def _ripe_reminders(ledger: Frames) -> pl.DataFrame:
    return _dated(_reminder_results(ledger), pl.min_horizontal("answered_date", "lapsed_date"))


def _replies(ledger: Frames) -> pl.DataFrame:
    contacts = ledger["core_contact_event"]
    replied = contacts.filter(pl.col("direction") == Direction.OUTBOUND).filter(
        pl.col("replied_at").is_not_null()
    )
    return _dated(replied, _later(pl.col("replied_at").dt.date(), OBSERVED))


def _disputes(ledger: Frames) -> pl.DataFrame:
    return _dated(_with_customer(ledger["core_dispute"], ledger), _later("opened_at", OBSERVED))


def _open_disputes(ledger: Frames) -> pl.DataFrame:
    disputes = _with_customer(ledger["core_dispute"], ledger)
    return _dated(disputes, _later("opened_at", OBSERVED), _later("closed_at", OBSERVED))


def _credit_notes(ledger: Frames) -> pl.DataFrame:
    notes = ledger["core_invoice"].filter(pl.col("document_type") == DocumentType.CREDIT_NOTE)
    return _dated(notes, _later("issue_date", OBSERVED))


def _promises(ledger: Frames) -> pl.DataFrame:
    return _dated(_with_customer(ledger["core_promise_to_pay"], ledger), _later("made_at", OBSERVED))


def _open_promises(ledger: Frames) -> pl.DataFrame:
    promises = _with_customer(ledger["core_promise_to_pay"], ledger)
    return _dated(promises, _later("made_at", OBSERVED), _later("resolved_at", OBSERVED))


def _promises_with(*statuses: PromiseStatus) -> Callable[[Frames], pl.DataFrame]:
    def facts(ledger: Frames) -> pl.DataFrame:
        promises = _with_customer(ledger["core_promise_to_pay"], ledger)
        return _dated(promises.filter(pl.col("status").is_in(statuses)), _later("resolved_at", OBSERVED))

    return facts


def _running_plans(ledger: Frames) -> pl.DataFrame:
    return _dated(ledger["core_payment_plan"], _later("started_at", OBSERVED), _later("ended_at", OBSERVED))


def _broken_plans(ledger: Frames) -> pl.DataFrame:
    plans = ledger["core_payment_plan"].filter(pl.col("status") == PlanStatus.BROKEN)
    return _dated(plans, _later("ended_at", OBSERVED))


def _failed_debits(ledger: Frames) -> pl.DataFrame:
    taken_back = ledger["core_payment"].filter(
        pl.col("reversal_of").is_not_null() | pl.col("reason_code").is_not_null()
    )
    return _dated(taken_back, OBSERVED)


def _partial_payments(ledger: Frames) -> pl.DataFrame:
    """Payments that left an instalment open, judged by what had been set against it until then."""
    instalments = ledger["core_instalment_balance"].select(
        "invoice_id", "instalment_number", "customer_id", due="amount"
    )
    single = pl.col("instalment_number").fill_null(1)
    covers = (
        ledger["core_allocation"]
        .with_columns(single)
        .join(instalments, on=["invoice_id", "instalment_number"])
        .with_columns(from_date=OBSERVED)
        .sort("from_date", "allocated_at", "allocation_id")
        .with_columns(covered=pl.col("amount").cum_sum().over("invoice_id", "instalment_number"))
    )
    partial = covers.filter(
        pl.col("payment_id").is_not_null(), pl.col("amount") > 0, pl.col("covered") < pl.col("due")
    )
    return _dated(partial, pl.col("from_date"))


TALLIES: tuple[Tally, ...] = (
    Tally("reminder", _reminders, "core_contact_event", "reminders sent"),
    Tally(
        "ripe_reminder",
        _ripe_reminders,
        "core_contact_event",
        f"reminders about an invoice whose answer is known: paid, or {RESPONSE_DAYS} days gone by",
    ),
    Tally(
        "answered_reminder",
        _answered_reminders,
        "core_contact_event",
        f"reminders after which the invoice was paid within {RESPONSE_DAYS} days",
    ),
    Tally("reply", _replies, "core_contact_event", "outbound contacts that the customer answered"),
    Tally("dispute", _disputes, "core_dispute", "disputes raised"),
    Tally("open_dispute", _open_disputes, "core_dispute", "disputes that are open"),
    Tally("credit_note", _credit_notes, "core_invoice", "credit notes issued"),
    Tally("promise", _promises, "core_promise_to_pay", "promises made"),
    Tally("open_promise", _open_promises, "core_promise_to_pay", "promises not kept or broken yet"),
    Tally("kept_promise", _promises_with(PromiseStatus.KEPT), "core_promise_to_pay", "promises kept"),
    Tally(
        "broken_promise",
        _promises_with(PromiseStatus.BROKEN, PromiseStatus.PARTIAL),
        "core_promise_to_pay",
        "promises broken, or kept in part",
    ),
    Tally("running_plan", _running_plans, "core_payment_plan", "payment plans that run"),
    Tally("broken_plan", _broken_plans, "core_payment_plan", "payment plans broken"),
    Tally("failed_debit", _failed_debits, "core_payment", "payments taken back"),
    Tally("partial_payment", _partial_payments, "core_allocation", "payments that left an instalment open"),
)
"""All tallies; a formula may use their columns by name."""
