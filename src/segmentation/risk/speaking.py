"""The curves of whoever speaks: each instalment is predicted by the choice for its depth of history.

Belongs here: putting choice, fit and calibration together. Does not belong here: making any of them.
"""

import numpy as np

from segmentation.risk.candidates import FittedCandidates
from segmentation.risk.cohort import Cohort
from segmentation.risk.comparison import Choice
from segmentation.risk.grid import FloatArray, Grid
from segmentation.risk.inputs import DEPTH, depth_group
from segmentation.risk.validation import Calibration, Validation


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
