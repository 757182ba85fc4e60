"""Returns on bank statements, worked by hand: they count from the day on which whose they were was known too."""

import polars as pl
import pytest

from segmentation.features.computation import compute_customer_features
from tests.features.ledgers import FAR, build_facts, day, known_on, moment

RETURNED = 30


def ledger_of(*lines, returned=RETURNED):
    """A collection of day 20 that names nobody, returned; lines: invoice, day of the match, amount."""
    invoices = [
        {
            "invoice_id": number,
            "customer_id": customer,
            "document_type": "invoice",
            "issue_date": day(0),
            "due_date": day(20),
            "amount": "100.000",
            "currency": "EUR",
            "observed_at": moment(0),
        }
        for number, customer in (("A", "C"), ("B", "D"))
    ]
    collected = {"payment_id": "P", "value_date": day(20), "amount": "100.000", "observed_at": moment(20)}
    back = {
        "payment_id": "R",
        "value_date": day(returned),
        "amount": "-100.000",
        "reversal_of": "P",
        "reason_code": "AM04",
        "observed_at": moment(returned),
    }
    allocations = [
        {
            "allocation_id": f"{invoice}{known}",
            "payment_id": "P",
            "invoice_id": invoice,
            "amount": amount,
            "allocated_at": day(known),
            "observed_at": moment(known),
        }
        for invoice, known, amount in lines
    ]
    rows = {
        "core_customer": [{"customer_id": name, "observed_at": moment(0)} for name in ("C", "D")],
        "core_invoice": invoices,
        "core_payment": [collected | {"currency": "EUR"}, back | {"currency": "EUR"}],
        "core_allocation": allocations,
    }
    return known_on(build_facts(rows), FAR)


def failed(ledger, moment_day):
    """Per customer, failed debits of the last year and days since the last, at the start of a day."""
    rows = compute_customer_features(ledger, day(moment_day)).filter(pl.col("customer_id").is_in(["C", "D"]))
    columns = ("customer_id", "failed_debit_365_count", "since_failed_debit_days")
    return {row[0]: row[1:] for row in rows.select(columns).rows()}


@pytest.mark.parametrize(
    ("matched", "moment_day", "expected"),
    [
        (20, 30, (0, None)),  # not returned at the start of the day
        (20, 31, (1, 1)),
        (25, 35, (1, 5)),
        (40, 40, (0, None)),  # returned, but of whom was not known
        (40, 45, (1, 5)),
    ],
)
def test_a_return_counts_from_the_day_on_which_it_and_the_match_were_known(matched, moment_day, expected):
    seen = failed(ledger_of(("A", matched, "100.000")), moment_day)
    assert (seen["C"], seen["D"]) == (expected, (0, None))


def test_a_return_of_a_payment_that_turns_out_to_be_for_two_counts_for_neither_from_then_on():
    ledger = ledger_of(("A", 20, "60.000"), ("B", 50, "40.000"))
    assert failed(ledger, 50)["C"] == (1, 20)
    assert {name: row[0] for name, row in failed(ledger, 51).items()} == {"C": 0, "D": 0}


def test_a_match_that_is_put_right_moves_the_return():
    ledger = ledger_of(("A", 20, "100.000"), ("A", 50, "-100.000"), ("B", 50, "100.000"))
    assert (failed(ledger, 50)["C"][0], failed(ledger, 50)["D"][0]) == (1, 0)
    assert (failed(ledger, 51)["C"][0], failed(ledger, 51)["D"]) == (0, (1, 1))
