"""Late heads: the log-odds of being paid after the due date, as a sum of parts per feature.

Belongs here: fitting and explaining. Does not belong here: the days around the due date (hazards).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import polars as pl

from segmentation.domain.settings import RiskSettings
from segmentation.risk.cohort import FeatureMatrix
from segmentation.risk.forest import Forest, parse_forest
from segmentation.risk.grid import BoolArray, FloatArray
from segmentation.risk.inputs import DEPTH, LATE_SHARE, past_late_prob
from segmentation.risk.metrics import log_odds
from segmentation.risk.mitigation import Mitigation

_LINEAR_PENALTY = 0.03
_CLIP_SPREADS = 4.0
_NO_SPREAD = 1e-9
_SURE = 0.02
LIGHTGBM_FIXED: dict[str, Any] = {
    "objective": "binary",
    "deterministic": True,
    "force_row_wise": True,
    "max_bin": 63,
    "verbosity": -1,
}
"""Parameters that make two trainings on the same rows give the same model."""


class LateHead(Protocol):
    """A fitted model of being late."""

    def contributions(self, features: FeatureMatrix) -> FloatArray:
        """Return rows × (features + 1) parts of the log-odds, the last being the average."""
        ...

    def log_odds(self, features: FeatureMatrix) -> FloatArray:
        """Return the log-odds of being late: the sum of the parts."""
        ...


@dataclass(frozen=True)
class ConstantHead:
    """The same log-odds for everybody: all that a single class allows."""

    value: float

    def contributions(self, features: FeatureMatrix) -> FloatArray:
        """Return nothing but the average."""
        parts = np.zeros((len(features), features.shape[1] + 1))
        parts[:, -1] = self.value
        return parts

    def log_odds(self, features: FeatureMatrix) -> FloatArray:
        """Return the constant."""
        return np.full(len(features), self.value)


@dataclass(frozen=True)
class PastRateHead:
    """The customer's past late rate; boosting starts here, and trees then correct it.

    On a short ledger there is little to correct and the model stays near the best baseline; without a start
    trees would spend their first data on learning it.

    Parameters
    ----------
    depth_column, share_column : columns of the features with the known instalments and the late share.
    late_rate : late rate of the training rows.
    mean : mean log-odds over the training rows.
    """

    depth_column: int
    share_column: int
    late_rate: float
    mean: float = 0.0

    def log_odds(self, features: FeatureMatrix) -> FloatArray:
        """Return the log-odds of the past late rate."""
        columns = features[:, [self.depth_column, self.share_column]].astype(np.float64)
        return log_odds(past_late_prob(columns[:, 0], columns[:, 1], self.late_rate))

    def contributions(self, features: FeatureMatrix) -> FloatArray:
        """Return the distance from the mean as the part of the late share."""
        parts = np.zeros((len(features), features.shape[1] + 1))
        parts[:, self.share_column] = self.log_odds(features) - self.mean
        parts[:, -1] = self.mean
        return parts


@dataclass(frozen=True)
class TreeHead:
    """Gradient-boosted trees (LightGBM), from a start on."""

    booster: Any
    start: PastRateHead | None = None
    threads: int = 1

    @cached_property
    def _forest(self) -> Forest:
        return parse_forest(self.booster.model_to_string())

    def contributions(self, features: FeatureMatrix) -> FloatArray:
        """Return exact Shapley values of the trees (Lundberg et al. 2020); the start counts for the late share."""
        from segmentation.risk.shapley import sum_contributions

        parts = sum_contributions(self._forest, features, self.threads)
        return parts if self.start is None else parts + self.start.contributions(features)

    def log_odds(self, features: FeatureMatrix) -> FloatArray:
        """Return the raw score."""
        score = np.asarray(self.booster.predict(features, raw_score=True), dtype=np.float64)
        return score if self.start is None else score + self.start.log_odds(features)


@dataclass(frozen=True)
class Scaling:
    """Missing values replaced by the median, spread brought to one, far values pulled in."""

    middle: FloatArray
    mean: FloatArray
    spread: FloatArray
    scale: FloatArray
    is_share: BoolArray

    @staticmethod
    def of(features: FeatureMatrix, scale: FloatArray, is_share: BoolArray) -> "Scaling":
        """Return the scaling of training rows.

        ``scale`` below 1 exposes a feature to a stronger penalty. Shares enter as log-odds, the scale on which
        a linear model of log-odds can follow a past late rate.
        """
        values = _straighten(features, is_share)
        known = np.isfinite(values)
        middle = np.zeros(values.shape[1])
        for column in np.flatnonzero(known.any(axis=0)):
            middle[column] = np.median(values[known[:, column], column])
        filled = np.where(known, values, middle)
        spread = filled.std(axis=0)
        return Scaling(
            middle, filled.mean(axis=0), np.where(spread > _NO_SPREAD, spread, 1.0), scale, is_share
        )

    def apply(self, features: FeatureMatrix) -> FloatArray:
        """Return scaled features, and for each whether it was missing."""
        values = _straighten(features, self.is_share)
        known = np.isfinite(values)
        scaled = (np.where(known, values, self.middle) - self.mean) / self.spread
        near = np.clip(scaled, -_CLIP_SPREADS, _CLIP_SPREADS) * self.scale
        return np.hstack([near, (~known) * self.scale])


@dataclass(frozen=True)
class LinearHead:
    """Ridge-penalised logistic regression."""

    scaling: Scaling
    weights: FloatArray
    intercept: float
    centre: FloatArray = field(default_factory=lambda: np.empty(0))

    def contributions(self, features: FeatureMatrix) -> FloatArray:
        """Return weight × distance from the training mean, a feature together with its absence."""
        terms = (self.scaling.apply(features) - self.centre) * self.weights
        width = features.shape[1]
        base = self.intercept + float(self.centre @ self.weights)
        return np.column_stack([terms[:, :width] + terms[:, width:], np.full(len(features), base)])

    def log_odds(self, features: FeatureMatrix) -> FloatArray:
        """Return the linear predictor."""
        return self.scaling.apply(features) @ self.weights + self.intercept


def fit_past_rate(
    features: FeatureMatrix, feature_names: Sequence[str], is_late: FloatArray
) -> PastRateHead | None:
    """Return the past late rate of customers, smoothed towards that of the rows; None without the features."""
    if DEPTH not in feature_names or LATE_SHARE not in feature_names:
        return None
    late_rate = (float(is_late.sum()) + 0.5) / (len(is_late) + 1.0)
    head = PastRateHead(feature_names.index(DEPTH), feature_names.index(LATE_SHARE), late_rate)
    return replace(head, mean=float(head.log_odds(features).mean()))


def fit_tree_head(  # noqa: PLR0917  what a model is fitted with
    features: FeatureMatrix,
    is_late: FloatArray,
    settings: RiskSettings,
    seed: int,
    start: PastRateHead | None = None,
    mitigation: Mitigation | None = None,
    customer_id: pl.Series | None = None,
) -> LateHead:
    """Return boosted trees for being late, mitigated if asked for; a constant with a single class."""
    constant = _constant(is_late)
    if constant is not None:
        return constant
    import lightgbm

    parameters = LIGHTGBM_FIXED | {
        "seed": seed,
        "num_threads": settings.threads,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        # Fewer rows in a leaf than this let single customers be learned by heart on short ledgers.
        "min_data_in_leaf": int(np.clip(len(is_late) // 100, 20, 200)),
        "feature_fraction": 0.5,
        "bagging_fraction": 0.6,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
    }
    first = None if start is None else start.log_odds(features)
    weights = None
    if mitigation is not None and customer_id is not None:
        objective, weights = mitigation.prepare(customer_id, is_late)
        parameters |= {"objective": objective} if objective is not None else {}
    data = lightgbm.Dataset(features, is_late, weight=weights, init_score=first)
    return TreeHead(lightgbm.train(parameters, data, settings.trees), start, settings.threads)


def fit_linear_head(
    features: FeatureMatrix, is_late: FloatArray, scale: FloatArray, is_share: BoolArray
) -> LateHead:
    """Return a logistic regression for being late; a constant with a single class."""
    constant = _constant(is_late)
    if constant is not None:
        return constant
    scaling = Scaling.of(features, scale, is_share)
    scaled = scaling.apply(features)
    weights, intercept = fit_logistic(scaled, is_late)
    return LinearHead(scaling, weights, intercept, scaled.mean(axis=0))


def fit_logistic(scaled: FloatArray, outcome: FloatArray) -> tuple[FloatArray, float]:
    """Return weights and intercept of a ridge-penalised logistic regression; nil where nothing varies."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    varies = np.ptp(scaled, axis=0) > 0
    weights = np.zeros(scaled.shape[1])
    model = LogisticRegression(C=_LINEAR_PENALTY, solver="newton-cholesky", max_iter=50)
    # One thread sums in one order, and these matrices are too small for threads to pay.
    with threadpool_limits(limits=1, user_api="blas"):
        model.fit(scaled[:, varies], outcome)
    weights[varies] = model.coef_[0]
    return weights, float(model.intercept_[0])


def _straighten(features: FeatureMatrix, is_share: BoolArray) -> FloatArray:
    """Return the features with shares as log-odds, kept within one in fifty of certainty."""
    values = features.astype(np.float64)
    shares = np.clip(values[:, is_share], _SURE, 1.0 - _SURE)
    values[:, is_share] = np.log(shares / (1.0 - shares))
    return values


def _constant(is_late: FloatArray) -> ConstantHead | None:
    total = float(is_late.sum())
    if 0 < total < len(is_late):
        return None
    share = (total + 0.5) / (len(is_late) + 1.0)
    return ConstantHead(float(np.log(share / (1.0 - share))))
