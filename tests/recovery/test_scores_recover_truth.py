"""Scores against the probabilities that the simulator planted, on a small world and with few trees."""

import pytest

from segmentation.domain.settings import RiskSettings
from segmentation.risk.battery import evaluate_scores

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found():
    quick = RiskSettings(
        trees=40,
        learning_rate=0.1,
        hazard_trees=20,
        threads=1,
        validation_folds=1,
        bootstrap_replicates=100,
        forecast_draws=100,
    )
    return evaluate_scores(120, 1, quick, days_between_fits=150)


def test_probabilities_are_close_to_the_planted_ones(found):
    assert found["scored_count"] > 1000
    fits = [(fit["start"], fit["training_count"]) for fit in found["fits"]]
    assert [day for day, _ in fits] == ["2025-11-01", "2026-03-31"]
    assert fits[0][1] < fits[1][1]
    assert found["planted_correlation"] > 0.85
    assert found["planted_error"] < 0.07
    assert found["late_ece"] < 0.07
    assert found["planted_auc"] - found["late_auc"] < 0.05


def test_the_distribution_is_that_of_the_payments(found):
    assert (
        found["paid_by_p10_share"] < 0.4
    )  # many pay on one and the same day, so that quantiles are jumped over
    assert 0.4 < found["paid_by_p50_share"] < 0.75
    assert 0.8 < found["paid_by_p90_share"] < 1.0
    assert 0.7 < found["coverage_80_share"] < 0.92
    assert abs(found["late_30_predicted_share"] - found["late_30_observed_share"]) < 0.06
