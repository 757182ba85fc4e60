"""What was known when: late facts change today's view and not what a past day knew."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.domain.core_tables import CANONICAL_TABLES, QUARANTINE
from segmentation.domain.hashing import hash_frame
from segmentation.domain.movements import MOVEMENT_KEY, list_movements
from segmentation.ledger.as_known import as_known
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.movements import (
    INSTALMENT,
    list_instalments,
    split_movements,
)
from segmentation.publish.book import read_book

START = date(2026, 1, 1)
FAR = date(2027, 1, 1)
OFFSETS = st.integers(0, 30)
EXAMPLES = settings(max_examples=15, deadline=None)


def day(offset):
    return START + timedelta(days=offset)


def moment(offset):
    return datetime.combine(day(offset), datetime.min.time(), tzinfo=UTC) + timedelta(hours=9)


def table(name, rows):
    definition = CANONICAL_TABLES[name]
    filled = [
        {column: row.get(column) for column in definition.column_names}
        | {"source_system": "test", "source_id": f"{name}:{number}"}
        for number, row in enumerate(rows)
    ]
    return definition.conform(pl.DataFrame(filled, schema=definition.polars_schema))


def facts_of(payments, allocations, due=(50, 50), currency="EUR"):
    """One invoice in instalments and another one whole, in its currency, of one customer."""
    issued = moment(-10)
    document = {"customer_id": "C", "document_type": "invoice", "observed_at": issued}
    invoices = [
        document
        | {
            "invoice_id": name,
            "issue_date": day(-10),
            "due_date": day(5),
            "amount": Decimal(sum(due)),
            "currency": in_currency,
        }
        for name, in_currency in (("I", "EUR"), ("J", currency))
    ]
    parts = [
        {
            "invoice_id": "I",
            "instalment_number": number,
            "due_date": day(5 * number),
            "amount": Decimal(amount),
            "observed_at": issued,
        }
        for number, amount in enumerate(due, start=1)
    ]
    rows = {
        "core_customer": [{"customer_id": "C", "observed_at": issued}],
        "core_invoice": invoices,
        "core_instalment": parts,
        "core_payment": [{"customer_id": "C", "currency": "EUR"} | row for row in payments],
        "core_allocation": allocations,
    }
    facts = {name: table(name, rows.get(name, [])) for name in CANONICAL_TABLES}
    return facts | {"core_quarantine": QUARANTINE.empty()}


@st.composite
def late_facts(draw, currencies=("EUR",)):
    """Payments, some taken back, and allocations learned on the same day as their payment or later."""
    payments, allocations, currency = [], [], draw(st.sampled_from(currencies))
    for number in range(draw(st.integers(1, 4))):
        value = draw(OFFSETS)
        learned = value + draw(st.integers(-3, 12))
        payments.append(
            {
                "payment_id": f"P{number}",
                "value_date": day(value),
                "amount": Decimal(draw(st.integers(20, 120))),
                "observed_at": moment(learned),
            }
        )
        for _ in range(draw(st.integers(0, 2))):
            booked = max(value, learned) + draw(st.integers(0, 20))
            told = st.none() | st.integers(5, 60).map(Decimal) if currency != "EUR" else st.none()
            allocations.append(
                {
                    "allocation_id": f"A{len(allocations)}",
                    "payment_id": f"P{number}",
                    "invoice_id": draw(st.sampled_from(["I", "I", "J"])),
                    "payment_amount": draw(told),
                    "instalment_number": draw(st.sampled_from([None, None, 1, 2])),
                    "amount": Decimal(draw(st.integers(5, 60))),
                    "allocated_at": day(booked),
                    "observed_at": moment(booked + draw(st.integers(0, 5))),
                }
            )
    for number in range(draw(st.integers(0, 3))):
        back = draw(OFFSETS)
        taken = draw(st.sampled_from(payments))
        sign = -1 if taken["amount"] > 0 else 1  # else it takes nothing back and is in quarantine
        learned = moment(back + draw(st.integers(0, 12)))
        payments.append(
            {
                "payment_id": f"R{number}",
                "reversal_of": taken["payment_id"],
                "value_date": day(back),
                "amount": Decimal(sign * draw(st.integers(5, 120))),
                "observed_at": max(learned, taken["observed_at"]) if sign > 0 else learned,
            }
        )
        if draw(st.integers(0, 3)) == 0:
            allocations.append(
                {
                    "allocation_id": f"A{len(allocations)}",
                    "payment_id": f"R{number}",
                    "invoice_id": "I",
                    "amount": Decimal(-draw(st.integers(1, 10))),
                    "allocated_at": day(back),
                    "observed_at": moment(back + 12 + draw(st.integers(0, 13))),
                }
            )
    return facts_of(payments, allocations, currency=currency)


def sums(movements, *by):
    return movements.group_by(by).agg(pl.col("amount").sum()).filter(pl.col("amount") != 0).sort(by)


def place(ledger):
    return split_movements(list_instalments(ledger), list_movements(ledger))


@EXAMPLES
@given(late_facts(("EUR", "JPY")), st.integers(1, 60))
def test_movements_known_on_a_day_are_what_that_day_knew(facts, offset):
    then = as_known(facts, day(offset))
    is_known = pl.col("known_date") < day(offset)
    for list_all, by in ((list_movements, "invoice_id"), (place, INSTALMENT)):
        names = [by] if isinstance(by, str) else list(by)
        now = sums(list_all(facts).filter(is_known), *names, "effective_date", "kind")
        assert now.equals(sums(list_all(then).filter(is_known), *names, "effective_date", "kind"))


@EXAMPLES
@given(late_facts())
def test_movements_add_up_and_take_back_no_more_than_there_was(facts):
    lines = list_movements(facts)
    assert not lines.select(MOVEMENT_KEY).is_duplicated().any()
    placed = place(facts)
    assert sums(placed, "invoice_id").equals(sums(lines, "invoice_id"))
    allocated = facts["core_allocation"].get_column("amount").sum() or 0
    back = lines.filter("is_taken_back")
    assert allocated + (back.get_column("amount").sum() or 0) == (lines.get_column("amount").sum() or 0)
    taken = facts["core_payment"].filter(pl.col("reversal_of").is_not_null(), pl.col("amount") < 0)
    used = facts["core_allocation"].group_by("payment_id").agg(pl.col("amount").sum().alias("used"))
    paid = facts["core_payment"].join(used, on="payment_id")
    too_much = paid.select((pl.col("used") - pl.col("amount")).clip(0).sum()).item()  # goes with its payment
    assert -(back.get_column("amount").sum() or 0) <= too_much - (taken.get_column("amount").sum() or 0)


@EXAMPLES
@given(late_facts(("EUR", "JPY")))
def test_the_book_and_the_balances_read_reversals_alike(facts):
    ledger = dict(facts)
    ledger["core_instalment_balance"] = build_instalment_balances(ledger, FAR)
    balance = ledger["core_instalment_balance"]
    opening = read_book(ledger, FAR, FAR + timedelta(days=30)).get_column("opening_amount").sum()
    left = balance.group_by("invoice_id").agg(
        pl.col("open_amount").sum(), pl.col("is_open").any().alias("is_open")
    )
    expected = left.filter("is_open", pl.col("open_amount") > 0).get_column("open_amount").sum()
    assert opening == expected


def test_a_third_taken_back_is_exact():
    value = {"value_date": day(1), "observed_at": moment(1)}
    payments = [
        {"payment_id": "P", "amount": Decimal("100.00")} | value,
        {"payment_id": "R", "reversal_of": "P", "amount": Decimal("-33.33")} | value,
    ]
    shares = [Decimal("33.335"), Decimal("33.335"), Decimal("33.33")]
    allocations = [
        {"allocation_id": f"A{n}", "payment_id": "P", "invoice_id": "J", "amount": share}
        | {"allocated_at": day(n), "observed_at": moment(n)}
        for n, share in enumerate(shares)
    ]
    back = list_movements(facts_of(payments, allocations)).filter("is_taken_back")
    assert back.get_column("amount").sum() == Decimal("-33.330")


CORRECTIONS = [
    ("core_invoice", "due_date", day(25)),
    ("core_invoice", "amount", Decimal(80)),
    ("core_invoice", "customer_id", "D"),
    ("core_instalment", "due_date", day(25)),
    ("core_instalment", "amount", Decimal(80)),
]


@pytest.mark.parametrize(("name", "column", "value"), CORRECTIONS)
def test_a_late_correction_changes_today_and_no_day_before_it_was_learned(name, column, value):
    paid = {"payment_id": "P", "value_date": day(7), "amount": Decimal(80), "observed_at": moment(7)}
    allocated = {"allocation_id": "A", "payment_id": "P", "invoice_id": "I", "amount": Decimal(80)}
    facts = facts_of([paid], [allocated | {"allocated_at": day(8), "observed_at": moment(8)}])
    other = {"customer_id": "D", "observed_at": moment(-10)}
    facts["core_customer"] = table("core_customer", [{"customer_id": "C", "observed_at": moment(-10)}, other])
    later = (
        facts[name]
        .filter(pl.col("invoice_id") == "I")
        .with_columns(
            pl.lit(value).cast(CANONICAL_TABLES[name].polars_schema[column]).alias(column),
            pl.lit(moment(20)).cast(facts[name].schema["observed_at"]).alias("observed_at"),
        )
    )
    corrected = facts | {name: CANONICAL_TABLES[name].conform(pl.concat([facts[name], later]))}

    def view(tables, as_of):
        ledger = as_known(tables, as_of)
        ledger["core_instalment_balance"] = build_instalment_balances(ledger, as_of)
        return {key: hash_frame(frame) for key, frame in ledger.items()}

    for offset in (9, 20):
        assert view(corrected, day(offset)) == view(facts, day(offset))
    changed = {key for key, value in view(corrected, day(21)).items() if value != view(facts, day(21))[key]}
    assert name in changed
