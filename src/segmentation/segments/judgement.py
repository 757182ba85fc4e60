"""Figures that say how well a grouping of customers foretold what they did, each with its interval.

Belongs here: gap, rank correlation, Brier score, agreement of halves, coverage. Does not belong here: who is
judged on what (backtest).
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.vocabulary import Segment

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]
Figure: TypeAlias = dict[str, float | None]

LOW, MIDDLE, HIGH = "low", "middle", "high"
_NUMBERS = {LOW: 0, MIDDLE: 1, HIGH: 2}
_SIDES = len(_NUMBERS)
REPLICATES = 200
_INTERVAL = 0.9
_NORMAL_WIDTH = 3.2897
"""Standard deviations of a normal distribution between its 5th and 95th percentile."""


def judge_grouping(judged: pl.DataFrame, halves: pl.DataFrame, seed: int) -> dict[str, Figure]:
    """Return the figures of one grouping; each is a value with the 5th and 95th percentile of a bootstrap.

    Parameters
    ----------
    judged : one row per customer with ``score`` (the higher, the later), ``prob`` (of being late more often than
        not), ``side`` (low, middle, high), ``later_share`` and ``later_count``; of the published segments also
        ``segment`` and the interval of ``late_propensity``.
    halves : customers grouped on two halves of time, with ``side`` and ``side_later``.
    seed : of the bootstrap, which draws whole customers again.

    Returns
    -------
    dict
        ``decided_share``: customers on side high or low. ``gap``: mean later late share of side high less that of side low. ``incidental_gap``: structural less
        incidental. ``spearman``: rank correlation of score and later share. ``brier``: of ``prob`` against being
        late in more than half of the later instalments; who was late in exactly half was neither and is left
        out. ``ari``: adjusted Rand index (Hubert and Arabie 1985) of the sides that two halves of time give, among
        customers whom both halves put high or low, and ``ari_decided_share``, how many those are. ``ari_all``:
        the same over all, the middle as a third class. ``coverage_90``: share of later late counts that the
        interval of the propensity, binomial noise added, covers. Null where a grouping does not give what a
        figure needs, or where nobody is left to judge.

    Notes
    -----
    Coverage takes the propensity as a beta distribution of the published mean and width. The later count then is
    beta-binomial, and of each customer the part of its probability that lies between the 5th and the 95th
    percentile counts (non-randomised probability integral transform; Czado, Gneiting and Held 2009), so that
    counts of few instalments, which are lumpy, are not covered more often than said.
    """
    share = judged["later_share"].to_numpy()
    score, prob = judged["score"].to_numpy(), judged["prob"].to_numpy()
    side = judged["side"].to_numpy()
    figures: dict[str, Callable[[Rows], float | None]] = {
        "decided_share": lambda i: float(np.mean(side[i] != MIDDLE)) if len(i) else None,
        "gap": lambda i: _gap(share[i], side[i] == HIGH, side[i] == LOW),
        "spearman": lambda i: _spearman(score[i], share[i]),
        "brier": lambda i: _brier(prob[i], share[i]),
    }
    if "segment" in judged.columns:
        segment, covered = judged["segment"].to_numpy(), _cover(judged)
        figures["incidental_gap"] = lambda i: _gap(
            share[i], segment[i] == Segment.STRUCTURAL.value, segment[i] == Segment.INCIDENTAL.value
        )
        figures["coverage_90"] = lambda i: float(covered[i].mean()) if len(i) else None
    first, second = (
        halves[name].replace_strict(_NUMBERS, return_dtype=pl.Int64).to_numpy()
        for name in ("side", "side_later")
    )
    decided = (first != _NUMBERS[MIDDLE]) & (second != _NUMBERS[MIDDLE])
    of_halves: dict[str, Callable[[Rows], float | None]] = {
        "ari": lambda i: _agreement(first[i][decided[i]], second[i][decided[i]]),
        "ari_decided_share": lambda i: float(decided[i].mean()) if len(i) else None,
        "ari_all": lambda i: _agreement(first[i], second[i]),
    }
    return _with_intervals(figures, judged.height, seed) | _with_intervals(of_halves, halves.height, seed)


def _with_intervals(
    figures: dict[str, Callable[[Rows], float | None]], count: int, seed: int
) -> dict[str, Figure]:
    """Return every figure with its interval, all on the same draws of customers."""
    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, count, count) for _ in range(REPLICATES)] if count else []
    found: dict[str, Figure] = {}
    for name, figure in figures.items():
        values = [value for value in map(figure, draws) if value is not None]
        low, high = np.quantile(values, [0.05, 0.95]).tolist() if values else (None, None)
        found[name] = {"value": figure(np.arange(count)), "low": low, "high": high}
    return found


def _gap(share: Floats, is_high: npt.NDArray[np.bool_], is_low: npt.NDArray[np.bool_]) -> float | None:
    if not (is_high.any() and is_low.any()):
        return None
    return float(share[is_high].mean() - share[is_low].mean())


def _spearman(score: Floats, share: Floats) -> float | None:
    from scipy.stats import rankdata

    first, second = rankdata(score), rankdata(share)
    if len(score) == 0 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _brier(prob: Floats, share: Floats) -> float | None:
    is_either = share != 0.5  # noqa: PLR2004  as often late as not
    if not is_either.any():
        return None
    return float(np.mean((prob - (share > 0.5))[is_either] ** 2))  # noqa: PLR2004


def _agreement(first: Rows, second: Rows) -> float | None:
    """Return the adjusted Rand index of two groupings, from the pairs of customers that each puts together."""
    if not len(first):
        return None
    table = np.bincount(first * _SIDES + second, minlength=_SIDES**2).reshape(_SIDES, _SIDES)
    pairs, in_first, in_second, total = (
        float((count * (count - 1) // 2).sum())
        for count in (table, table.sum(axis=1), table.sum(axis=0), table.sum())
    )
    expected, most = in_first * in_second / max(total, 1.0), (in_first + in_second) / 2.0
    return 1.0 if most == expected else (pairs - expected) / (most - expected)


def _cover(judged: pl.DataFrame) -> Floats:
    """Return how much of each later count lies within the interval that the propensity gives for it."""
    from scipy.stats import betabinom

    mean = judged["late_propensity"].to_numpy()
    width = (judged["late_propensity_p95"] - judged["late_propensity_p05"]).to_numpy()
    strength = np.maximum(mean * (1.0 - mean) / (width / _NORMAL_WIDTH) ** 2 - 1.0, 1e-3)
    late, count = (judged[name].cast(pl.Float64).to_numpy() for name in ("later_late_count", "later_count"))
    shape = (count, mean * strength, (1.0 - mean) * strength)
    above, below = betabinom.cdf(late, *shape), betabinom.cdf(late - 1, *shape)
    tail = (1.0 - _INTERVAL) / 2.0
    inside = np.clip(above, tail, 1.0 - tail) - np.clip(below, tail, 1.0 - tail)
    covered: Floats = inside / np.maximum(above - below, 1e-12)
    return covered
