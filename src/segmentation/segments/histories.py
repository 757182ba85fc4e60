"""Instalments of every customer in order of time: late and on time, counted by period.

Belongs here: the layout, and picking customers from it without regard to names. Does not belong here: which
instalments count (observations), or what a history says (habit).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Counts: TypeAlias = npt.NDArray[np.uint16]
Rows: TypeAlias = npt.NDArray[np.int64]

PERIOD_DAYS = 30
"""Days of one period; periods are counted back from the as-of day."""
MOST_PERIODS = 36
"""Periods that are told apart; what is older is counted in the oldest one."""
MOST_PER_PERIOD = 64
"""Instalments of one customer and period that count at most; more are scaled down to so many."""

_DIGEST_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_DIGEST_SHIFT = np.uint64(29)


@dataclass(frozen=True, slots=True)
class Histories:
    """Instalments by customer (row) and period (column, the oldest first), those excluded left out.

    Parameters
    ----------
    late, prompt : counts, at most ``MOST_PER_PERIOD`` together in a cell.
    """

    late: Counts
    prompt: Counts


def pick_customers(histories: Histories, most: int, *measures: npt.NDArray[np.float64]) -> Rows:
    """Return rows of customers with a history: all of them, or every so-manieth when there are more than ``most``.

    Parameters
    ----------
    histories : of all customers.
    most : customers that are picked at most.
    measures : what tells customers of the same history apart, row for row.

    Notes
    -----
    They come in the order of a digest of what the history and the measures hold. Neither names nor the order of
    rows decide who is picked, or in which order sums are made, but among customers who are alike in all of that.
    """
    known: Rows = np.flatnonzero(histories.late.any(axis=1) | histories.prompt.any(axis=1))
    digest = np.zeros(len(known), dtype=np.uint64)
    for column in (
        *histories.late.T,
        *histories.prompt.T,
        *(measure.view(np.uint64) for measure in measures),
    ):
        digest = (digest ^ column[known]) * _DIGEST_FACTOR
        digest ^= digest >> _DIGEST_SHIFT
    ordered: Rows = known[np.argsort(digest, kind="stable")]
    if len(ordered) > most:
        ordered = ordered[np.arange(most) * len(ordered) // most]
    return ordered
