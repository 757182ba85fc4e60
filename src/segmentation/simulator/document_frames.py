"""Ledger tables about documents and money: invoices, instalments, payments, allocations, disputes."""

import numpy as np
import polars as pl

from segmentation.domain import core_tables
from segmentation.domain.vocabulary import DisputeOutcome, DocumentType, PartyType
from segmentation.simulator.behaviour import Behaviour
from segmentation.simulator.cash import REVERSAL_REASONS, Cash, Origin
from segmentation.simulator.columns import dates, euros, fill, ledger_frame, moments, numbers_or_null, words
from segmentation.simulator.contacts import Course
from segmentation.simulator.customers import CURRENCIES, METHODS, PARTY_TYPES
from segmentation.simulator.days import NEVER, NONE
from segmentation.simulator.identifiers import Identifiers
from segmentation.simulator.randomness import Flags, Ints
from segmentation.simulator.reachability import POINT_CHANNELS, Reachability
from segmentation.simulator.scene import Scene

_DISPUTE_REASONS = ("price", "quantity", "quality", "not_ordered", "double_invoice")
_OUTCOMES = (DisputeOutcome.UPHELD, DisputeOutcome.REJECTED, DisputeOutcome.WITHDRAWN)
_FIRST_CURRENCIES = (*CURRENCIES, "USD")
_PUBLIC_BODY = PARTY_TYPES.index(PartyType.PUBLIC_BODY)


def _currency(scene: Scene, customer: Ints, is_foreign: Flags) -> pl.Series:
    usual = scene.population.country[customer]
    return words(_FIRST_CURRENCIES, np.where(is_foreign, len(CURRENCIES), usual))


def invoice_frames(
    scene: Scene, course: Course, reach: Reachability, cash: Cash, names: Identifiers
) -> dict[str, pl.DataFrame]:
    """Return ``invoice`` and ``instalment``; a receipt learned later is a second version."""
    population, documents, parts, last = scene.population, scene.documents, scene.parts, scene.last
    position = np.arange(documents.count)
    on_portal = reach.has_point[documents.customer, POINT_CHANNELS.index("portal")]
    resent = np.full(documents.count, NONE)
    told = course.received_day != NONE
    resent[parts.invoice[told]] = course.received_day[told]
    on_portal &= resent == NONE
    number = pl.Series(position).cast(pl.String).str.zfill(8)
    quoted = pl.select(
        pl.when(pl.Series(population.party[documents.customer] == _PUBLIC_BODY)).then(
            pl.concat_str([pl.lit("REF"), number])
        )
    ).to_series()
    invoices = pl.DataFrame(
        {
            "invoice_id": names.invoice(position),
            "customer_id": names.customer(documents.customer),
            "document_type": fill(DocumentType.INVOICE, documents.count),
            "issue_date": dates(documents.issue),
            "received_date": dates(np.where(on_portal, documents.issue, NONE)),
            "due_date": dates(documents.due),
            "amount": euros(documents.cents),
            "currency": _currency(scene, documents.customer, documents.is_foreign),
            "remittance_reference": quoted,
            "is_recurring": pl.Series(documents.is_recurring),
            "observed_at": moments(documents.issue),
        }
    )
    received = invoices.with_columns(
        dates(resent).alias("received_date"), moments(resent, 36_000).alias("observed_at")
    ).filter(pl.Series((resent != NONE) & (resent <= last)))
    notes = cash.credit_notes
    invoice = parts.invoice[notes.part]
    credit_notes = pl.DataFrame(
        {
            "invoice_id": names.credit_note(np.arange(len(notes.part))),
            "customer_id": names.customer(parts.customer[notes.part]),
            "document_type": fill(DocumentType.CREDIT_NOTE, len(notes.part)),
            "issue_date": dates(notes.day),
            "due_date": dates(notes.day),
            "amount": euros(notes.cents),
            "currency": _currency(scene, documents.customer[invoice], documents.is_foreign[invoice]),
            "is_recurring": pl.Series(np.zeros(len(notes.part), dtype=np.bool_)),
            "observed_at": moments(notes.day),
        }
    )
    divided = pl.DataFrame(
        {
            "invoice_id": names.invoice(parts.invoice),
            "instalment_number": pl.Series(parts.number),
            "due_date": dates(parts.due),
            "amount": euros(parts.cents),
            "observed_at": moments(parts.issue),
        }
    ).filter(pl.Series(~parts.is_single))
    return {
        "invoice": ledger_frame(core_tables.INVOICE, invoices, received, credit_notes),
        "instalment": ledger_frame(core_tables.INSTALMENT, divided),
    }


