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

from segmentation.domain.payers import list_payers
from segmentation.domain.schema import Frames
from segmentation.domain.taken_back import is_reversal
from segmentation.domain.vocabulary import (
    CoveredBy,
    Direction,
    DocumentType,
    PlanStatus,
    PromiseStatus,
)
from segmentation.features.dates import OBSERVED, join_known, known_from
from segmentation.features.eras import SUPERSEDED, list_versions
from segmentation.features.facts import ROW, BookFacts, number_instalments
from segmentation.features.state import AGREED, WHOLE
from segmentation.ledger.movements import INSTALMENT

RESPONSE_DAYS = 14
"""A reminder is answered when its invoice is paid within this many days."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Dated facts about customers.

    Parameters
    ----------
    name : prefix of its state columns.
    facts : takes the ledger and its book, returns customer_id, ``from_date`` (known from) and ``until_date``
        (known to be over; null while in force); both count from the next day's start.
    source : ledger table that shows whether the ledger records such things at all.
    description : what is counted, in business words.
    """

    name: str
    facts: Callable[[Frames, BookFacts], pl.DataFrame]
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


def _counted(rows: pl.DataFrame, since: str, until: str | None = None) -> pl.DataFrame:
    """Return versions of rows (``superseded_at``), each in force no longer than it was believed."""
    ended = SUPERSEDED if until is None else pl.min_horizontal(known_from(until), SUPERSEDED)
    return _dated(
        rows.filter(SUPERSEDED.is_null() | (known_from(since) < SUPERSEDED)), known_from(since), ended
    )


def _with_customer(frame: pl.DataFrame, ledger: Frames) -> pl.DataFrame:
    return join_known(frame, ledger["core_invoice"], "invoice_id", "customer_id")


def select_reminders(ledger: Frames) -> pl.DataFrame:
    """Return outbound contacts that ask for payment after the due date (core_contact_event rows).

    A contact before the due date has level 0; one without a level is taken for a reminder.
    """
    return ledger["core_contact_event"].filter(
        pl.col("direction") == Direction.OUTBOUND, pl.col("dunning_level").fill_null(1) >= 1
    )


