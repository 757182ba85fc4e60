"""Reasons account for the whole score of the head, not only because the last group takes the rest."""

from datetime import date

import numpy as np
import pytest

from segmentation.features.computation import compute_issue_features
from segmentation.risk.calibration import LateCalibration
from segmentation.risk.candidates import MODELS, fit_candidates
from segmentation.risk.cohort import build_cohort, day_number
from segmentation.risk.explanation import explain
from segmentation.risk.grid import Grid
from segmentation.risk.inputs import feature_columns


@pytest.mark.parametrize("name", [*MODELS, "past_late_rate"])
def test_at_issue_nothing_is_left_for_being_still_open(name, ledger, quick):
    features = compute_issue_features(ledger)
    names = feature_columns(features, features)
    cohort = build_cohort(features, ledger["core_instalment_balance"], names, {})
    grid = Grid.up_to(180)
    fitted = fit_candidates(cohort, day_number(date(2025, 1, 1)), grid, quick, 1)
    calibration = LateCalibration(slope=0.8, shift=0.3)
    late = calibration.apply(fitted.candidates[name].survival(cohort)[:, grid.due_bin])
    explanation = explain(fitted.candidates[name], calibration, cohort, late)
    np.testing.assert_allclose(explanation.parts[:, -1], 0.0, atol=1e-6)
