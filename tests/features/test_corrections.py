"""Corrections worked out by hand: until the day on which it is learned, features see the version before it."""

import math

import polars as pl
import pytest

from segmentation.features.computation import (
    compute_customer_features,
    compute_feature_tables,
    compute_issue_features,
    compute_open_features,
)
from tests.features.ledgers import FAR, build_facts, day, known_on, moment

CORRECTED = 30
"""Day on which the correction is learned, at nine; the first day whose start knows of it is the one after."""


def invoice(number, issue, due, amount="100.000", seen=None, **values):
    return {
        "invoice_id": number,
        "customer_id": "C",
        "document_type": "invoice",
        "issue_date": day(issue),
        "due_date": day(due),
        "amount": amount,
        "currency": "EUR",
        "observed_at": moment(issue if seen is None else seen),
    } | values


def paid(value, seen, amount="100.000"):
    """Payment P of invoice A, and its allocation; each version in the form of two rows."""
    line = {"payment_id": "P", "amount": amount, "observed_at": moment(seen)}
    return (
        line | {"customer_id": "C", "value_date": day(value), "currency": "EUR"},
        line | {"allocation_id": "L", "invoice_id": "A", "allocated_at": day(value)},
    )


def ledger_of(*invoices, payments=(), disputes=(), **rows):
    customer = {"customer_id": "C", "party_type": "consumer", "observed_at": moment(-50)}
    return known_on(
        build_facts(
            {
                "core_customer": [customer, customer | {"customer_id": "D"}],
                "core_invoice": list(invoices),
                "core_payment": [payment for payment, _ in payments],
                "core_allocation": [line for _, line in payments],
                "core_dispute": list(disputes),
                **rows,
            }
        ),
        FAR,
    )


def at_issue(ledger):
    rows = compute_issue_features(ledger).iter_rows(named=True)
    return {row["invoice_id"]: row for row in rows}


BEFORE, AFTER = invoice("B", 25, 45), invoice("Z", 31, 61)
"""Invoices issued before the correction was learned, and after."""


def test_a_corrected_amount():
    seen = at_issue(ledger_of(invoice("A", 0, 60), invoice("A", 0, 60, "300.000", CORRECTED), BEFORE, AFTER))
    assert seen["A"]["amount_log10"] == 2  # as it was issued
    assert seen["B"]["amount_ratio"] == 1  # 100 among 100
    assert seen["B"]["open_amount_ratio"] == 1
    assert seen["Z"]["amount_ratio"] == pytest.approx(0.5)  # 100 among 300 and 100
    assert seen["Z"]["open_amount_ratio"] == 2  # 400 open, of 200 on average


def test_a_corrected_due_date():
    seen = at_issue(ledger_of(invoice("A", 0, 10), invoice("A", 0, 60, seen=CORRECTED), BEFORE, AFTER))
    assert seen["A"]["terms_days"] == 10
    assert (seen["B"]["overdue_count"], seen["B"]["oldest_overdue_days"]) == (1, 15)
    assert seen["B"]["late_share"] == pytest.approx(1.6 / 3)
    assert (seen["Z"]["overdue_count"], seen["Z"]["oldest_overdue_days"]) == (0, 0)
    assert seen["Z"]["late_share"] == pytest.approx(0.6 / 2)


def test_a_corrected_payment_date():
    payments = [paid(12, 13), paid(8, CORRECTED)]
    seen = at_issue(ledger_of(invoice("A", 0, 10), BEFORE, AFTER, payments=payments))
    assert (seen["B"]["last_delay_days"], seen["B"]["since_payment_days"]) == (2, 12)
    assert seen["B"]["late_share"] == pytest.approx(1.6 / 3)
    assert (seen["Z"]["last_delay_days"], seen["Z"]["since_payment_days"]) == (-2, 1)
    assert seen["Z"]["late_share"] == pytest.approx(0.6 / 3)


