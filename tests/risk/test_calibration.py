"""Probabilities and intervals come true as often as they say."""

import numpy as np

from segmentation.risk import metrics
from segmentation.risk.calibration import (
    LateCalibration,
    fit_interval_calibration,
    fit_late_calibration,
    interval_scores,
)
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.grid import Grid

GRID = Grid.up_to(180)


def test_overconfident_probabilities_are_pulled_in():
    rng = np.random.default_rng(1)
    truth = rng.normal(-0.5, 1.0, 4000)
    outcome = (rng.random(4000) < metrics.expit(truth)).astype(float)
    calibration = fit_late_calibration(metrics.expit(2.0 * truth + 0.7), outcome, np.arange(4000) // 1000)
    assert 0.44 < calibration.slope < 0.56
    assert -0.5 < calibration.shift < -0.2


def test_a_shift_that_changes_its_sign_from_block_to_block_is_not_believed():
    rng = np.random.default_rng(4)
    block = np.arange(6000) // 2000
    truth = rng.normal(-0.5, 1.0, 6000)
    outcome = (rng.random(6000) < metrics.expit(truth)).astype(float)
    moved = {
        "wandering": np.array([0.5, -0.5, 0.3])[block],
        "steady": np.full(6000, 0.5),
    }
    shift = {
        name: fit_late_calibration(metrics.expit(truth + by), outcome, block).shift
        for name, by in moved.items()
    }
    assert shift["wandering"] == 0
    assert -0.55 < shift["steady"] < -0.4


def test_a_correction_that_did_not_help_the_latest_block_is_dropped_and_two_blocks_are_too_few():
    rng = np.random.default_rng(5)
    block = np.arange(8000) // 2000
    truth = rng.normal(-0.5, 1.0, 8000)
    outcome = (rng.random(8000) < metrics.expit(truth)).astype(float)
    gone = metrics.expit(truth + np.array([0.4, 0.4, 0.4, 0.0])[block])
    assert fit_late_calibration(gone[block < 3], outcome[block < 3], block[block < 3]).shift < -0.3
    assert fit_late_calibration(gone, outcome, block) == LateCalibration()
    assert fit_late_calibration(gone[block < 2], outcome[block < 2], block[block < 2]) == LateCalibration()


def test_few_rows_or_one_class_change_nothing():
    assert fit_late_calibration(np.full(50, 0.4), np.ones(50), np.zeros(50, dtype=int)) == LateCalibration()
    assert fit_late_calibration(np.full(500, 0.4), np.zeros(500), np.arange(500) // 250) == LateCalibration()


def test_intervals_hold_four_in_five_of_days_that_the_model_did_not_expect():
    rng = np.random.default_rng(2)

    def draw(count):
        survival = 1 - 1 / (1 + np.exp(-(GRID.ends[None, :] - 2.0) / 2.0)) * np.ones((count, 1))
        horizon, seen = np.full(count, 180), np.full(count, -31)
        distribution = PaymentDistribution(GRID, survival, seen, 0.01, horizon)
        days = np.round(rng.logistic(2.0, 5.0, count)).clip(-29, 150)  # far more spread than the model thinks
        return distribution, days

    past, past_days = draw(1500)
    scores = interval_scores(past, past_days, past_days.astype(int) - 1)
    calibration = fit_interval_calibration(scores, np.zeros(1500, dtype=int), np.arange(1500) // 500)
    future, days = draw(4000)
    level = calibration.levels(np.zeros(4000, dtype=int))
    low, high = future.quantile_day(level), future.quantile_day(1 - level)
    nominal = (future.quantile_day(0.1) <= days) & (days <= future.quantile_day(0.9))
    assert nominal.mean() < 0.6
    assert 0.76 < ((low <= days) & (days <= high)).mean() < 0.9


def test_the_score_of_a_day_is_the_level_at_which_the_interval_lets_it_go():
    rng = np.random.default_rng(3)
    survival = np.cumprod(1 - rng.beta(1, 8, (200, GRID.size)), axis=1)
    distribution = PaymentDistribution(GRID, survival, np.full(200, -31), 0.01, np.full(200, 180))
    days = rng.integers(-25, 60, 200).astype(float)
    scores = interval_scores(distribution, days, days.astype(int) - 1)
    for shift, is_inside in ((-1e-4, True), (1e-4, False)):
        level = np.clip(scores + shift, 1e-6, 0.499)
        held = (distribution.quantile_day(level) <= days) & (days <= distribution.quantile_day(1 - level))
        clear = (scores > 1e-3) & (scores < 0.49)
        assert (held[clear] == is_inside).all()
