"""What the segments say about later behaviour on the two real ledgers."""

from datetime import date

import polars as pl
import pytest

from segmentation.ledger.loading import load_ledger
from segmentation.segments.segmentation import segment_customers

pytestmark = pytest.mark.real_ledger
CASES = {
    "b2b": ("b2b_ledger_2019", "b2b_ledger", date(2019, 4, 1), date(2019, 5, 16), date(2019, 7, 1)),
    "ibm": (
        "ibm_accounts_receivable",
        "ibm_accounts_receivable",
        date(2013, 5, 1),
        date(2013, 10, 25),
        date(2014, 1, 9),
    ),
}


@pytest.fixture(scope="module", params=list(CASES))
def later(request, real_ledgers):
    """Segments at T0, with the late share of at least three instalments issued later."""
    folder, mapping, start, until, end = CASES[request.param]
    past = load_ledger(real_ledgers / folder, mapping, start)
    future = load_ledger(real_ledgers / folder, mapping, end).ledger["core_instalment_balance"]
    is_known = ~pl.col("is_open") | (pl.col("days_late") > 0)
    shares = (
        future.filter((pl.col("issue_date") >= start) & (pl.col("issue_date") < until) & is_known)
        .group_by("customer_id")
        .agg((pl.col("days_late") > 0).mean().alias("later_share"), pl.len().alias("later_count"))
        .filter(pl.col("later_count") >= 3)
    )
    known = segment_customers(past.ledger, start).filter(pl.col("settled_count") >= 3)
    return known.join(shares, "customer_id").with_columns(
        past_share=pl.col("late_count") / pl.col("settled_count")
    )


def test_structural_customers_go_on_paying_late_and_incidental_ones_do_not(later):
    means = dict(later.group_by("segment").agg(pl.col("later_share").mean()).iter_rows())
    assert means["structural"] - means["incidental"] >= 0.50
    assert means["prompt"] < means["incidental"] < means["undecided"] < means["structural"]


def test_the_propensity_orders_customers_by_what_they_do_later(later):
    rank = later.select(pl.corr("late_propensity", "later_share", method="spearman")).item()
    assert rank >= 0.70


def test_the_probability_is_worth_more_than_the_base_rate(later):
    outcome = (later["later_share"] > 0.5).cast(pl.Float64)
    brier = ((later["structural_prob"] - outcome) ** 2).mean()
    assert brier <= 0.15
    assert brier <= 0.7 * outcome.mean() * (1 - outcome.mean())


def test_without_contacts_only_recorded_disputes_can_name_a_cause(later):
    assert set(later["cause"]) <= {"unclear", "disputing"}
    silent = later.filter(pl.col("cause_prob").is_null())
    assert set(silent["cause"]) == {"unclear"}