def _reminders(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    return _dated(select_reminders(ledger), OBSERVED)


def _reminded(ledger: Frames, book: BookFacts) -> pl.DataFrame:
    """Instalments overdue when a reminder about their invoice was sent, with its last day to answer."""
    sent = pl.col("sent_at").dt.date()
    reminders = select_reminders(ledger)
    versions = (ROW, "invoice_id", "agreed_date", "replaced_date")
    asked = number_instalments(ledger).select(versions).join(reminders, on="invoice_id", how="semi")
    return (
        reminders.select(
            "contact_id",
            "invoice_id",
            sent.alias("sent_date"),
            sent.dt.offset_by(f"{RESPONSE_DAYS}d").alias("last_date"),
            OBSERVED.alias("observed_date"),
        )
        .join(asked, on="invoice_id")
        .join(
            book.items.filter(pl.col("weight").is_in((WHOLE, AGREED))).select(
                ROW, "customer_id", "due_date", "from_date"
            ),
            on=ROW,
        )
        .with_columns(pl.max_horizontal("observed_date", "from_date").alias("observed_date"))
        .filter(
            pl.col("due_date") < pl.col("sent_date"),
            pl.col("agreed_date").is_null() | (pl.col("agreed_date") <= pl.col("sent_date")),
            pl.col("replaced_date").is_null() | (pl.col("replaced_date") > pl.col("sent_date")),
        )
    )


def _paid_after(ledger: Frames, book: BookFacts) -> pl.DataFrame:
    """Reminded instalments with what was believed about their payment, and from when to when."""
    paid = book.outcomes.filter(pl.col("is_written_off").not_())
    return (
        _reminded(ledger, book)
        .join(paid.select(ROW, "known_date", "until_date", "paid_date"), on=ROW)
        .with_columns(pl.max_horizontal("known_date", "observed_date").alias("known_date"))
        .filter(pl.col("until_date").is_null() | (pl.col("until_date") > pl.col("known_date")))
    )


def _answered_reminders(ledger: Frames, book: BookFacts) -> pl.DataFrame:
    in_time = pl.col("paid_date").is_between("sent_date", "last_date")
    answered = _paid_after(ledger, book).filter(in_time)
    return _dated(answered, pl.col("known_date"), pl.col("until_date"))


def _lapsed_reminders(ledger: Frames, book: BookFacts) -> pl.DataFrame:
    """Reminders after which no payment in time was known, from the last day to answer on."""
    lapsed_date = pl.max_horizontal("last_date", "observed_date")
    # paid in time, or before it was sent, and not taken back by then: it has not lapsed, or says nothing
    first_paid = (
        _paid_after(ledger, book)
        .filter(
            pl.col("paid_date") <= pl.col("last_date"),
            pl.col("until_date").is_null() | (pl.col("until_date") > lapsed_date),
        )
        .group_by("contact_id", ROW)
        .agg(pl.col("known_date").min().alias("paid_known_date"))
    )
    lapsed = (
        _reminded(ledger, book)
        .join(first_paid, on=["contact_id", ROW], how="left")
        .with_columns(lapsed_date.alias("lapsed_date"))
        # instalments agreed in time are an answer, though no payment
        .filter(pl.col("replaced_date").is_null() | (pl.col("replaced_date") > pl.col("lapsed_date")))
        .filter(pl.col("paid_known_date").is_null() | (pl.col("paid_known_date") > pl.col("lapsed_date")))
    )
    return _dated(lapsed, pl.col("lapsed_date"), pl.col("paid_known_date"))


def _replies(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    contacts = ledger["core_contact_event"]
    replied = contacts.filter(pl.col("direction") == Direction.OUTBOUND).filter(
        pl.col("replied_at").is_not_null()
    )
    return _dated(replied, pl.max_horizontal(pl.col("replied_at").dt.date(), OBSERVED))


def _disputes(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    return _counted(_with_customer(list_versions(ledger, "core_dispute"), ledger), "opened_at")


def _open_disputes(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    disputes = _with_customer(list_versions(ledger, "core_dispute"), ledger)
    return _counted(disputes, "opened_at", "closed_at")


def _credit_notes(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    notes = ledger["core_invoice"].filter(pl.col("document_type") == DocumentType.CREDIT_NOTE)
    return _dated(notes, known_from("issue_date"))


def _promises(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    return _counted(_with_customer(list_versions(ledger, "core_promise_to_pay"), ledger), "made_at")


def _open_promises(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    promises = _with_customer(list_versions(ledger, "core_promise_to_pay"), ledger)
    return _counted(promises, "made_at", "resolved_at")


def _promises_with(*statuses: PromiseStatus) -> Callable[[Frames, BookFacts], pl.DataFrame]:
    def facts(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
        promises = _with_customer(list_versions(ledger, "core_promise_to_pay"), ledger)
        return _counted(promises.filter(pl.col("status").is_in(statuses)), "resolved_at")

    return facts


def _running_plans(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    return _counted(list_versions(ledger, "core_payment_plan"), "started_at", "ended_at")


def _broken_plans(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    plans = list_versions(ledger, "core_payment_plan").filter(pl.col("status") == PlanStatus.BROKEN)
    return _counted(plans, "ended_at")


def _failed_debits(ledger: Frames, _book: BookFacts) -> pl.DataFrame:
    """Money taken back, from the day on which both it and whose it was were known."""
    told = (
        ledger["core_payment"]
        .filter(is_reversal())
        .drop("customer_id")
        .join(list_payers(ledger), on="payment_id")
        .with_columns(pl.max_horizontal(known_from("value_date"), "from_date").alias("from_date"))
        # whose it was may be known to be wrong before the day from which it counts
        .filter(pl.col("until_date").is_null() | (pl.col("until_date") > pl.col("from_date")))
    )
    return _dated(told, pl.col("from_date"), pl.col("until_date"))


def _partial_payments(ledger: Frames, book: BookFacts) -> pl.DataFrame:
    """Payments after which the instalment was still open, as it was known on that day."""
    still_open = book.steps.filter(pl.col("open") > 0)
    customers = ledger["core_invoice"].select("invoice_id", "customer_id")
    partial = (
        book.movements.filter(
            pl.col("kind") == CoveredBy.PAYMENT,
            pl.col("amount") > 0,
            # what came in before instalments were agreed was told of the whole
            pl.col("agreed_date").is_null() | (pl.col("known_date") > pl.col("agreed_date")),
        )
        .join(still_open.select(*INSTALMENT, "known_date"), on=[*INSTALMENT, "known_date"])
        .join(customers, on="invoice_id")
    )
    return _dated(partial, pl.col("known_date"))


TALLIES: tuple[Tally, ...] = (
    Tally("reminder", _reminders, "core_contact_event", "reminders sent"),
    Tally(
        "answered_reminder",
        _answered_reminders,
        "core_contact_event",
        f"instalments paid within {RESPONSE_DAYS} days after a reminder",
    ),
    Tally(
        "lapsed_reminder",
        _lapsed_reminders,
        "core_contact_event",
        f"instalments not known to be paid within {RESPONSE_DAYS} days after a reminder",
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
