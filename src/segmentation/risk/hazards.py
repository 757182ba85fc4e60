"""Hazards: the probability of payment in each bin of days, given that it was still open before.

Belongs here: pooled, logistic and boosted hazards, each giving a survival curve per instalment. Does
not belong here: the late heads that fix the curve at the due date, calibration.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from segmentation.domain.settings import RiskSettings
from segmentation.risk.cohort import Cohort, FeatureMatrix, Outcome
from segmentation.risk.forest import Forest, parse_forest
from segmentation.risk.grid import Episodes, FloatArray, Grid, IntArray, build_episodes
from segmentation.risk.heads import LIGHTGBM_FIXED, Scaling, fit_logistic
from segmentation.risk.inputs import ANCHOR_FEATURES, linear_form
from segmentation.risk.metrics import expit, log_odds

_PRIOR_EXPOSURE = 2.0
_PHASE_ENDS = (-30, -15, -7, -3, -1, 0, 3, 7, 14, 30, 60, 90)
_MIN_PHASE_EVENTS = 25
_THURSDAY = 3  # 1970-01-01
_PREDICT_ROWS = 400_000
_LOCATION_REACH = 60
_LOCATION_PENALTY = 30.0
_LOG_SCALE_RANGE = (0.0, 4.0)


class Hazard(Protocol):
    """A fitted hazard."""

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return instalments × bins: probability of being unpaid at the end of the bin, from issue on."""
        ...


@dataclass(frozen=True)
class PooledHazard:
    """One hazard for all instalments: the life table of the ledger (Kaplan & Meier 1958, in bins)."""

    grid: Grid
    hazard: FloatArray
    tail_hazard: float

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return the pooled curve from each instalment's issue on."""
        return survive(
            np.broadcast_to(self.hazard, (len(cohort), self.grid.size)), self.grid, cohort.start_day
        )


@dataclass(frozen=True)
class LogisticHazard:
    """A logistic regression per phase, shaped within the phase like the pooled hazard."""

    pooled: PooledHazard
    scaling: Scaling
    phases: tuple[tuple[int, FloatArray, float] | None, ...]
    phase_of_bin: IntArray

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return curves whose phases end where the regressions say."""
        scaled = self.scaling.apply(cohort.features)
        minus_log = -np.log1p(-np.clip(self.pooled.hazard, 1e-9, 1 - 1e-9))
        power = np.ones((len(cohort), self.pooled.grid.size))
        for phase, fitted in enumerate(self.phases):
            if fitted is None:
                continue
            _, weights, intercept = fitted
            prob = 1.0 / (1.0 + np.exp(-np.clip(scaled @ weights + intercept, -12, 12)))
            inside = self.phase_of_bin == phase
            power[:, inside] = (-np.log1p(-prob) / max(float(minus_log[inside].sum()), 1e-9))[:, None]
        return survive(-np.expm1(-minus_log * power), self.pooled.grid, cohort.start_day)


@dataclass(frozen=True)
class Location:
    """A ridge regression of the payment day, which tells the trees where on the axis of days to look."""

    scaling: Scaling
    weights: FloatArray
    intercept: float

    def predict(self, cohort: Cohort) -> FloatArray:
        """Return the likely payment day relative to the due date."""
        return np.asarray(self.scaling.apply(cohort.features) @ self.weights + self.intercept)


@dataclass(frozen=True)
class ResidualHazard:
    """A likely day per instalment, and around it the past errors, scaled to how erratic the payer is.

    ``errors`` are sorted standardised errors of the training instalments.
    """

    grid: Grid
    location: Location
    log_scale: Location
    errors: FloatArray

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return the share of past errors that lie beyond each bin's end, from issue on."""
        middle = self.location.predict(cohort)[:, None]
        scale = np.exp(np.clip(self.log_scale.predict(cohort), *_LOG_SCALE_RANGE))[:, None]
        beyond = self._beyond((self.grid.ends[None, :] + 0.5 - middle) / scale)
        start = self._beyond((cohort.start_day[:, None] - 0.5 - middle) / scale)
        return np.minimum(beyond / np.maximum(start, 1e-9), 1.0)

    def _beyond(self, error: FloatArray) -> FloatArray:
        rank = np.searchsorted(self.errors, error, side="right")
        return np.asarray((len(self.errors) - rank + 0.5) / (len(self.errors) + 1.0))


