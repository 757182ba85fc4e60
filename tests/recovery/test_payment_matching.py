"""Payments of a simulated world, shown as a bank shows them, find their invoices again; a wrong one is the worst."""

import polars as pl
import pytest

from segmentation.domain.vocabulary import MatchRule
from segmentation.ledger.matching.matching import match_payments
from tests.recovery.bank_payments import AS_OF, Bank, simulate_books

NAMING = {
    MatchRule.STRUCTURED_REFERENCE,
    MatchRule.END_TO_END_ID,
    MatchRule.INVOICE_NUMBER,
    MatchRule.INVOICE_NUMBERS,
}


@pytest.fixture(scope="module")
def result():
    books = simulate_books(customers=60, seed=11)
    bank = Bank(books, seed=11)
    ledger, meant = bank.statement()
    matched = match_payments(ledger, AS_OF)
    owner = {key: row["customer_id"] for key, row in bank.invoices.items()}
    made = matched["core_allocation"].filter(pl.col("match_rule").is_not_null())
    lines = [
        {
            "payment_id": row["payment_id"],
            "rule": row["match_rule"],
            "is_right": row["invoice_id"] in meant.get(row["payment_id"], []),
            "is_right_customer": owner[row["invoice_id"]]
            in {owner[invoice] for invoice in meant.get(row["payment_id"], [])},
            "is_mistaken": row["payment_id"] in bank.mistaken,
        }
        for row in made.iter_rows(named=True)
    ]
    return pl.DataFrame(lines), meant, matched, bank


def test_no_money_goes_to_another_customer(result):
    lines, _, _, _ = result
    assert lines["is_right_customer"].all()


def test_what_the_payer_names_rightly_is_matched_rightly(result):
    lines, _, _, _ = result
    named = lines.filter(pl.col("rule").is_in([rule.value for rule in NAMING]), ~pl.col("is_mistaken"))
    assert named.height > 400
    assert named["is_right"].all()


def test_what_is_matched_is_right_but_for_payers_who_name_another_invoice_of_theirs(result):
    lines, _, _, _ = result
    assert lines["is_right"].mean() > 0.99
    others = lines.filter(~pl.col("rule").is_in([rule.value for rule in NAMING]))
    assert others["is_right"].mean() > 0.98


def test_most_payments_are_matched_and_the_rest_is_listed(result):
    lines, meant, matches, _ = result
    assert (
        lines.filter("is_right")["payment_id"].n_unique() / len(meant) > 0.72
    )  # an eighth says something wrong, a quarter names nothing
    assert set(meant) <= set(matches["core_payment_match"]["payment_id"])


def test_what_the_bank_took_back_is_linked_to_its_payment_or_listed(result):
    _, _, matched, bank = result
    returns = matched["core_payment"].filter(pl.col("amount") < 0).select("payment_id", "reversal_of").rows()
    linked = {payment: taken for payment, taken in returns if taken is not None}
    assert len(bank.taken_back) >= 10
    assert linked == {payment: bank.taken_back[payment] for payment in linked}
    assert len(linked) / len(bank.taken_back) > 0.8
    assert set(bank.taken_back) - set(linked) <= set(matched["core_payment_match"]["payment_id"])
