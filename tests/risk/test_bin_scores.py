"""Bins that go down a tree together get the scores that LightGBM gives each of them alone."""

import lightgbm
import numpy as np
import pytest

from segmentation.risk.bin_scores import score_bins
from segmentation.risk.forest import parse_forest

ROWS, BINS, OF_BINS, OF_ROWS = 300, 12, 3, 4


def draw(seed):
    """Something that grows over the bins, something that jumps and is missing at times, and features of rows."""
    rng = np.random.default_rng(seed)
    of_bins = rng.normal(size=(ROWS, OF_BINS, BINS)).astype(np.float32)
    of_bins[:, 0] = np.arange(BINS)
    of_bins[:, 1] = (rng.integers(0, 7, (ROWS, 1)) + np.arange(BINS)) % 7
    of_bins[:, 1, -3:] = np.nan
    of_bins[rng.random(ROWS) < 0.2, 2] = np.nan
    of_rows = rng.normal(size=(ROWS, OF_ROWS)).astype(np.float32)
    of_rows[rng.random((ROWS, OF_ROWS)) < 0.2] = np.nan
    return of_bins, of_rows


def lay_out(of_bins, of_rows):
    """One row per instalment and bin."""
    flat = of_bins.transpose(0, 2, 1).reshape(-1, OF_BINS)
    return np.hstack([flat, np.repeat(of_rows, BINS, axis=0)])


@pytest.mark.parametrize("parameters", [{}, {"use_missing": False}, {"zero_as_missing": True}])
def test_every_bin_gets_the_score_of_its_own_row(parameters):
    of_bins, of_rows = draw(1)
    rows = lay_out(of_bins, of_rows)
    noise = np.random.default_rng(2).normal(size=len(rows))
    target = (np.nan_to_num(rows[:, 1]) + np.nan_to_num(rows[:, 3]) * rows[:, 0] / 6 + noise > 3).astype(
        float
    )
    fixed = {"objective": "binary", "num_leaves": 15, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(
        fixed | parameters, lightgbm.Dataset(rows, target, params=fixed | parameters), 30
    )
    first = np.random.default_rng(3).integers(0, BINS, ROWS)
    forest = parse_forest(booster.model_to_string())
    scores = score_bins(forest, of_bins, of_rows, first)
    expected = booster.predict(rows, raw_score=True).reshape(ROWS, BINS)
    before = np.arange(BINS)[None, :] < first[:, None]
    assert np.array_equal(scores, np.where(before, 0.0, expected))
    assert np.array_equal(scores, score_bins(forest, of_bins, of_rows, first, threads=2))
    assert np.ptp(scores[~before]) > 1


def test_a_model_without_a_split_gives_every_bin_the_same():
    of_bins, of_rows = draw(1)
    rows = lay_out(of_bins, of_rows)
    booster = lightgbm.train(
        {"objective": "binary", "min_data_in_leaf": len(rows), "verbosity": -1},
        lightgbm.Dataset(rows, np.arange(len(rows)) % 2),
        1,
    )
    forest = parse_forest(booster.model_to_string())
    scores = score_bins(forest, of_bins, of_rows, np.zeros(ROWS, dtype=np.int64))
    assert np.allclose(scores, booster.predict(rows[:1], raw_score=True)[0])
