"""Comparing a rate between each group and everybody else, with the errors of many comparisons bounded.

Belongs here: counts in, figures and verdicts out. Does not belong here: where the counts come from
(groups, harms), or words (wording).

Notes
-----
Reference. Each group is compared with all other customers whom the rate and the attribute concern,
not with the largest group: a reference group is never assessed itself, and when it is the one
that is treated worse, no other group shows it.

Test. Fisher's exact test, one-sided: given the margins, the harmed members of the group are
hypergeometric, and p = P(X ≥ x). The mid-p (Lancaster 1961) counts P(X = x) half, which is right on
average but up to two times too small far in the tail, where many comparisons and repeated runs put the
limit. ``multiplicity`` bounds the chance of any false alarm in the family by the alpha that the run may
spend (``spending``), whatever the dependence between groups. Pairs of attributes share
``pair_alpha_share`` of it, so that looking at many small groups takes little from the power for whole ones.
A significant gap blocks only when it also exceeds ``block_gap``.

Intervals. Rates are resampled as counts: p* ~ Beta(x + ½, n − x + ½), the count bootstrap smoothed by
Jeffreys' half, so that a rate of nil is not certain; all cells and replicates in one draw.

Upper bounds of the gaps. They hold for all cells of the family at once: Jeffreys limits of both rates at
confidence 1 − alpha × the cell's weight (Bonferroni, valid whatever the dependence), joined into a limit of their
difference by the method of variance estimates recovery (Zou and Donner 2008):
gap + √((u − p)² + (q − l)²), u above the group's rate p and l below its reference's rate q. Far in the
tail, where a pass is decided, this is exact enough without Monte Carlo noise, and it keeps the skew of
rare events, which a standardised bootstrap spreads to all cells.

Ratios are reported and never gated: the four-fifths rule on point estimates raises false alarms in
about half of all unbiased data sets.
"""

import numpy as np
import polars as pl

from segmentation.domain.settings import FairnessSettings
from segmentation.domain.vocabulary import Verdict
from segmentation.fairness.multiplicity import Flags, Floats, Ints, adjust_p_values, weigh_cells

REFERENCE = "all others"
CELL = ("family", "metric", "attribute", "group")
PAIR = " × "
"""Joins the names of two attributes, or of two groups, into that of a pair."""
_INTERVAL = (0.05, 0.95)


def is_pair() -> pl.Expr:
    """Return whether the row is about a pair of attributes."""
    return pl.col("attribute").str.contains(PAIR, literal=True)


def compare_groups(cells: pl.DataFrame, settings: FairnessSettings, seed: int, alpha: float) -> pl.DataFrame:
    """Return figures and verdict for every group, each compared with all others.

    Parameters
    ----------
    cells : ``family``, ``metric``, ``attribute``, ``group``, ``count``, ``harmed`` and ``is_hidden``, in any
        order (``cells.count_cells``).
    settings : gaps, minimum counts and replicates; its alpha is that of the upper bounds.
    seed : of the resampled intervals.
    alpha : family-wise false-alarm rate of this run.

    Returns
    -------
    ``cells`` sorted, with the columns of ``audit_fairness`` but its statement. Groups that are hidden, or
    that are, or whose reference is, below ``min_count_report`` get no figures and *not_assessable*; they
    are no part of the family that is corrected for.

    Notes
    -----
    From the rates of a group and of all others the harmed among all of them can be worked out. Where
    the groups below ``min_count_report`` have together fewer customers than that, they are left out of
    everybody's reference: else subtraction would tell what happened to them (secondary suppression,
    Hundepool et al. 2012).
    """
    whole = ["family", "metric", "attribute"]
    count = pl.col("count")
    is_small = (count < settings.min_count_report) | pl.col("is_hidden")
    is_left_out = is_small & (count.filter(is_small).sum().over(whole) < settings.min_count_report)

    def of_others(name: str) -> pl.Expr:
        total = pl.when(is_left_out).then(0).otherwise(name).sum().over(whole)
        return (total - pl.col(name)).clip(lower_bound=0).alias(f"other_{name}")

    totals = cells.sort(CELL).with_columns(of_others("count"), of_others("harmed"))
    is_large = ~is_small & (pl.col("other_count") >= settings.min_count_report)
    parts = [totals.filter(~is_large).with_columns(verdict=pl.lit(Verdict.NOT_ASSESSABLE.value))]
    for number, (_, family) in enumerate(
        totals.filter(is_large).group_by("family", maintain_order=True), start=1
    ):
        parts.append(_compare_family(family, settings, np.random.default_rng([seed, number]), alpha))
    return pl.concat(parts, how="diagonal").sort(CELL)