@dataclass(frozen=True)
class MeanHazard:
    """The average of several curves."""

    hazards: tuple[Hazard, ...]

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return the mean probability of being unpaid."""
        return np.asarray(np.mean([hazard.survival(cohort) for hazard in self.hazards], axis=0))


@dataclass(frozen=True)
class TreeHazard:
    """Boosted trees over instalment-bin rows (LightGBM), from the pooled hazard on."""

    pooled: PooledHazard
    location: Location
    booster: Any
    threads: int = 1

    @cached_property
    def _forest(self) -> Forest:
        return parse_forest(self.booster.model_to_string())

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return curves, instalments in batches so that memory stays bounded."""
        batch = max(_PREDICT_ROWS // self.pooled.grid.size, 1)
        parts = [
            self._survival(cohort.take(np.arange(start, min(start + batch, len(cohort)))))
            for start in range(0, len(cohort), batch)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.pooled.grid.size))

    def _survival(self, cohort: Cohort) -> FloatArray:
        from segmentation.risk.bin_scores import score_bins

        grid = self.pooled.grid
        first = np.minimum(grid.bin_of(cohort.start_day), grid.size - 1)
        every = np.arange(grid.size)
        rows = np.arange(len(cohort))
        own = bin_features(grid, cohort, self.location.predict(cohort), rows[:, None], every[None, :])
        scores = score_bins(self._forest, own.transpose(1, 0, 2), cohort.features, first, self.threads)
        return survive(expit(scores + log_odds(self.pooled.hazard)), grid, cohort.start_day)


def survive(hazard: FloatArray, grid: Grid, start_day: IntArray) -> FloatArray:
    """Return the running product of 1 − hazard from the bin of issue on; 1 before it."""
    first = np.minimum(grid.bin_of(start_day), grid.size - 1)
    at_risk = np.arange(grid.size)[None, :] >= first[:, None]
    return np.cumprod(np.where(at_risk, 1.0 - hazard, 1.0), axis=1, dtype=np.float64)


def bin_features(
    grid: Grid, cohort: Cohort, likely_day: FloatArray, row: IntArray, bin_: IntArray
) -> FeatureMatrix:
    """Return columns × what ``row`` and ``bin_`` say: the bin's day, its weekday, and distances from habit.

    The weekday is that of the calendar day where the bin is a single day, else missing.
    """
    end = grid.ends[bin_]
    is_daily = (grid.ends - grid.starts == 1)[bin_]
    weekday = np.where(is_daily, (cohort.due[row] + end + _THURSDAY) % 7, np.nan)
    anchors = [cohort.feature(name) for name in ANCHOR_FEATURES if name in cohort.feature_names]
    distances = [end - habit[row] for habit in (likely_day, *anchors)]
    everywhere = np.broadcast_to(end, weekday.shape)
    return np.stack([everywhere, weekday, *distances]).astype(np.float32)


def fit_pooled_hazard(grid: Grid, episodes: Episodes) -> PooledHazard:
    """Return the share paid in each bin among those open before it, pulled towards the all-bin share."""
    exposed = np.bincount(episodes.bin, minlength=grid.size).astype(np.float64)
    paid = np.bincount(episodes.bin[episodes.is_paid], minlength=grid.size).astype(np.float64)
    widths = (grid.ends - grid.starts).astype(np.float64)
    daily = (paid.sum() + 0.5) / (float((exposed * widths).sum()) + 100.0)
    prior = -np.expm1(-daily * widths)
    hazard = (paid + _PRIOR_EXPOSURE * prior) / (exposed + _PRIOR_EXPOSURE)
    late = grid.ends > 90  # noqa: PLR2004  three months: beyond that, payment no longer depends on the day
    days_exposed = float((exposed * widths)[late].sum())
    tail = (paid[late].sum() + daily * 100.0) / (days_exposed + 100.0)
    return PooledHazard(grid, np.clip(hazard, 1e-9, 1 - 1e-9), float(np.clip(tail, 1e-5, 0.2)))


