"""Matching on random ledgers: later facts change nothing, no money is made, the order of rows does not matter."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.domain.core_tables import ALLOCATION, PAYMENT_MATCH
from segmentation.domain.validation import find_violations
from segmentation.ledger.matching import matching, rounds
from segmentation.ledger.matching.matching import match_payments
from tests.ledger.matching_ledgers import make_ledger, matches_of
from tests.ledger.one_by_one import decide_one_by_one

pytestmark = pytest.mark.slow

START, LAST = date(2026, 1, 1), 12
AS_OF = START + timedelta(days=LAST + 1)
REFERENCES = ["090933755493", "010806817183", "090933755494"]  # the last fails its check digits
NAMES = [None, "Example Bakery", "Example Mill"]
AMOUNTS = st.sampled_from([10, 20, 30, 40, 50])
DAYS = st.integers(0, LAST).map(lambda day: str(START + timedelta(days=day)))
INVOICES = ["INV-1", "INV-2", "INV-3", "20012", "2026-4", "77"]
TEXTS = st.one_of(
    st.none(), st.lists(st.sampled_from([*INVOICES, "inv 1", "and"]), min_size=1, max_size=3).map(" ".join)
)


@st.composite
def scenarios(draw):
    """A few customers, invoices, payments, reversals and allocations, learned on days in any order."""
    customers = [
        {"id": f"C-{number}", "name": draw(st.sampled_from(NAMES)), "known": draw(DAYS)}
        for number in (1, 2, 3)
    ]
    invoices = [
        {
            "id": name,
            "customer": f"C-{draw(st.integers(1, 3))}",
            "amount": draw(AMOUNTS),
            "known": draw(DAYS),
            "due": "2026-01-06",
            "reference": draw(st.sampled_from([None, None, *REFERENCES])),
        }
        for name in INVOICES
    ]
    payments = [
        {
            "id": f"P-{number}",
            "customer": draw(st.sampled_from([None, None, None, "C-1"])),
            "known": draw(DAYS),
            "amount": draw(AMOUNTS),
            "reference": draw(st.sampled_from([None, None, *REFERENCES])),
            "end_to_end": draw(st.sampled_from([None, None, None, "INV-3", "77"])),
            "text": draw(TEXTS),
            "name": draw(st.sampled_from(NAMES)),
            "account": draw(st.sampled_from([None, "BE01", "BE02"])),
        }
        for number in range(draw(st.integers(1, 8)))
    ]
    numbers = st.integers(0, len(payments) - 1)
    reversals = [
        {"id": f"R-{number}", "known": draw(DAYS), "amount": -draw(AMOUNTS), "reverses": f"P-{draw(numbers)}"}
        for number in range(draw(st.integers(0, 2)))
    ]
    returns = [
        {
            "id": f"B-{number}",
            "known": draw(DAYS),
            "amount": -draw(AMOUNTS),
            "end_to_end": draw(st.sampled_from([None, "INV-3", "77"])),
            "account": draw(st.sampled_from([None, "BE01", "BE02"])),
        }
        for number in range(draw(st.integers(0, 3)))
    ]
    allocations = [
        {
            "payment": f"P-{draw(numbers)}",
            "invoice": draw(st.sampled_from(INVOICES)),
            "amount": draw(AMOUNTS),
            "on": draw(DAYS),
        }
        for _ in range(draw(st.integers(0, 2)))
    ]
    return {
        "customers": customers,
        "invoices": invoices,
        "payments": payments + reversals + returns,
        "allocations": allocations,
    }


def learned_before(ledger, day):
    return {name: frame.filter(pl.col("observed_at").dt.date() < day) for name, frame in ledger.items()}


@settings(max_examples=20, deadline=None)
@given(scenarios(), st.integers(1, LAST))
def test_what_is_learned_later_never_changes_an_earlier_match(scenario, days):
    ledger, day = make_ledger(scenario), START + timedelta(days=days)
    whole = matches_of(match_payments(ledger, AS_OF))
    past = matches_of(match_payments(learned_before(ledger, day), day))
    assert past == [line for line in whole if line[3] < day]
    assert past == matches_of(match_payments(ledger, day))


@settings(max_examples=15, deadline=None)
@given(scenarios(), st.integers(1, LAST))
def test_what_is_learned_later_never_changes_what_was_taken_back(scenario, days):
    ledger, day = make_ledger(scenario), START + timedelta(days=days)
    columns = ["payment_id", "reversal_of"]
    whole = match_payments(ledger, AS_OF)["core_payment"]
    past = match_payments(learned_before(ledger, day), day)["core_payment"]
    assert past.select(columns).equals(learned_before({"": whole}, day)[""].select(columns))
    links = whole.drop_nulls("reversal_of").filter(pl.col("payment_id").str.starts_with("B-"))
    assert links["reversal_of"].is_unique().all()
    taken = links.join(whole, left_on="reversal_of", right_on="payment_id", suffix="_of_payment")
    assert taken.height == links.height
    assert (taken["amount"] + taken["amount_of_payment"] == 0).all()
    assert (taken["observed_at_of_payment"] <= taken["observed_at"]).all()


@settings(max_examples=20, deadline=None)
@given(scenarios(), st.randoms(use_true_random=False))
def test_no_money_is_made_and_the_order_of_rows_does_not_matter(scenario, chance):
    ledger = make_ledger(scenario)
    matched = match_payments(ledger, AS_OF)
    assert not find_violations(matched["core_allocation"], ALLOCATION)
    assert not find_violations(matched["core_payment_match"], PAYMENT_MATCH)
    made = matched["core_allocation"].filter(pl.col("match_rule").is_not_null())
    given_away = made.group_by("payment_id").agg(pl.col("amount").sum())
    received = dict(ledger["core_payment"].select("payment_id", "amount").rows())
    for payment, amount in given_away.rows():
        assert Decimal(0) <= amount <= received[payment]
    per_invoice = made.group_by("payment_id", "invoice_id").agg(pl.col("amount").sum())
    assert (per_invoice["amount"] >= 0).all()
    owed = dict(ledger["core_invoice"].select("invoice_id", "amount").rows())
    for invoice, amount in made.filter(pl.col("amount") > 0).select("invoice_id", "amount").rows():
        assert amount <= owed[invoice]
    unnamed = matched["core_payment_match"].filter(pl.col("status") != "matched")
    assert (unnamed["amount"] == 0).all()
    assert unnamed.filter(pl.col("status") == "ambiguous")["candidate_count"].min() in {None, *range(2, 20)}
    turned = {name: frame[chance.sample(range(frame.height), frame.height)] for name, frame in ledger.items()}
    again = match_payments(turned, AS_OF)
    for table in (ALLOCATION, PAYMENT_MATCH):  # what has nothing to match comes back as it was given
        assert table.conform(again[table.name]).equals(table.conform(matched[table.name]))


@pytest.mark.parametrize("together", [2, 500])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenario=scenarios())
def test_deciding_many_at_once_gives_what_deciding_one_after_the_other_gives(monkeypatch, scenario, together):
    ledger = make_ledger(scenario)
    with monkeypatch.context() as patch:
        patch.setattr(rounds, "_MOST_TOGETHER", together)
        patch.setattr(rounds, "_LEAST_TOGETHER", together)
        at_once = match_payments(ledger, AS_OF)
        patch.setattr(matching, "decide_in_order", decide_one_by_one)
        slowly = match_payments(ledger, AS_OF)
    for name in ("core_allocation", "core_payment_match"):
        assert at_once[name].equals(slowly[name])
