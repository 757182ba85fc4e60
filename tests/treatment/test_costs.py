"""Costs and interest, worked by hand with the rule beside each figure."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.domain.errors import UsageError
from segmentation.treatment.costs import cap_costs, count_interest
from segmentation.treatment.jurisdiction import load_pack, pack_names


@pytest.mark.parametrize(
    ("pack", "principal", "costs", "rule"),
    [
        ("be_consumer", "0.01", "20.00", "up to EUR 150: EUR 20"),
        ("be_consumer", "149.99", "20.00", "up to EUR 150: EUR 20"),
        ("be_consumer", "150.00", "20.00", "up to EUR 150: EUR 20"),
        ("be_consumer", "150.01", "30.00", "30 + 10 % of 0.01 = 30.001, rounded down"),
        ("be_consumer", "250.00", "40.00", "30 + 10 % of 100"),
        ("be_consumer", "499.99", "64.99", "30 + 10 % of 349.99 = 64.999, rounded down"),
        ("be_consumer", "500.00", "65.00", "30 + 10 % of 350"),
        ("be_consumer", "500.01", "65.00", "65 + 5 % of 0.01 = 65.0005, rounded down"),
        ("be_consumer", "500.20", "65.01", "65 + 5 % of 0.20"),
        ("be_consumer", "1500.00", "115.00", "65 + 5 % of 1,000"),
        ("be_consumer", "39200.00", "2000.00", "65 + 5 % of 38,700 = 2,000, the maximum"),
        ("be_consumer", "39200.01", "2000.00", "at most EUR 2,000"),
        ("be_consumer", "1000000.00", "2000.00", "at most EUR 2,000"),
        ("nl_consumer", "1.00", "40.00", "at least EUR 40"),
        ("nl_consumer", "266.66", "40.00", "15 % = 39.999, at least EUR 40"),
        ("nl_consumer", "266.67", "40.00", "15 % = 40.0005, rounded down"),
        ("nl_consumer", "300.00", "45.00", "15 %"),
        ("nl_consumer", "2500.00", "375.00", "15 % of 2,500"),
        ("nl_consumer", "2500.10", "375.01", "375 + 10 % of 0.10"),
        ("nl_consumer", "5000.00", "625.00", "375 + 10 % of 2,500"),
        ("nl_consumer", "10000.00", "875.00", "625 + 5 % of 5,000"),
        ("nl_consumer", "200000.00", "2775.00", "875 + 1 % of 190,000"),
        ("nl_consumer", "1000000.00", "6775.00", "2,775 + 0.5 % of 800,000, the maximum"),
        ("nl_consumer", "1000002.00", "6775.00", "at most EUR 6,775"),
        ("eu_business", "0.01", "40.00", "EUR 40 fixed sum"),
        ("eu_business", "100000.00", "40.00", "EUR 40 fixed sum"),
        ("strictest", "5000.00", "0.00", "no costs while nobody knows who the customer is in law"),
        ("be_consumer", "0.00", "0.00", "nothing owed"),
        ("nl_consumer", "-5.00", "0.00", "nothing owed"),
    ],
)
def test_costs_to_the_cent(pack, principal, costs, rule):
    assert cap_costs(load_pack(pack), Decimal(principal)) == Decimal(costs), rule


@given(
    pack=st.sampled_from(pack_names()),
    low=st.decimals(0, 2_000_000, places=2),
    more=st.decimals(0, 10_000, places=2),
)
def test_costs_never_fall_as_the_debt_grows_and_never_exceed_the_maximum(pack, low, more):
    rules = load_pack(pack)
    assert cap_costs(rules, low) <= cap_costs(rules, low + more) <= rules.costs.maximum


@pytest.mark.parametrize(
    ("pack", "principal", "due", "until", "waiting", "interest", "rule"),
    [
        ("eu_business", "1000.00", "2025-08-01", "2025-08-31", None, "8.34", "30 days at 2.15 + 8 = 10.15 %: 8.342"),
        ("eu_business", "1000.00", "2025-06-20", "2025-07-10", None, "5.83", "10 days at 11.15 %, 10 at 10.15 %: 5.835"),
        ("eu_business", "1000.00", "2025-08-01", "2025-08-01", None, "0.00", "paid on the due date"),
        ("eu_business", "1000.00", "2025-08-01", "2025-08-02", None, "0.27", "from the day after the due date: 0.278"),
        ("eu_business", "1000.00", "2024-02-28", "2024-03-01", None, "0.68", "29 February counts: 2 days at 12.5 %"),
        ("nl_consumer", "1000.00", "2024-12-22", "2025-01-11", None, "3.53", "9 days at 7 %, 11 at 6 %: 3.534"),
        ("be_consumer", "1000.00", "2025-08-01", "2025-08-31", None, "0.00", "none before a reminder has run its time"),
        ("be_consumer", "1000.00", "2025-08-01", "2025-08-31", "2025-08-22", "2.78", "from 22 to 31 August: 10 days at 10.15 %"),
        ("strictest", "1000.00", "2020-01-01", "2030-01-01", None, "0.00", "never"),
    ],
)  # fmt: skip
def test_interest_to_the_cent(pack, principal, due, until, waiting, interest, rule):
    found = count_interest(
        load_pack(pack),
        Decimal(principal),
        date.fromisoformat(due),
        date.fromisoformat(until),
        waiting_ends_on=date.fromisoformat(waiting) if waiting else None,
    )
    assert found == Decimal(interest), rule


def test_a_rate_that_is_not_on_record_is_refused_not_guessed():
    with pytest.raises(UsageError, match="not known for 2031"):
        count_interest(load_pack("eu_business"), Decimal(100), date(2031, 1, 1), date(2031, 1, 5))
