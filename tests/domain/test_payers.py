"""Whose a payment is and since when, worked by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.payers import list_payers, name_payers


def on(day):
    return datetime(2026, 1, day, 9, tzinfo=UTC)


def invoice(number, customer, day=1):
    return {"invoice_id": number, "customer_id": customer, "observed_at": on(day)}


def payment(number, day, amount=100, customer=None, takes=None):
    return {
        "payment_id": number,
        "customer_id": customer,
        "amount": Decimal(amount),
        "reversal_of": takes,
        "observed_at": on(day),
    }


def line(number, to, day, amount=100):
    return {
        "allocation_id": f"{number}-{to}-{day}",
        "payment_id": number,
        "invoice_id": to,
        "amount": Decimal(amount),
        "observed_at": on(day),
    }


OWED = (invoice("I1", "A"), invoice("I2", "A"), invoice("I3", "B"), invoice("I4", "B", 20))


def ledger_of(payments, lines=(), invoices=OWED):
    rows = {"core_invoice": invoices, "core_payment": payments, "core_allocation": lines}
    return {
        name: LEDGER_TABLES[name].conform(pl.DataFrame(list(found), infer_schema_length=None))
        if found
        else LEDGER_TABLES[name].empty()
        for name, found in rows.items()
    }


def spans(ledger, number):
    rows = list_payers(ledger).filter(pl.col("payment_id") == number).sort("from_date")
    return [
        (row["customer_id"], row["from_date"].day, row["until_date"] and row["until_date"].day)
        for row in rows.iter_rows(named=True)
    ]


@pytest.mark.parametrize(
    ("payments", "lines", "expected"),
    [
        pytest.param([payment("P", 5, customer="C")], [line("P", "I1", 6)], [("C", 5, None)], id="named"),
        pytest.param([payment("P", 5)], [line("P", "I1", 8)], [("A", 8, None)], id="allocated"),
        pytest.param(
            [payment("P", 8)], [line("P", "I1", 5)], [("A", 8, None)], id="allocated before it came"
        ),
        pytest.param([payment("P", 5)], [line("P", "I4", 8)], [("B", 20, None)], id="invoice known later"),
        pytest.param(
            [payment("P", 5)],
            [line("P", "I1", 8, 40), line("P", "I2", 9, 60)],
            [("A", 8, None)],
            id="one customer",
        ),
        pytest.param(
            [payment("P", 5)],
            [line("P", "I1", 8, 40), line("P", "I3", 9, 60)],
            [("A", 8, 9)],
            id="two customers",
        ),
        pytest.param(
            [payment("P", 5)],
            [line("P", "I1", 8), line("P", "I1", 9, -100), line("P", "I3", 9)],
            [("A", 8, 9), ("B", 9, None)],
            id="moved",
        ),
        pytest.param(
            [payment("P", 5)],
            [line("P", "I1", 8), line("P", "I1", 9, -100)],
            [("A", 8, None)],
            id="taken back",
        ),
        pytest.param([payment("P", 5)], [line("P", "gone", 8)], [], id="of an invoice that is not there"),
        pytest.param([payment("P", 5)], [], [], id="of nobody"),
    ],
)
def test_the_payer_is_who_is_named_else_whose_invoices_were_paid(payments, lines, expected):
    assert spans(ledger_of(payments, lines), "P") == expected


@pytest.mark.parametrize(
    ("first", "lines", "expected"),
    [
        pytest.param(payment("P", 5, customer="C"), [], [("C", 12, None)], id="of a named payment"),
        pytest.param(payment("P", 5), [line("P", "I1", 8)], [("A", 12, None)], id="of an allocated payment"),
        pytest.param(
            payment("P", 5), [line("P", "I1", 15)], [("A", 15, None)], id="matched after its return"
        ),
        pytest.param(
            payment("P", 5), [line("P", "I1", 8), line("P", "I3", 9)], [], id="of a payment for two customers"
        ),
        pytest.param(
            payment("P", 5),
            [line("P", "I1", 8), line("R", "I1", 14, -100)],
            [("A", 12, None)],
            id="with an allocation of its own",
        ),
        pytest.param(
            payment("P", 5),
            [line("P", "I1", 8), line("R", "I3", 14, -100)],
            [("A", 12, 14), ("B", 14, None)],
            id="whose own allocation says otherwise, later",
        ),
    ],
)
def test_a_return_is_of_who_paid_what_it_takes_back(first, lines, expected):
    ledger = ledger_of([first, payment("R", 12, -100, takes="P")], lines)
    assert spans(ledger, "R") == expected


def test_a_return_of_a_return_is_of_who_paid_at_first():
    chain = [payment("P", 5), payment("R", 12, -100, takes="P"), payment("S", 13, takes="R")]
    assert spans(ledger_of(chain, [line("P", "I1", 8)]), "S") == [("A", 13, None)]


def test_payments_get_the_payer_of_now_and_stay_as_they_are_besides():
    payments = [payment("Q", 3), payment("P", 5), payment("M", 5), payment("N", 6, customer="C")]
    lines = [line("P", "I1", 8), line("M", "I1", 8, 40), line("M", "I3", 9, 60)]
    ledger = ledger_of(payments, lines)
    named = name_payers(ledger)
    assert dict(named.select("payment_id", "customer_id").rows()) == {
        "Q": None,
        "P": "A",
        "M": None,
        "N": "C",
    }
    assert named.drop("customer_id").equals(ledger["core_payment"].drop("customer_id"))


def test_what_is_learned_later_does_not_change_who_was_known_before():
    payments = [payment("P", 5), payment("R", 12, -100, takes="P"), payment("Q", 5)]
    lines = [
        line("P", "I1", 8),
        line("Q", "I3", 8),
        line("Q", "I3", 11, -100),
        line("R", "I3", 14, -100),
        line("Q", "I2", 16),
        line("P", "I4", 18, 10),
    ]
    whole = list_payers(ledger_of(payments, lines))
    for day in range(1, 25):
        seen = [[row for row in rows if row["observed_at"].day < day] for rows in (payments, lines, OWED)]
        ids = {
            row["invoice_id"] for row in seen[2]
        }  # what refers to an invoice that is not known is not known
        seen[1] = [row for row in seen[1] if row["invoice_id"] in ids]
        then = list_payers(ledger_of(*seen)).filter(pl.col("until_date").is_null())
        told = whole.filter(
            pl.col("from_date") < date(2026, 1, day),
            pl.col("until_date").is_null() | (pl.col("until_date") >= date(2026, 1, day)),
        )
        columns = ["payment_id", "customer_id", "from_date"]
        assert sorted(then.select(columns).rows()) == sorted(told.select(columns).rows()), day
