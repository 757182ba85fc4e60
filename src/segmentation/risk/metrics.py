"""Figures by which predictions are judged, and their intervals by resampling whole customers.

Belongs here: pure functions of arrays. Does not belong here: models, or which figure decides.
"""

from collections.abc import Callable

import numpy as np

from segmentation.risk.grid import FloatArray, IntArray

_CLIP = 1e-6


def clip_prob(prob: FloatArray) -> FloatArray:
    """Return probabilities kept away from 0 and 1, where the logarithmic loss has no value."""
    return np.clip(prob, _CLIP, 1.0 - _CLIP)


def log_odds(prob: FloatArray) -> FloatArray:
    """Return the log-odds of probabilities."""
    clipped = clip_prob(prob)
    return np.log(clipped / (1.0 - clipped))


def expit(value: FloatArray) -> FloatArray:
    """Return the probability of log-odds."""
    return 1.0 / (1.0 + np.exp(-np.clip(value, -40.0, 40.0)))


def auc(outcome: FloatArray, prob: FloatArray) -> float | None:
    """Return the area under the ROC curve, ties counted as one half; None with a single class.

    Examples
    --------
    >>> auc(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positives = float(outcome.sum())
    negatives = len(outcome) - positives
    if positives == 0 or negatives == 0:
        return None
    _, where, count = np.unique(prob, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[where]
    total = float(rank[outcome > 0].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def average_precision(outcome: FloatArray, prob: FloatArray) -> float | None:
    """Return the area under the precision-recall curve by steps; None without a positive.

    Examples
    --------
    >>> average_precision(np.array([0.0, 1.0, 1.0]), np.array([0.9, 0.8, 0.1]))
    0.5833333333333333
    """
    positives = float(outcome.sum())
    if positives == 0:
        return None
    order = np.argsort(-prob, kind="stable")
    hits, sorted_prob = np.cumsum(outcome[order]), prob[order]
    last_of_tie = np.append(np.diff(sorted_prob) != 0, True)
    hits, seen = hits[last_of_tie], (np.flatnonzero(last_of_tie) + 1).astype(np.float64)
    gained = np.diff(np.concatenate([[0.0], hits]))
    return float((gained * hits / seen).sum() / positives)


def brier(outcome: FloatArray, prob: FloatArray) -> float | None:
    """Return the mean squared error of probabilities (Brier 1950); None without rows."""
    return float(np.mean((prob - outcome) ** 2)) if len(outcome) else None


def log_loss(outcome: FloatArray, prob: FloatArray) -> float | None:
    """Return the mean logarithmic loss, probabilities clipped at one in a million; None without rows."""
    if not len(outcome):
        return None
    clipped = clip_prob(prob)
    return float(-np.mean(outcome * np.log(clipped) + (1 - outcome) * np.log(1 - clipped)))


def reliability_bins(prob: FloatArray, bins: int) -> IntArray:
    """Return the bin of every prediction, of equal count, ties in one bin, numbered from 0 without gaps."""
    if not len(prob):
        return np.empty(0, dtype=np.int64)
    edges = np.quantile(prob, np.arange(1, bins) / bins)
    _, numbered = np.unique(np.searchsorted(edges, prob, side="left"), return_inverse=True)
    return numbered.astype(np.int64)


def calibration_error(outcome: FloatArray, prob: FloatArray, bins: int = 10) -> float | None:
    """Return the expected calibration error: mean distance of prediction and share, bins of equal count."""
    if not len(outcome):
        return None
    bin_ = reliability_bins(prob, bins)
    gap = np.bincount(bin_, weights=prob - outcome)
    return float(np.abs(gap).sum() / len(outcome))


def mean_absolute_error(actual: FloatArray, predicted: FloatArray) -> float | None:
    """Return the mean distance in days; None without rows."""
    return float(np.mean(np.abs(actual - predicted))) if len(actual) else None


def cluster_bootstrap(
    customer: IntArray, statistic: Callable[[FloatArray], float | None], replicates: int, seed: int
) -> tuple[float | None, float | None]:
    """Return the 5th and 95th percentile of a statistic when whole customers are drawn again.

    Parameters
    ----------
    customer : number of the customer of each row.
    statistic : function of a row weight (how often the row's customer was drawn).
    """
    if not len(customer):
        return None, None
    _, index = np.unique(customer, return_inverse=True)
    clusters = int(index.max()) + 1
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(replicates):
        drawn = np.bincount(rng.integers(0, clusters, clusters), minlength=clusters)
        value = statistic(drawn[index].astype(np.float64))
        if value is not None:
            values.append(value)
    if not values:
        return None, None
    low, high = np.quantile(values, [0.05, 0.95])
    return float(low), float(high)


def paired_mean_bounds(
    customer: IntArray, difference: FloatArray, weight: FloatArray, replicates: int, seed: int
) -> tuple[float, float]:
    """Return the 5th and 95th percentile of a weighted mean difference when whole customers are drawn again."""
    _, index = np.unique(customer, return_inverse=True)
    total = np.bincount(index, weights=difference * weight)
    size = np.bincount(index, weights=weight)
    clusters = len(total)
    rng = np.random.default_rng(seed)
    means = np.empty(replicates)
    for replicate in range(replicates):
        drawn = rng.integers(0, clusters, clusters)
        means[replicate] = total[drawn].sum() / size[drawn].sum()
    low, high = np.quantile(means, [0.05, 0.95])
    return float(low), float(high)
