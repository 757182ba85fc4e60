"""Payments as a credit manager reads them: whose they are, and what came back or was paid out."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.publish.timeline import tell_timeline

SEEN = {"observed_at": datetime(2026, 1, 2, tzinfo=UTC), "currency": "EUR"}


def tell(payments, lines=()):
    invoices = [
        {"invoice_id": number, "customer_id": customer, "document_type": "invoice"}
        for number, customer in (("I1", "A"), ("I2", "B"))
    ]
    rows = {"core_invoice": invoices, "core_payment": payments, "core_allocation": lines}
    frames = {name: table.empty() for name, table in LEDGER_TABLES.items()}
    for name, found in rows.items():
        filled = pl.DataFrame([SEEN | row for row in found], infer_schema_length=None)
        frames[name] = LEDGER_TABLES[name].conform(filled) if found else frames[name]
    told = tell_timeline(frames).filter(pl.col("kind") != "invoice").sort("event_at", "event_id")
    return told.select("customer_id", "kind", "description").rows()


def payment(number, amount, day=10, **values):
    row = {"customer_id": None, "reversal_of": None, "reason_code": None, "method": None} | values
    return {"payment_id": number, "amount": Decimal(amount), "value_date": date(2026, 1, day)} | row


def line(number, invoice, amount=100):
    return {
        "allocation_id": f"{number}{invoice}",
        "payment_id": number,
        "credit_note_id": None,
        "invoice_id": invoice,
        "amount": Decimal(amount),
        "allocated_at": date(2026, 1, 10),
    }


def test_a_payment_that_was_matched_and_its_return_are_told_to_whose_invoice_it_paid():
    told = tell([payment("P", 100), payment("R", -100, 20, reversal_of="P")], [line("P", "I1")])
    assert told == [
        ("A", "payment", "Payment of 100.00 EUR received for I1."),
        ("A", "reversal", "Payment of 100.00 EUR taken back."),
    ]


def test_a_payment_for_two_customers_and_its_return_are_told_to_nobody():
    payments = [payment("P", 100), payment("R", -100, 20, reversal_of="P")]
    assert tell(payments, [line("P", "I1", 60), line("P", "I2", 40)]) == []


def test_a_refund_is_no_payment_that_the_customer_took_back():
    refund = payment("P", "-1234567.5", customer_id="A")
    assert tell([refund]) == [("A", "payment", "Refund of 1,234,567.50 EUR paid out.")]


def test_a_reversal_that_is_taken_back_is_money_received():
    payments = [
        payment("P", 100),
        payment("R", -100, 20, reversal_of="P"),
        payment("S", 100, 21, reversal_of="R"),
    ]
    kinds = [row[1] for row in tell(payments, [line("P", "I1")])]
    assert kinds == ["payment", "reversal", "payment"]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("AM04", "Payment of 100.00 EUR taken back: the direct debit came back."),
        ("failed_direct_debit", "Payment of 100.00 EUR taken back: the direct debit came back."),
        ("chargeback", "Payment of 100.00 EUR taken back: chargeback."),
    ],
)
def test_a_returned_direct_debit_is_told_without_why(reason, told):
    assert tell([payment("R", -100, customer_id="A", reason_code=reason)])[0][2] == told