def fit_logistic_hazard(cohort: Cohort, outcome: Outcome, pooled: PooledHazard) -> LogisticHazard:
    """Return a regression per phase with enough payments and survivors; the pooled hazard elsewhere."""
    grid = pooled.grid
    ends = np.array([*(day for day in _PHASE_ENDS if day < grid.ends[-1]), grid.ends[-1]])
    scaling = Scaling.of(cohort.features, *linear_form(cohort.feature_names))
    scaled = scaling.apply(cohort.features)
    first = np.searchsorted(ends, cohort.start_day)
    phases: list[tuple[int, FloatArray, float] | None] = []
    for phase, end in enumerate(ends):
        begin = ends[phase - 1] if phase else -NEVER_BEFORE
        entered = np.where(outcome.is_paid, outcome.event_day, outcome.last_open_day + 0.5) > begin
        resolved = np.where(outcome.is_paid, outcome.event_day <= end, False) | (
            np.where(outcome.is_paid, outcome.event_day > end, outcome.last_open_day >= end)
        )
        rows = (first <= phase) & entered & resolved
        paid = (outcome.is_paid & (outcome.event_day <= end))[rows].astype(np.float64)
        enough = min(paid.sum(), len(paid) - paid.sum()) >= _MIN_PHASE_EVENTS
        phases.append((phase, *fit_logistic(scaled[rows], paid)) if enough else None)
    return LogisticHazard(pooled, scaling, tuple(phases), np.searchsorted(ends, grid.ends))


def fit_location(cohort: Cohort, outcome: Outcome) -> Location:
    """Return a ridge regression of the payment day of instalments that were due, open ones as of now.

    Days are pulled in to two months around the due date: a few very late ones must not move all others.
    """
    rows, day = _resolved(outcome)
    return _fit_ridge(cohort, rows, np.clip(day, -_LOCATION_REACH, _LOCATION_REACH))


def fit_residual_hazard(grid: Grid, cohort: Cohort, outcome: Outcome, location: Location) -> ResidualHazard:
    """Return the errors of a location, and a ridge regression of their size."""
    rows, day = _resolved(outcome)
    error = day - location.predict(cohort)[rows]
    log_scale = _fit_ridge(cohort, rows, np.log(np.abs(error) + 1.0))
    scale = np.exp(np.clip(log_scale.predict(cohort)[rows], *_LOG_SCALE_RANGE))
    return ResidualHazard(grid, location, log_scale, np.sort(error / scale))


def _resolved(outcome: Outcome) -> tuple[IntArray, FloatArray]:
    """Return the instalments that were paid or overdue, and the day of payment or the last one seen open."""
    rows = np.flatnonzero(np.isfinite(outcome.late_after(0)))
    day = np.where(outcome.is_paid, outcome.event_day, outcome.last_open_day)[rows]
    return rows, day.astype(np.float64)


def _fit_ridge(cohort: Cohort, rows: IntArray, target: FloatArray) -> Location:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    scaling = Scaling.of(cohort.features[rows], *linear_form(cohort.feature_names))
    scaled = scaling.apply(cohort.features[rows])
    centre = scaled.mean(axis=0)
    with threadpool_limits(limits=1, user_api="blas"):
        moments = (scaled - centre).T @ (scaled - centre) + _LOCATION_PENALTY * np.eye(scaled.shape[1])
        weights = np.linalg.solve(moments, (scaled - centre).T @ (target - target.mean()))
    return Location(scaling, weights, float(target.mean() - centre @ weights))


def fit_tree_hazard(
    pooled: PooledHazard, cohort: Cohort, outcome: Outcome, settings: RiskSettings, seed: int
) -> TreeHazard:
    """Return boosted trees over all instalment-bin rows of a cohort.

    They start from the pooled hazard, so that on a short ledger they stay near the life table.
    """
    import lightgbm

    grid = pooled.grid

    episodes = build_episodes(grid, cohort.start_day, outcome.event_day, outcome.last_open_day)
    parameters = LIGHTGBM_FIXED | {
        "seed": seed,
        "num_threads": settings.threads,
        "learning_rate": settings.hazard_learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.5,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
    }
    location = fit_location(cohort, outcome)
    own = bin_features(grid, cohort, location.predict(cohort), episodes.row, episodes.bin)
    rows = np.hstack([own.T, cohort.features[episodes.row]])
    start = log_odds(pooled.hazard)[episodes.bin]
    data = lightgbm.Dataset(rows, episodes.is_paid.astype(np.float64), init_score=start)
    booster = lightgbm.train(parameters, data, settings.hazard_trees)
    return TreeHazard(pooled, location, booster, settings.threads)


NEVER_BEFORE = 10**6
"""Days before the due date that no term reaches."""
