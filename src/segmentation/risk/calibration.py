"""Calibration on past predictions whose outcome has become known.

Belongs here: correcting late_prob and the width of the 80 % interval. Does not belong here: making
the predictions (validation), judging them (comparison).
"""

from dataclasses import dataclass

import numpy as np

from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.grid import FloatArray, IntArray
from segmentation.risk.metrics import expit, log_odds

_MIN_ROWS = 100
_MIN_PER_CLASS = 20
_PRIOR_ROWS = 50.0
INTERVAL_SHARE = 0.8


@dataclass(frozen=True)
class LateCalibration:
    """Slope and shift on the log-odds scale (Platt 1999), which keep explanations additive."""

    slope: float = 1.0
    shift: float = 0.0

    def apply(self, prob: FloatArray) -> FloatArray:
        """Return calibrated probabilities, in the same order."""
        return expit(self.slope * log_odds(prob) + self.shift)


def fit_late_calibration(prob: FloatArray, outcome: FloatArray) -> LateCalibration:
    """Return slope and shift, pulled towards none by the weight of fifty rows; none when data are few.

    Notes
    -----
    Newton's method on the penalised likelihood. A slope below 0.2 is not believed: it would say that the
    model knows nothing, which is for the comparison with the baselines to find.
    """
    positives = float(outcome.sum())
    if len(outcome) < _MIN_ROWS or min(positives, len(outcome) - positives) < _MIN_PER_CLASS:
        return LateCalibration()
    score = np.clip(log_odds(prob), -8.0, 8.0)
    design = np.column_stack([score, np.ones_like(score)])
    prior, penalty = np.array([1.0, 0.0]), np.diag([_PRIOR_ROWS / 4, _PRIOR_ROWS / 40])
    value = prior.copy()
    for _ in range(50):
        fitted = expit(design @ value)
        gradient = design.T @ (outcome - fitted) - penalty @ (value - prior)
        curvature = (design * (fitted * (1 - fitted))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, gradient)
        value = value + step
        if np.abs(step).max() < 1e-10:  # noqa: PLR2004
            break
    return LateCalibration(float(np.clip(value[0], 0.2, 3.0)), float(np.clip(value[1], -3.0, 3.0)))


@dataclass(frozen=True)
class IntervalCalibration:
    """Lower level of the published 80 % interval, overall and by depth of history.

    The upper level is one minus the lower. Nominal is 0.10; wider models get a higher level.
    """

    overall: float = 0.1
    by_depth: tuple[tuple[int, float], ...] = ()

    def levels(self, depth_group: IntArray) -> FloatArray:
        """Return the lower level of each instalment."""
        levels = np.full(len(depth_group), self.overall)
        for group, level in self.by_depth:
            levels[depth_group == group] = level
        return levels


def interval_scores(
    distribution: PaymentDistribution, event_day: FloatArray, last_open_day: IntArray
) -> FloatArray:
    """Return the largest lower level at which the interval still holds the payment day.

    Notes
    -----
    Distributional conformal prediction (Chernozhukov, Wüthrich & Zhu 2021) for whole days: the day y lies
    within [Q(b), Q(1 − b)] exactly when b ≤ min(F(y), 1 − F(y − 1)). One still open counts as paid on
    the next day, the most favourable case.
    """
    is_paid = np.isfinite(event_day)
    day = np.where(is_paid, event_day, last_open_day + 1).astype(np.int64)
    through = 1.0 - distribution.unpaid_prob(day)
    before = distribution.unpaid_prob(day - 1)
    return np.where(is_paid, np.minimum(through, before), before)


def fit_interval_calibration(scores: FloatArray, depth_group: IntArray) -> IntervalCalibration:
    """Return the levels that would have held 80 % of past payment days; nominal when data are few."""
    groups = [
        (int(group), _level(scores[depth_group == group]))
        for group in np.unique(depth_group)
        if int((depth_group == group).sum()) >= 2 * _MIN_ROWS
    ]
    overall = _level(scores) if len(scores) >= _MIN_ROWS else IntervalCalibration().overall
    return IntervalCalibration(overall, tuple(groups))


def _level(scores: FloatArray) -> float:
    rank = int(np.floor((1.0 - INTERVAL_SHARE) * (len(scores) + 1)))
    ordered = np.sort(scores)
    return float(np.clip(ordered[max(rank - 1, 0)], 0.005, 0.45))
