"""The distribution of the payment day: one object from which every published figure is read.

Belongs here: reading probabilities, quantiles and means from survival curves, conditional on the
instalment still being open. Does not belong here: where the curves come from (models).
"""

from dataclasses import dataclass

import numpy as np

from segmentation.risk.grid import BoolArray, FloatArray, Grid, IntArray

_TINY = 1e-12


@dataclass(frozen=True)
class PaymentDistribution:
    """Probability of every payment day of every instalment, given that it was open on its last seen day.

    Parameters
    ----------
    grid : bins of days relative to the due date.
    survival : instalments × bins, probability of being unpaid at the end of the bin, as seen at issue.
    seen_day : last day, relative to the due date, on which the instalment was seen unpaid (the day before
        the as-of day, or the day before issue).
    tail_hazard : daily probability of payment beyond the last bin.
    horizon_day : day at which everything later is counted, relative to the due date, above ``seen_day``.

    Notes
    -----
    Survival is linear in days within a bin and geometric beyond the last one. Because all figures come
    from one curve they cannot contradict each other: P(late > 30) ≤ P(late), quantiles are ordered.
    """

    grid: Grid
    survival: FloatArray
    seen_day: IntArray
    tail_hazard: float
    horizon_day: IntArray

    def __len__(self) -> int:
        """Number of instalments."""
        return len(self.survival)

    def take(self, rows: BoolArray | IntArray | slice) -> "PaymentDistribution":
        """Return the distribution of these instalments."""
        return PaymentDistribution(
            self.grid, self.survival[rows], self.seen_day[rows], self.tail_hazard, self.horizon_day[rows]
        )

    def _curve(self, day: IntArray) -> FloatArray:
        """Return the unconditional probability of being unpaid at the end of ``day``."""
        return read_survival(self.grid, self.survival, day, self.tail_hazard)

    def unpaid_prob(self, day: IntArray | int) -> FloatArray:
        """Return P(unpaid at the end of ``day`` | open on the last seen day), ``day`` from the due date."""
        days = np.broadcast_to(np.asarray(day, dtype=np.int64), (len(self),))
        now = np.maximum(self._curve(self.seen_day), _TINY)
        return np.where(days <= self.seen_day, 1.0, np.clip(self._curve(days) / now, 0.0, 1.0))

    def quantile_day(self, level: FloatArray | float) -> IntArray:
        """Return the first day, from the due date, by which it is paid with probability ``level``.

        Never before the day after the last seen one; the horizon when it lies beyond.
        """
        grid, rows = self.grid, np.arange(len(self))
        target = self._curve(self.seen_day) * (1.0 - np.broadcast_to(level, (len(self),)))
        reached = self.survival <= target[:, None] + _TINY
        bin_ = np.where(reached.any(axis=1), reached.argmax(axis=1), grid.size)
        inside = np.minimum(bin_, grid.size - 1)
        above = np.where(inside > 0, self.survival[rows, inside - 1], 1.0)
        below = self.survival[rows, inside]
        share = (above - target) / np.maximum(above - below, _TINY)
        width = (grid.ends - grid.starts)[inside]
        day = grid.starts[inside] + np.clip(share, 0.0, 1.0) * width
        decay = -np.log1p(-self.tail_hazard)
        last = np.maximum(self.survival[:, -1], _TINY)
        beyond = grid.ends[-1] + np.log(last / np.maximum(target, _TINY)) / max(decay, _TINY)
        found = np.where(bin_ < grid.size, day, np.minimum(beyond, self.horizon_day))
        return np.clip(np.ceil(found - 1e-6), self.seen_day + 1, self.horizon_day).astype(np.int64)

    def mean_day(self) -> FloatArray:
        """Return the mean payment day, from the due date, what lies beyond the horizon counted there.

        Notes
        -----
        The sum of the survival curve over the days: E[min(T, h)] = s + 1 + Σ S(d) for d from s + 1 to
        h − 1, S conditional on being open on day s.
        """
        now = np.maximum(self._curve(self.seen_day), _TINY)
        total = self._survival_sum(self.horizon_day - 1) - self._survival_sum(self.seen_day)
        return self.seen_day + 1 + np.maximum(total, 0.0) / now

    def expected_late_days(self) -> FloatArray:
        """Return the mean number of days still to come on which it will be unpaid and beyond its due date.

        What lies beyond the horizon is not counted: Σ S(d) for d from max(0, s + 1) to h − 1, S conditional on
        being open on day s.
        """
        now = np.maximum(self._curve(self.seen_day), _TINY)
        start = np.minimum(np.maximum(self.seen_day, -1), self.horizon_day - 1)
        total = self._survival_sum(self.horizon_day - 1) - self._survival_sum(start)
        return np.maximum(total, 0.0) / now

    def _survival_sum(self, day: IntArray) -> FloatArray:
        """Return Σ S(d) over the days after the first bin's start up to ``day``."""
        grid = self.grid
        widths = grid.ends - grid.starts
        before = np.concatenate([np.ones((len(self), 1)), self.survival[:, :-1]], axis=1)
        drop = (before - self.survival) / widths
        whole = widths * self.survival + drop * widths * (widths - 1) / 2
        sums = np.concatenate([np.zeros((len(self), 1)), np.cumsum(whole, axis=1)], axis=1)
        rows = np.arange(len(self))
        bin_ = np.minimum(grid.bin_of(day), grid.size - 1)
        into = np.clip(day - grid.starts[bin_], 0, widths[bin_])
        part = into * before[rows, bin_] - drop[rows, bin_] * into * (into + 1) / 2
        past = np.maximum(day - grid.ends[-1], 0)
        keep = 1.0 - self.tail_hazard
        tail = self.survival[:, -1] * keep * (1.0 - keep**past) / max(self.tail_hazard, _TINY)
        early = np.minimum(day - grid.starts[0], 0)
        return np.asarray(sums[rows, bin_] + part + tail + early, dtype=np.float64)


def read_survival(grid: Grid, survival: FloatArray, day: IntArray, tail_hazard: float) -> FloatArray:
    """Return S(day) of each row of ``survival``, linear within a bin, geometric beyond the last one."""
    rows = np.arange(len(survival))
    bin_ = np.minimum(grid.bin_of(day), grid.size - 1)
    above = np.where(bin_ > 0, survival[rows, bin_ - 1], 1.0)
    below = survival[rows, bin_]
    width = (grid.ends - grid.starts)[bin_]
    share = np.clip((day - grid.starts[bin_]) / width, 0.0, 1.0)
    past = np.maximum(day - grid.ends[-1], 0)
    return np.asarray((above + (below - above) * share) * (1.0 - tail_hazard) ** past, dtype=np.float64)


def anchor_survival(grid: Grid, survival: FloatArray, late_prob: FloatArray) -> FloatArray:
    """Return curves that pass through ``late_prob`` at the due date and keep their shape elsewhere.

    Notes
    -----
    Up to the due date the cumulative hazard is multiplied by a constant per instalment (proportional
    hazards); after it the curve relative to the due date is unchanged.
    """
    due = grid.due_bin
    at_due = np.clip(survival[:, due], 1e-9, 1.0 - 1e-9)
    wanted = np.clip(late_prob, 1e-9, 1.0 - 1e-9)
    power = np.log(wanted) / np.log(at_due)
    anchored = np.empty_like(survival)
    anchored[:, : due + 1] = np.maximum(survival[:, : due + 1], 1e-12) ** power[:, None]
    anchored[:, due + 1 :] = survival[:, due + 1 :] / at_due[:, None] * wanted[:, None]
    return np.minimum.accumulate(np.clip(anchored, 0.0, 1.0), axis=1)