def exact_p_values(harmed: Ints, count: Ints, other_harmed: Ints, other_count: Ints) -> Floats:
    """Return Fisher's one-sided p of a higher rate in the group than among all others."""
    from scipy.stats import hypergeom

    values = hypergeom.sf(harmed - 1, count + other_count, harmed + other_harmed, count)
    return np.asarray(np.clip(values, 0.0, 1.0))


def find_blocks(p_values: Floats, gaps: Floats, settings: FairnessSettings, alpha: float) -> Flags:
    """Return which cells block: a gap above ``block_gap`` that chance does not explain."""
    return (p_values < alpha) & (gaps > settings.block_gap)


def draw_rates(harmed: Ints, count: Ints, replicates: int, rng: np.random.Generator) -> Floats:
    """Return replicates × cells of resampled rates."""
    return rng.beta(harmed + 0.5, count - harmed + 0.5, size=(replicates, len(harmed)))


def bound_gaps(harmed: Ints, count: Ints, other_harmed: Ints, other_count: Ints, tail: Floats) -> Floats:
    """Return upper bounds of the gaps, each with confidence 1 − its ``tail``; together, 1 − their sum."""
    from scipy.special import betaincinv

    rate, other_rate = harmed / count, other_harmed / other_count
    above = betaincinv(harmed + 0.5, count - harmed + 0.5, 1.0 - tail)
    above = np.where(harmed == count, 1.0, above)
    below = betaincinv(other_harmed + 0.5, other_count - other_harmed + 0.5, tail)
    below = np.where(other_harmed == 0, 0.0, below)
    bounds: Floats = rate - other_rate + np.hypot(above - rate, other_rate - below)
    return bounds


def _compare_family(
    family: pl.DataFrame, settings: FairnessSettings, rng: np.random.Generator, alpha: float
) -> pl.DataFrame:
    harmed, count, other_harmed, other_count = (
        family[name].to_numpy().astype(np.int64)
        for name in ("harmed", "count", "other_harmed", "other_count")
    )
    rate, other_rate = harmed / count, other_harmed / other_count
    gap = rate - other_rate
    pairs = family.select(is_pair()).to_series().to_numpy()
    weights = weigh_cells(pairs, np.minimum(count, other_count), settings)
    p_values = exact_p_values(harmed, count, other_harmed, other_count)
    p_values = adjust_p_values(
        p_values, harmed, count, other_harmed, other_count, weights, settings.block_gap
    )
    drawn = draw_rates(harmed, count, settings.bootstrap_replicates, rng)
    gap_high = bound_gaps(harmed, count, other_harmed, other_count, settings.alpha * weights)
    low, high = np.quantile(drawn, _INTERVAL, axis=0)
    is_blocked = find_blocks(p_values, gap, settings, alpha)
    is_passed = (gap_high < settings.pass_gap) & (count >= settings.min_count_pass) & ~is_blocked
    verdict = np.select(
        [is_blocked, is_passed], [Verdict.BLOCK.value, Verdict.PASS.value], Verdict.INCONCLUSIVE.value
    )
    ratio = np.divide(rate, other_rate, out=np.full(len(rate), np.nan), where=other_rate > 0)
    return family.with_columns(
        estimate_low=pl.Series(np.minimum(low, rate)),
        estimate_high=pl.Series(np.maximum(high, rate)),
        reference=pl.lit(REFERENCE),
        reference_estimate=pl.Series(other_rate),
        gap=pl.Series(gap),
        gap_high=pl.Series(gap_high),
        ratio=pl.Series(ratio).fill_nan(None),
        p_value=pl.Series(p_values),
        alpha=pl.lit(alpha),
        verdict=pl.Series(verdict.tolist(), dtype=pl.String),
    )