def test_a_corrected_amount_of_a_payment():
    payments = [paid(8, 8), paid(8, CORRECTED, "40.000")]
    seen = at_issue(ledger_of(invoice("A", 0, 10), BEFORE, AFTER, payments=payments))
    assert (seen["B"]["open_count"], seen["B"]["partial_payment_365_count"]) == (0, 0)
    assert (seen["Z"]["open_count"], seen["Z"]["overdue_count"]) == (2, 1)  # A with 60, and B
    assert seen["Z"]["open_amount_ratio"] == pytest.approx(1.6)
    assert seen["Z"]["partial_payment_365_count"] == 1


def test_a_corrected_dispute():
    def dispute(outcome, seen):
        about = {"dispute_id": "Q", "invoice_id": "A", "opened_at": day(12), "closed_at": day(20)}
        return about | {"outcome": outcome, "observed_at": moment(seen)}

    disputes = [dispute("upheld", 20), dispute("rejected", CORRECTED)]
    seen = at_issue(ledger_of(invoice("A", 0, 10), BEFORE, AFTER, disputes=disputes))
    assert (seen["B"]["outcome_count"], seen["B"]["late_share"]) == (
        0,
        0.3,
    )  # overdue, by the supplier's doing
    assert seen["B"]["dispute_365_count"] == 1
    assert seen["Z"]["outcome_count"] == 1  # overdue, and held against the payer
    assert seen["Z"]["late_share"] == pytest.approx(1.6 / 3)


def test_an_invoice_that_was_sent_to_the_wrong_customer():
    moved = invoice("A", 0, 10, seen=CORRECTED, customer_id="D")
    ledger = ledger_of(invoice("A", 0, 10), moved, BEFORE, AFTER)
    seen = at_issue(ledger)
    assert {name: row["customer_id"] for name, row in seen.items()} == {"A": "C", "B": "C", "Z": "C"}
    assert (seen["B"]["issued_count"], seen["Z"]["issued_count"]) == (1, 1)  # A, and then B
    for as_of, owner in ((CORRECTED, "C"), (CORRECTED + 1, "D")):
        open_ = compute_open_features(ledger, day(as_of)).filter(invoice_id="A")
        assert open_["customer_id"].to_list() == [owner]


def test_only_the_start_of_the_next_day_knows_of_a_correction():
    ledger = ledger_of(invoice("A", 0, 10), invoice("A", 0, 60, "300.000", CORRECTED))
    for as_of, overdue, amount in ((CORRECTED, 20, 100), (CORRECTED + 1, -29, 300)):
        row = compute_open_features(ledger, day(as_of)).row(0, named=True)
        assert (row["invoice_id"], row["own_overdue_days"]) == ("A", overdue)
        assert row["amount_log10"] == pytest.approx(math.log10(amount))
        (customer,) = compute_customer_features(ledger, day(as_of)).filter(customer_id="C").to_dicts()
        assert customer["overdue_count"] == (overdue > 0)


def test_a_correction_on_the_day_itself_was_never_believed_otherwise():
    ledger = ledger_of(invoice("A", 0, 10), invoice("A", 0, 10, "300.000") | {"observed_at": moment(0, 15)})
    assert ledger["core_superseded_invoice"].is_empty()
    assert at_issue(ledger)["A"]["amount_log10"] == pytest.approx(math.log10(300))


def test_all_tables_from_one_reading_are_those_of_each_alone():
    ledger = ledger_of(invoice("A", 0, 10), invoice("A", 0, 60, seen=CORRECTED), BEFORE, AFTER)
    for as_of in (day(CORRECTED - 3), day(CORRECTED + 3)):
        tables = compute_feature_tables(ledger, as_of)
        assert tables["feat_instalment_at_issue"].equals(compute_issue_features(ledger))
        assert tables["feat_open_instalment"].equals(compute_open_features(ledger, as_of))
        assert tables["feat_customer"].equals(compute_customer_features(ledger, as_of))
        assert tables["feat_customer"]["customer_id"].to_list() == ["C", "D"]
        assert not pl.Series(tables["feat_open_instalment"]["invoice_id"]).str.contains("\x1f").any()
