"""How often a family of comparisons may raise a false alarm, and how that is shared out between its cells.

Belongs here: the weights of cells, and the step-down that adjusts their p-values. Does not belong here:
the test of one cell, figures and verdicts (comparison), alpha per run (spending).

Notes
-----
Weights. Alpha goes to where it decides most: to groups of about ``min_count_pass`` members (the smaller side of
the comparison counts). Larger groups show a gap at a small share of it; smaller ones hardly at any. Weights
follow from sizes alone, never from who was harmed, so the bound holds (Roeder and Wasserman 2009).

Attained levels. Counts jump, so a cell tested at level a raises a false alarm less often than that; and a cell
blocks only beyond ``block_gap``, which chance alone hardly ever brings about in a large group. Holm's procedure
(1979) sums levels that no cell can use. Here each cell counts with the largest probability at or below its level
that its own counts can attain beyond the gap, given its margins (Tarone 1990; Westfall and Wolfinger 1997). By
Bonferroni's inequality the chance of any false alarm stays at or below alpha, whatever the dependence; step-down
as in Holm, since the sum over all that were not rejected bounds the sum over those that are true.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from segmentation.domain.settings import FairnessSettings

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

_FAR, _FURTHER = 12.0, 20.0
"""Standard deviations, and members more, beyond which no probability is left to count."""
_SAME = 1 + 1e-6


@dataclass(frozen=True)
class Levels:
    """A sum of attained levels as a function of the scaled p-value up to which cells are rejected.

    Parameters
    ----------
    at : scaled p-values, ascending, at which the sum rises.
    height : the sum from each of them on, preceded by nil.
    """

    at: Floats
    height: Floats

    def up_to(self, scaled: Floats) -> Floats:
        """Return the sum for each scaled p-value."""
        return self.height[np.searchsorted(self.at, scaled * _SAME, side="right")]


def weigh_cells(is_pair: Flags, sizes: Ints, settings: FairnessSettings) -> Floats:
    """Return the share of alpha that each cell of a family is tested at; the shares sum to one.

    Parameters
    ----------
    is_pair : per cell; pairs share ``pair_alpha_share`` where there are single groups as well.
    sizes : members of the smaller side of each comparison.
    settings : ``pair_alpha_share``, and ``min_count_pass``, the size that gets most.
    """
    need = settings.min_count_pass / np.maximum(sizes, 1)
    need = np.minimum(need, 1 / need)
    weights = np.zeros(len(need))
    some_singles = not is_pair.all()
    pair_share = settings.pair_alpha_share if some_singles else 1.0
    single_share = 1.0 - pair_share if is_pair.any() else 1.0
    for part, share in ((is_pair, pair_share), (~is_pair, single_share)):
        if part.any():
            weights[part] = share * need[part] / need[part].sum()
    return weights


@lru_cache(maxsize=4_096)
def attainable_tails(count: int, other_count: int, harmed: int, block_gap: float) -> Floats:
    """Return P(X ≥ x) for every x with a gap above ``block_gap``, from the smallest on; empty when none is likely.

    Parameters
    ----------
    count, other_count : members of the group, and of all others.
    harmed : harmed members of both together; X of them are in the group by chance.
    block_gap : gap that must be exceeded.
    """
    from scipy.special import gammaln

    total = count + other_count
    mean = harmed * count / total
    deviation = np.sqrt(mean * (1 - count / total) * (total - harmed) / max(total - 1, 1))
    highest = min(count, harmed, int(mean + _FAR * deviation + _FURTHER))
    # x / n − (k − x) / m > gap; the guess is put right by one step either way.
    lowest = int((block_gap + harmed / other_count) / (1 / count + 1 / other_count))
    hits = np.arange(max(lowest - 1, harmed - other_count, 0), highest + 1)
    hits = hits[hits / count - (harmed - hits) / other_count > block_gap]
    if not len(hits):
        return np.zeros(0)

    def choose(whole: int, part: Ints | int) -> Floats:
        ways: Floats = gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1)
        return ways

    chance = np.exp(choose(count, hits) + choose(other_count, harmed - hits) - choose(total, harmed))
    tails: Floats = np.cumsum(chance[::-1])[::-1]
    tails.setflags(write=False)  # kept for whoever asks again
    return tails


def sum_levels(tails: Sequence[Floats], weights: Floats) -> Levels:
    """Return the sum of the levels that cells with these tails and weights attain."""
    at = np.concatenate([tail / weight for tail, weight in zip(tails, weights, strict=True)])
    rise = np.concatenate([tail - np.append(tail[1:], 0.0) for tail in tails])
    order = np.argsort(at, kind="stable")
    return Levels(at[order], np.concatenate([[0.0], np.cumsum(rise[order])]))


def step_down(scaled: Floats, total: Floats, tails: Sequence[Floats], weights: Floats) -> Floats:
    """Return adjusted p-values of the cells beyond the gap.

    Parameters
    ----------
    scaled : their p-values, each divided by its weight, ascending.
    total : sum of the levels of the whole family at each of them (``Levels.up_to``).
    tails, weights : theirs, in the same order.

    Notes
    -----
    What was rejected before no longer counts.
    """
    rejected = np.zeros(len(scaled))
    for place in range(len(scaled) - 1):
        later = slice(place + 1, None)
        rejected[later] += sum_levels(tails[place : place + 1], weights[place : place + 1]).up_to(
            scaled[later]
        )
    return np.minimum(np.maximum.accumulate(total - rejected), 1.0)


def adjust_p_values(  # noqa: PLR0917  the four counts of a comparison, its p and its weight
    p_values: Floats,
    harmed: Ints,
    count: Ints,
    other_harmed: Ints,
    other_count: Ints,
    weights: Floats,
    block_gap: float,
) -> Floats:
    """Return the adjusted p-values of one family.

    Parameters
    ----------
    p_values, harmed, count, other_harmed, other_count, weights : one per cell.
    block_gap : gap that a cell must exceed to block.

    Returns
    -------
    Adjusted p-values. Cells that do not exceed the gap cannot be rejected; theirs are divided by the weight
    (Bonferroni), which is never too small.
    """
    adjusted = np.minimum(p_values / weights, 1.0)
    beyond = np.flatnonzero(harmed / count - other_harmed / other_count > block_gap)
    if not len(beyond):
        return adjusted
    tails = [
        attainable_tails(int(n), int(m), int(k), block_gap)
        for n, m, k in zip(count, other_count, harmed + other_harmed, strict=True)
    ]
    scaled = p_values[beyond] / weights[beyond]
    ranked = beyond[np.argsort(scaled, kind="stable")]
    scaled = np.sort(scaled, kind="stable")
    total = sum_levels(tails, weights).up_to(scaled)
    adjusted[ranked] = step_down(scaled, total, [tails[cell] for cell in ranked], weights[ranked])
    return adjusted