def cash_frames(scene: Scene, cash: Cash, names: Identifiers) -> dict[str, pl.DataFrame]:
    """Return ``payment`` and ``allocation``; a payer recognised later is a second version."""
    parts, last = scene.parts, scene.last
    paid = cash.payments
    count = paid.count
    number = np.empty(count, dtype=np.int64)
    number[np.lexsort((np.arange(count), paid.booking_day))] = np.arange(count)
    reversed_number = np.full(count, NONE)
    reversed_number[paid.reverses >= 0] = number[paid.reverses[paid.reverses >= 0]]
    known_late = paid.matched_day != NONE
    payments = pl.DataFrame(
        {
            "payment_id": names.payment(number),
            "customer_id": names.customer(np.where(known_late, NONE, paid.customer)),
            "booking_date": dates(paid.booking_day),
            "value_date": dates(paid.value_day),
            "amount": euros(paid.cents),
            "currency": _currency(scene, paid.customer, paid.is_foreign),
            "method": words(METHODS, paid.method),
            "reversal_of": names.payment(reversed_number),
            "reason_code": words(REVERSAL_REASONS, paid.reason),
            "observed_at": moments(paid.booking_day),
        }
    )
    matched = payments.with_columns(
        names.customer(paid.customer).alias("customer_id"),
        moments(np.where(paid.matched_day == NEVER, NONE, paid.matched_day), 39_600).alias("observed_at"),
    ).filter(pl.Series(known_late & (paid.matched_day <= last)))
    set_ = cash.allocations
    from_payment = set_.origin == Origin.PAYMENT
    payment = np.full(len(set_.part), NONE)
    payment[from_payment] = number[set_.source[from_payment]]
    allocations = pl.DataFrame(
        {
            "allocation_id": names.allocation(np.arange(len(set_.part))),
            "payment_id": names.payment(payment),
            "credit_note_id": names.credit_note(
                np.where(set_.origin == Origin.CREDIT_NOTE, set_.source, NONE)
            ),
            "invoice_id": names.invoice(parts.invoice[set_.part]),
            "instalment_number": numbers_or_null(
                np.where(parts.is_single[set_.part], NONE, parts.number[set_.part])
            ),
            "amount": euros(set_.cents),
            "allocated_at": dates(set_.day),
            "observed_at": moments(set_.day),
        }
    )
    return {
        "payment": ledger_frame(core_tables.PAYMENT, payments, matched),
        "allocation": ledger_frame(core_tables.ALLOCATION, allocations),
    }


def dispute_frame(scene: Scene, behaviour: Behaviour, cash: Cash, names: Identifiers) -> pl.DataFrame:
    """Return ``dispute``; its end is a second version."""
    parts, last, disputes = scene.parts, scene.last, cash.disputes
    rows = np.flatnonzero(disputes.exists & (disputes.opened <= last))
    rows = rows[np.lexsort((rows, disputes.opened[rows]))]
    reason = scene.draws("dispute reasons").whole(0, len(_DISPUTE_REASONS) - 1, len(rows))
    credit = behaviour.credit_cents[rows]
    partial = (credit > 0) & (credit < parts.cents[rows])
    nothing = np.full(len(rows), NONE)
    opened = pl.DataFrame(
        {
            "dispute_id": names.other("D", np.arange(len(rows))),
            "invoice_id": names.invoice(parts.invoice[rows]),
            "reason": words(_DISPUTE_REASONS, reason),
            "amount": euros(credit, partial),
            "opened_at": dates(disputes.opened[rows]),
            "closed_at": dates(nothing),
            "outcome": words(_OUTCOMES, nothing),
            "observed_at": moments(disputes.opened[rows], 43_200),
        }
    )
    until = disputes.closed[rows]
    closed = opened.with_columns(
        dates(until).alias("closed_at"),
        words(_OUTCOMES, disputes.outcome[rows]).alias("outcome"),
        moments(until, 57_600).alias("observed_at"),
    ).filter(pl.Series(until <= last))
    return ledger_frame(core_tables.DISPUTE, opened, closed)
