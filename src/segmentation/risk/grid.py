"""The days on which an instalment may be paid, counted from its due date and put into bins.

Belongs here: the bins and the episodes (one row per instalment and bin in which it was still open).
Does not belong here: anything that knows a feature or a model.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NEVER = 10**7
"""Day number of what has not happened; beyond every date a ledger may hold."""

_BEFORE = (-90, -60, -45, -30, -27, -24, -21, -18, -15, -12, -10, -8)
_DAILY = tuple(range(-7, 15))
_AFTER = (17, 21, 25, 30, 37, 45, 60, 75, 90, 120, 150, 180, 240, 300, 365, 545, 730)
_FIRST_BIN_WIDTH = 30


@dataclass(frozen=True)
class Grid:
    """Bins of days relative to the due date; bin ``k`` holds the days up to and including ``ends[k]``.

    Daily from a week before to two weeks after the due date, where most of the money arrives and where
    a day decides whether it is late; coarser outside.
    """

    ends: IntArray

    @staticmethod
    def up_to(horizon_days: int) -> "Grid":
        """Return the grid whose last bin ends ``horizon_days`` after the due date."""
        after = [day for day in _AFTER if day < horizon_days]
        return Grid(np.array([*_BEFORE, *_DAILY, *after, horizon_days], dtype=np.int64))

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.ends)

    @property
    def starts(self) -> IntArray:
        """Last day before each bin."""
        return np.concatenate([[self.ends[0] - _FIRST_BIN_WIDTH], self.ends[:-1]])

    @property
    def due_bin(self) -> int:
        """Bin that ends with the due date."""
        return int(np.searchsorted(self.ends, 0))

    def bin_of(self, days: FloatArray | IntArray) -> IntArray:
        """Return the bin that holds each day; ``size`` when it lies beyond the last one."""
        return np.searchsorted(self.ends, days, side="left").astype(np.int64)


@dataclass(frozen=True)
class Episodes:
    """One row per instalment and bin in which it was seen open from beginning to end, or was paid."""

    row: IntArray
    bin: IntArray
    is_paid: BoolArray


def build_episodes(
    grid: Grid, start_day: IntArray, event_day: FloatArray, last_open_day: IntArray
) -> Episodes:
    """Return the bins through which every instalment went, with the one in which it was paid.

    Parameters
    ----------
    start_day : first day of observation, relative to the due date.
    event_day : day of payment relative to the due date, infinite when no payment is known.
    last_open_day : last day on which an unpaid instalment was seen open, relative to the due date.

    Notes
    -----
    A bin counts as survived only when it was observed to its end; so an instalment that is censored in
    the middle of a bin says nothing about that bin (Tutz & Schmid 2016, chapter 3).
    """
    is_paid = np.isfinite(event_day)
    first = np.minimum(grid.bin_of(start_day), grid.size - 1)
    paid_bin = grid.bin_of(np.where(is_paid, event_day, NEVER))
    censored = np.searchsorted(grid.ends, last_open_day, side="right").astype(np.int64) - 1
    last = np.where(is_paid, np.minimum(paid_bin, grid.size - 1), censored)
    count = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(len(count)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    bin_ = step + np.repeat(first, count)
    return Episodes(row, bin_, bin_ == np.repeat(np.where(is_paid, paid_bin, -1), count))
