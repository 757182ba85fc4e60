"""Whoever speaks: each instalment is predicted by the choice for its depth of history.

Belongs here: putting choice, fit and calibration together. Does not belong here: making any of them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.domain.settings import RiskSettings
from segmentation.risk.candidates import FittedCandidates
from segmentation.risk.cohort import Cohort
from segmentation.risk.comparison import Choice
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.grid import FloatArray, Grid
from segmentation.risk.inputs import DEPTH, depth_group
from segmentation.risk.validation import Calibration, Validation


@dataclass(frozen=True)
class Speakers:
    """Everything that is needed to score instalments: models, their calibration, and who speaks for whom."""

    grid: Grid
    fitted: FittedCandidates
    validation: Validation | None
    choice: Choice
    settings: RiskSettings

    def names(self, cohort: Cohort) -> npt.NDArray[np.object_]:
        """Return the name of the model or baseline that speaks for each instalment."""
        return np.array(self.choice.speakers, dtype=object)[depth_group(cohort.feature(DEPTH))]

    def distribution(self, cohort: Cohort, day: int) -> tuple[PaymentDistribution, FloatArray]:
        """Return the payment date of instalments open at the start of ``day``, and the lower interval level."""
        survival, level = predict_survival(cohort, self.fitted, self.validation, self.choice, self.grid)
        seen = day - 1 - cohort.due
        horizon = np.maximum(seen + 1, 0) + self.settings.horizon_days
        return PaymentDistribution(self.grid, survival, seen, self.fitted.tail_hazard, horizon), level

    def late_prob(self, cohort: Cohort) -> FloatArray:
        """Return the probability of being late, as it is said at issue."""
        survival, _ = predict_survival(cohort, self.fitted, self.validation, self.choice, self.grid)
        return survival[:, self.grid.due_bin]


def calibration_of(validation: Validation | None, name: str) -> Calibration:
    """Return the calibration of a candidate for predictions from now on; none for baselines."""
    if validation is None or name not in validation.predictions:
        return Calibration()
    return validation.predictions[name].calibration


def predict_survival(
    cohort: Cohort, fitted: FittedCandidates, validation: Validation | None, choice: Choice, grid: Grid
) -> tuple[FloatArray, FloatArray]:
    """Return the calibrated curve of whoever speaks for each instalment, and the lower interval level."""
    depth = depth_group(cohort.feature(DEPTH))
    speaker = np.array(choice.speakers, dtype=object)[depth]
    survival, level = np.ones((len(cohort), grid.size)), np.full(len(cohort), 0.1)
    for name in sorted(set(speaker)):
        rows = np.flatnonzero(speaker == name)
        calibration = calibration_of(validation, name)
        survival[rows] = calibration.apply(grid, fitted.candidates[name].survival(cohort.take(rows)))
        level[rows] = calibration.interval.levels(depth[rows])
    return survival, level
