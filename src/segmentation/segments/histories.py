"""Instalments of every customer in order of time: late and on time, counted by period.

Belongs here: the layout, and picking customers from it without regard to names. Does not belong here: which
instalments count (observations), or what a history says (habit).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.segments.observations import EXCLUDED, LATE

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


def lay_out_histories(known: pl.DataFrame, customer_id: pl.Series) -> Histories:
    """Return the late and prompt instalments of customers by period.

    Parameters
    ----------
    known : result of ``observations.classify_instalments``.
    customer_id : customers, each once, in the order of rows that is wanted; others are left out.
    """
    period = (pl.col("age_days") // PERIOD_DAYS).clip(upper_bound=MOST_PERIODS - 1)
    cells = (
        known.filter(~pl.col(EXCLUDED))
        .group_by("customer_id", period.alias("period"))
        .agg(pl.col(LATE).sum().alias("late"), pl.len().alias("count"))
        .join(customer_id.to_frame("customer_id").with_row_index("row"), "customer_id")
    )
    age = cells["period"].to_numpy()
    periods = int(age.max(initial=0)) + 1
    late, count = (np.zeros((len(customer_id), periods)) for _ in range(2))
    place = cells["row"].to_numpy(), periods - 1 - age
    late[place], count[place] = cells["late"], cells["count"]
    kept = np.minimum(count, MOST_PER_PERIOD)
    late = np.round(late * kept / np.maximum(count, 1.0))
    return Histories(late.astype(np.uint16), (kept - late).astype(np.uint16))


def pick_customers(histories: Histories, most: int) -> Rows:
    """Return rows of customers with a history: all of them, or every so-manieth when there are more than ``most``.

    Notes
    -----
    They come in the order of a digest of what the history holds, so that neither names nor the order of rows
    decide who is picked, or in which order sums are made.
    """
    known: Rows = np.flatnonzero(histories.late.any(axis=1) | histories.prompt.any(axis=1))
    digest = np.zeros(len(known), dtype=np.uint64)
    for table in (histories.late, histories.prompt):
        for column in range(table.shape[1]):
            digest = (digest ^ table[known, column]) * _DIGEST_FACTOR
            digest ^= digest >> _DIGEST_SHIFT
    ordered: Rows = known[np.argsort(digest, kind="stable")]
    if len(ordered) > most:
        ordered = ordered[np.arange(most) * len(ordered) // most]
    return ordered
