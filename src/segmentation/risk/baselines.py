"""Baselines: what a credit manager could say without any model, and what every model must beat.

Belongs here: rules that read one or two figures. Does not belong here: anything that is trained.
"""

from dataclasses import dataclass

import numpy as np

from segmentation.risk.cohort import Cohort
from segmentation.risk.distribution import anchor_survival
from segmentation.risk.grid import FloatArray, Grid
from segmentation.risk.hazards import PooledHazard
from segmentation.risk.inputs import DEPTH, LATE_SHARE, MEDIAN_DAYS, past_late_prob


@dataclass(frozen=True)
class Prevalence:
    """The ledger's late rate and life table for everybody."""

    pooled: PooledHazard
    late_rate: float

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return the pooled curve, at the due date the late rate."""
        rate = np.full(len(cohort), self.late_rate)
        return anchor_survival(self.pooled.grid, self.pooled.survival(cohort), rate)


@dataclass(frozen=True)
class PastLateRate:
    """The customer's share of late instalments so far, smoothed towards the ledger's late rate."""

    pooled: PooledHazard
    late_rate: float

    def late_prob(self, cohort: Cohort) -> FloatArray:
        """Return the customer's late rate, smoothed towards the ledger's."""
        return past_late_prob(cohort.feature(DEPTH), cohort.feature(LATE_SHARE), self.late_rate)

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return the pooled curve, at the due date the customer's rate."""
        return anchor_survival(self.pooled.grid, self.pooled.survival(cohort), self.late_prob(cohort))


@dataclass(frozen=True)
class CustomerMedian:
    """Payment on the customer's median day, as if it were certain; the ledger's median without one."""

    grid: Grid
    ledger_median: float

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return a curve that falls from 1 to 0 at the median day."""
        median = cohort.feature(MEDIAN_DAYS)
        day = np.round(np.where(np.isfinite(median), median, self.ledger_median))
        return (self.grid.ends[None, :] < day[:, None]).astype(np.float64)


@dataclass(frozen=True)
class TermsAreTruth:
    """Payment on the due date, as if it were certain."""

    grid: Grid

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return a curve that falls from 1 to 0 at the due date."""
        return np.broadcast_to((self.grid.ends < 0).astype(np.float64), (len(cohort), self.grid.size)).copy()
