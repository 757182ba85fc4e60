"""Calibration on past predictions whose outcome has become known.

Belongs here: correcting late_prob and the width of the 80 % interval. Does not belong here: making
the predictions (validation), judging them (comparison).
"""

from dataclasses import dataclass

import numpy as np

from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.grid import BoolArray, FloatArray, IntArray
from segmentation.risk.metrics import expit, log_loss, log_odds

_MIN_ROWS = 100
_MIN_PER_CLASS = 20
_PRIOR_ROWS = 50.0
_MIN_TRIALS = 2
INTERVAL_SHARE = 0.8
_SPREAD_BLOCKS = 2.0
_PARAMETER_SPREAD = 0.25
_LEVEL_SPREAD = 0.4


@dataclass(frozen=True)
class LateCalibration:
    """Slope and shift on the log-odds scale (Platt 1999), which keep explanations additive."""

    slope: float = 1.0
    shift: float = 0.0

    def apply(self, prob: FloatArray) -> FloatArray:
        """Return calibrated probabilities, in the same order."""
        return expit(self.slope * log_odds(prob) + self.shift)


def fit_late_calibration(prob: FloatArray, outcome: FloatArray, block: IntArray) -> LateCalibration:
    """Return the slope and shift that past blocks agree on (``agree``), where that has helped so far; else none.

    Parameters
    ----------
    prob, outcome : out-of-time predictions and what came true.
    block : test block of each, in time order.

    Notes
    -----
    A correction must have lowered the log loss of every block but the first, each time fitted to the blocks before it
    (a prequential trial, Dawid 1984), in three blocks at least. Late rates drift, and what one or two blocks ask
    for is often gone in the next.
    """
    blocks = [(prob[block == number], outcome[block == number]) for number in np.unique(block)]
    fitted = [_fit_block(*rows) for rows in blocks]
    helped = [_lowers_loss(_agree_on(fitted[:number]), *blocks[number]) for number in range(1, len(blocks))]
    return _agree_on(fitted) if len(helped) >= _MIN_TRIALS and all(helped) else LateCalibration()


def _lowers_loss(calibration: LateCalibration, prob: FloatArray, outcome: FloatArray) -> bool:
    before, after = log_loss(outcome, prob), log_loss(outcome, calibration.apply(prob))
    return before is not None and after is not None and after < before


def _agree_on(fitted: list[LateCalibration | None]) -> LateCalibration:
    known = [found for found in fitted if found is not None]
    if not known:
        return LateCalibration()
    slope = agree(np.array([found.slope for found in known]), 1.0, _PARAMETER_SPREAD)
    return LateCalibration(slope, agree(np.array([found.shift for found in known]), 0.0, _PARAMETER_SPREAD))


def _fit_block(prob: FloatArray, outcome: FloatArray) -> LateCalibration | None:
    """Return slope and shift of one block, pulled towards none by the weight of fifty rows; None when few.

    Notes
    -----
    Newton's method on the penalised likelihood. A slope below 0.2 is not believed: it would say that the
    model knows nothing, which is for the comparison with the baselines to find.
    """
    positives = float(outcome.sum())
    if len(outcome) < _MIN_ROWS or min(positives, len(outcome) - positives) < _MIN_PER_CLASS:
        return None
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


def fit_interval_calibration(
    scores: FloatArray, depth_group: IntArray, block: IntArray
) -> IntervalCalibration:
    """Return the levels that would have held 80 % of past payment days; nominal when data are few.

    Parameters
    ----------
    scores : of past predictions (``interval_scores``).
    depth_group, block : depth of history and test block of each; blocks that disagree are not believed.
    """
    nominal = IntervalCalibration().overall

    def pooled(rows: BoolArray, least: int) -> float | None:
        blocks = [scores[rows & (block == number)] for number in np.unique(block[rows])]
        levels = [np.log(_level(part)) for part in blocks if len(part) >= least]
        if not levels:
            return None
        return float(np.exp(agree(np.array(levels), np.log(nominal), _LEVEL_SPREAD)))

    overall = pooled(np.ones(len(scores), dtype=np.bool_), _MIN_ROWS)
    by_depth = [
        (int(group), level)
        for group in np.unique(depth_group)
        if (level := pooled(depth_group == group, 2 * _MIN_ROWS)) is not None
    ]
    return IntervalCalibration(nominal if overall is None else overall, tuple(by_depth))


def agree(values: FloatArray, none: float, spread: float) -> float:
    """Return what past blocks agree on: their mean, pulled towards ``none`` where they differ among themselves.

    Parameters
    ----------
    values : one estimate per block.
    none : value that changes nothing.
    spread : how much blocks usually differ; counts like two more blocks.

    Notes
    -----
    The mean departure d is multiplied by d² ÷ (d² + s²/k), s² being the variance between k blocks: habits
    drift, and a correction that does not hold from block to block would be as wrong on the next one
    (positive-part shrinkage, James & Stein 1961).

    Examples
    --------
    >>> round(agree(np.array([0.5, 0.5, 0.5]), 0.0, 0.25), 2)
    0.48
    >>> round(agree(np.array([0.5, -0.4, 0.1]), 0.0, 0.25), 2)
    0.01
    """
    count = len(values)
    departure = float(values.mean()) - none
    between = float(((values - values.mean()) ** 2).sum()) + _SPREAD_BLOCKS * spread**2
    variance = between / (count - 1 + _SPREAD_BLOCKS) / count
    return none + departure * departure**2 / max(departure**2 + variance, 1e-12)


def _level(scores: FloatArray) -> float:
    rank = int(np.floor((1.0 - INTERVAL_SHARE) * (len(scores) + 1)))
    ordered = np.sort(scores)
    return float(np.clip(ordered[max(rank - 1, 0)], 0.005, 0.45))
