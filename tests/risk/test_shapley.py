"""Reasons are exact: the same parts as LightGBM's own, for every kind of split that a model may have."""

import lightgbm
import numpy as np
import pytest

from segmentation.domain.errors import IntegrityError
from segmentation.risk.forest import parse_forest
from segmentation.risk.shapley import BLOCK, sum_contributions

ROWS, WIDTH = 3000, 8


def draw_rows(seed):
    """Features with missing values, many nils, ties and one that decides alone; an outcome of several of them."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    features[:, 1] = np.round(features[:, 1])
    features[:, 2] = np.where(rng.random(ROWS) < 0.6, 0.0, features[:, 2])
    features[rng.random((ROWS, WIDTH)) < 0.15] = np.nan
    known = np.nan_to_num(features)
    score = known[:, 0] * known[:, 1] + known[:, 2] + 2.0 * np.isnan(features[:, 3]) + known[:, 4]
    return features, (score + rng.normal(size=ROWS) > 0.5).astype(float)


def train(features, outcome, rounds=30, **parameters):
    fixed = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 1, "deterministic": True}
    categories = parameters.pop("categorical_feature", "auto")
    data = lightgbm.Dataset(features, outcome, categorical_feature=categories, params=fixed | parameters)
    return lightgbm.train(fixed | parameters, data, rounds)


@pytest.mark.parametrize(
    "parameters",
    [
        {
            "num_leaves": 15,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.6,
            "bagging_freq": 1,
            "max_bin": 63,
        },
        {"num_leaves": 2},
        {"num_leaves": 127, "min_data_in_leaf": 3},
        {"num_leaves": 31, "use_missing": False},
        {"num_leaves": 31, "zero_as_missing": True},
        {"num_leaves": 31, "monotone_constraints": [1] + [0] * (WIDTH - 1), "boost_from_average": False},
    ],
    ids=["as trained here", "stumps", "deep", "missing is nil", "nil is missing", "no average"],
)
def test_parts_are_those_of_lightgbm(parameters):
    features, outcome = draw_rows(1)
    booster = train(features, outcome, **parameters)
    shown = draw_rows(2)[0][: 2 * BLOCK + 17]
    parts = sum_contributions(parse_forest(booster.model_to_string()), shown)
    np.testing.assert_allclose(parts, booster.predict(shown, pred_contrib=True), rtol=0, atol=1e-9)
    np.testing.assert_allclose(parts.sum(axis=1), booster.predict(shown, raw_score=True), rtol=0, atol=1e-9)
    assert np.abs(parts[:, :-1]).max() > 0.1


def test_a_missing_value_that_training_never_saw_counts_as_nil():
    features, outcome = draw_rows(3)
    booster = train(np.nan_to_num(features), outcome)
    parts = sum_contributions(parse_forest(booster.model_to_string()), features)
    np.testing.assert_allclose(parts, booster.predict(features, pred_contrib=True), rtol=0, atol=1e-9)


def test_a_model_without_a_split_is_all_average():
    features, _ = draw_rows(1)
    booster = train(features[:200], np.arange(200) % 2, min_data_in_leaf=150)
    parts = sum_contributions(parse_forest(booster.model_to_string()), features[:5])
    np.testing.assert_allclose(parts, booster.predict(features[:5], pred_contrib=True), rtol=0, atol=1e-9)
    assert (parts[:, :-1] == 0).all()


def test_neither_threads_nor_the_rows_beside_it_change_a_row():
    features, outcome = draw_rows(1)
    forest = parse_forest(train(features, outcome).model_to_string())
    together = sum_contributions(forest, np.tile(features, (3, 1)), threads=2)
    alone = sum_contributions(forest, features[700:701])
    assert np.array_equal(together[700:701], alone)
    assert np.array_equal(together[:ROWS], sum_contributions(forest, features))
    assert sum_contributions(forest, features[:0]).shape == (0, WIDTH + 1)


def test_categorical_splits_and_linear_leaves_are_refused_in_words():
    features, outcome = draw_rows(1)
    words = np.nan_to_num(np.abs(np.round(features)), nan=0)
    categorical = train(words, outcome, categorical_feature=[1], min_data_per_group=5, max_cat_to_onehot=1)
    linear = train(np.nan_to_num(features), outcome, linear_tree=True)
    for booster in (categorical, linear):
        with pytest.raises(IntegrityError, match="cannot be explained"):
            parse_forest(booster.model_to_string())


@pytest.mark.parametrize("damage", ["leaf_value=", "threshold=", "max_feature_idx="])
def test_a_damaged_text_is_refused(damage):
    features, outcome = draw_rows(1)
    text = train(features, outcome, rounds=3).model_to_string()
    kept = "\n".join(line for line in text.splitlines() if not line.startswith(damage))
    with pytest.raises(IntegrityError, match="damaged"):
        parse_forest(kept)
