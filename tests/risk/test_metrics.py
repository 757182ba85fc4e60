"""Metrics agree with scikit-learn, ties and single classes included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.risk import metrics


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 12))
def test_ranking_metrics_agree_with_scikit_learn(seed, count, levels):
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(seed)
    outcome = rng.integers(0, 2, count).astype(float)
    prob = rng.integers(0, levels + 1, count) / levels
    if 0 < outcome.sum() < count:
        assert metrics.auc(outcome, prob) == pytest.approx(roc_auc_score(outcome, prob))
        assert metrics.average_precision(outcome, prob) == pytest.approx(
            average_precision_score(outcome, prob)
        )
    else:
        assert metrics.auc(outcome, prob) is None


def test_nothing_to_judge_gives_none_and_not_nan():
    empty = np.empty(0)
    assert metrics.brier(empty, empty) is None
    assert metrics.log_loss(empty, empty) is None
    assert metrics.calibration_error(empty, empty) is None
    assert metrics.mean_absolute_error(empty, empty) is None
    assert metrics.average_precision(np.zeros(3), np.ones(3)) is None


def test_calibration_error_by_hand():
    outcome = np.array([0.0, 0.0, 1.0, 1.0])
    prob = np.array([0.2, 0.2, 0.6, 0.6])
    assert metrics.calibration_error(outcome, prob, bins=2) == pytest.approx((0.4 + 0.8) / 4)


def test_customers_are_drawn_whole():
    customer = np.repeat(np.arange(4), 50)
    difference = np.repeat([-1.0, 1.0, -1.0, 1.0], 50)
    low, high = metrics.paired_mean_bounds(customer, difference, np.ones(len(difference)), 400, 0)
    assert low <= -0.5  # four customers, not two hundred rows, are the evidence
    assert high >= 0.5
