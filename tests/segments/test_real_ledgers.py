"""What the segments say about later behaviour on the two real ledgers; docs/segments.md has the figures."""

from datetime import date

import pytest

from segmentation.domain.settings import SegmentSettings
from segmentation.ledger.loading import load_ledger
from segmentation.segments.backtest import backtest_segments
from segmentation.segments.segmentation import segment_customers

pytestmark = pytest.mark.real_ledger
CASES = {
    "b2b": ("b2b_ledger_2019", "b2b_ledger", date(2019, 4, 1), date(2019, 5, 15)),
    "ibm": ("ibm_accounts_receivable", "ibm_accounts_receivable", date(2013, 5, 1), date(2013, 10, 24)),
}


@pytest.fixture(scope="module", params=list(CASES))
def judged(request, real_ledgers):
    """The ledger as it is known now, with the backtest's report."""
    folder, mapping, start, until = CASES[request.param]
    loaded = load_ledger(real_ledgers / folder, mapping)
    return loaded, backtest_segments(loaded.ledger, start, until, SegmentSettings(), 1)


def test_structural_customers_go_on_paying_late_and_incidental_ones_do_not(judged):
    _, report = judged
    means = {row["segment"]: row["later_late_share"] for row in report["segments"]}
    assert report["figures"]["published"]["incidental_gap"]["value"] >= 0.50
    assert means["prompt"] < means["incidental"] < means["undecided"] < means["structural"]


def test_the_propensity_orders_customers_by_what_they_do_later(judged):
    _, report = judged
    assert report["figures"]["published"]["spearman"]["value"] >= 0.70


def test_the_probability_is_worth_more_than_that_of_simple_groupings(judged):
    _, report = judged
    brier = {name: figures["brier"]["value"] for name, figures in report["figures"].items()}
    assert brier["published"] <= 0.13
    assert brier["published"] < min(brier["past_rate_terciles"], brier["average_days_bins"])


def test_two_halves_of_time_put_customers_on_the_same_side(judged):
    _, report = judged
    assert report["figures"]["published"]["ari"]["value"] >= 0.65
    assert report["figures"]["published"]["coverage_90"]["value"] >= 0.80


def test_without_contacts_only_recorded_disputes_can_name_a_cause(judged):
    loaded, _ = judged
    segments = segment_customers(loaded.ledger, loaded.as_of)
    assert set(segments["cause"]) <= {"unclear", "disputing"}
    silent = segments.filter(segments["cause_prob"].is_null())
    assert set(silent["cause"]) == {"unclear"}
