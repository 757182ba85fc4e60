"""The judgement of a backtest: figures with intervals, curves for plots, weeks inside the band.

Belongs here: what is reported, from predictions and outcomes. Does not belong here: making predictions
(backtest), drawing (callers).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from segmentation.domain.settings import RiskSettings
from segmentation.risk import metrics
from segmentation.risk.calibration import interval_scores
from segmentation.risk.cohort import Cohort, Outcome
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.grid import BoolArray, FloatArray, IntArray

MAX_REPLICATES = 200
"""Replicates behind the interval of a figure: two dozen figures of a dozen models and slices add up."""

_GAIN_STEPS = 20


@dataclass(frozen=True)
class Judged:
    """Predictions of one candidate beside the outcomes."""

    cohort: Cohort
    outcome: Outcome
    distribution: PaymentDistribution
    level: FloatArray
    table: pl.DataFrame

    @property
    def late_prob(self) -> FloatArray:
        """Probability of being late."""
        return self.table["late_prob"].to_numpy()

    def report(self, rows: BoolArray, settings: RiskSettings, seed: int) -> dict[str, Any]:
        """Return every metric for these rows, each with its value and 90 % interval."""
        late, late_30 = self.outcome.late_after(0), self.outcome.late_after(30)
        prob, prob_30 = (self.table[name].to_numpy() for name in ("late_prob", "late_30_prob"))
        scores = interval_scores(self.distribution, self.outcome.event_day, self.outcome.last_open_day)
        inside = (scores >= self.level - 1e-9).astype(np.float64)
        median = self.distribution.quantile_day(0.5).astype(np.float64)
        width = self.distribution.quantile_day(1.0 - self.level) - self.distribution.quantile_day(self.level)
        paid = rows & self.outcome.is_paid
        known_30 = rows & np.isfinite(late_30)

        def measure(on: BoolArray, figure: Callable[[IntArray], float | None]) -> dict[str, float | None]:
            return with_interval(np.flatnonzero(on), self.cohort.customer, figure, settings, seed)

        def mean(on: BoolArray, values: FloatArray) -> dict[str, float | None]:
            return mean_with_interval(np.flatnonzero(on), self.cohort.customer, values, settings, seed)

        error = np.abs(np.where(paid, self.outcome.event_day, 0.0) - median)
        said = metrics.clip_prob(prob)
        log_loss = -(late * np.log(said) + (1.0 - late) * np.log(1.0 - said))
        return {
            "count": int(rows.sum()),
            "customer_count": len(np.unique(self.cohort.customer[rows])),
            "late_share": float(late[rows].mean()) if rows.any() else None,
            "late_auc": measure(rows, lambda i: metrics.auc(late[i], prob[i])),
            "late_average_precision": measure(rows, lambda i: metrics.average_precision(late[i], prob[i])),
            "late_brier": mean(rows, (prob - late) ** 2),
            "late_log_loss": mean(rows, log_loss),
            "late_ece": measure(rows, lambda i: metrics.calibration_error(late[i], prob[i])),
            "late_30_count": int(late_30[known_30].sum()),
            "late_30_auc": measure(known_30, lambda i: metrics.auc(late_30[i], prob_30[i])),
            "late_30_average_precision": measure(
                known_30, lambda i: metrics.average_precision(late_30[i], prob_30[i])
            ),
            "days_mae": mean(paid, error),
            "coverage_80_share": mean(rows, inside),
            "width_80_days": mean(rows, width.astype(np.float64)),
        }


def with_interval(
    rows: IntArray,
    customer: IntArray,
    figure: Callable[[IntArray], float | None],
    settings: RiskSettings,
    seed: int,
) -> dict[str, float | None]:
    """Return a figure with the 5th and 95th percentile when whole customers are drawn again."""
    low, high = metrics.cluster_bootstrap(
        customer[rows],
        lambda weight: figure(np.repeat(rows, weight.astype(np.int64))),
        min(settings.bootstrap_replicates, MAX_REPLICATES),
        seed,
    )
    return {"value": figure(rows), "low": low, "high": high}


def mean_with_interval(
    rows: IntArray, customer: IntArray, values: FloatArray, settings: RiskSettings, seed: int
) -> dict[str, float | None]:
    """Return a mean with its interval, from sums per customer: many times faster than drawing rows."""
    if not len(rows):
        return {"value": None, "low": None, "high": None}
    low, high = metrics.paired_mean_bounds(
        customer[rows],
        values[rows],
        np.ones(len(rows)),
        min(settings.bootstrap_replicates, MAX_REPLICATES),
        seed,
    )
    return {"value": float(values[rows].mean()), "low": low, "high": high}


def judge_book(
    book: pl.DataFrame, seen_customers: list[str], settings: RiskSettings, seed: int
) -> dict[str, Any]:
    """Return how well the weekly open book was ranked and calibrated, also for customers who were new."""
    known = book.drop_nulls("is_unpaid_14")
    prob = known["unpaid_14_prob"].to_numpy()
    unpaid = known["is_unpaid_14"].cast(pl.Float64).to_numpy()
    customer = known["customer_id"].rank("dense").to_numpy().astype(np.int64)
    figures: dict[str, Callable[[IntArray], float | None]] = {
        "unpaid_14_auc": lambda i: metrics.auc(unpaid[i], prob[i]),
        "unpaid_14_average_precision": lambda i: metrics.average_precision(unpaid[i], prob[i]),
        "unpaid_14_brier": lambda i: metrics.brier(unpaid[i], prob[i]),
        "unpaid_14_log_loss": lambda i: metrics.log_loss(unpaid[i], prob[i]),
        "unpaid_14_ece": lambda i: metrics.calibration_error(unpaid[i], prob[i]),
    }

    def judge(rows: IntArray) -> dict[str, Any]:
        return {"count": len(rows)} | {
            name: with_interval(rows, customer, figure, settings, seed) for name, figure in figures.items()
        }

    is_new = ~known["customer_id"].is_in(seen_customers).to_numpy()
    return {
        "mondays": book["scored_at"].n_unique(),
        **judge(np.arange(known.height)),
        "unseen_customers": judge(np.flatnonzero(is_new)),
    }


def draw_reliability(late: FloatArray, prob: FloatArray, bins: int = 10) -> list[dict[str, float]]:
    """Return count, mean prediction and observed share of bins of equal count."""
    bin_ = metrics.reliability_bins(prob, bins)
    count = np.bincount(bin_)
    predicted, observed = np.bincount(bin_, weights=prob) / count, np.bincount(bin_, weights=late) / count
    return [
        {"count": int(n), "predicted_prob": float(p), "observed_share": float(o)}
        for n, p, o in zip(count, predicted, observed, strict=True)
    ]


def draw_gain(late: FloatArray, prob: FloatArray, customer: IntArray) -> list[dict[str, float]]:
    """Return which share of the late ones is found among the share of instalments thought most likely late.

    Ties are broken by customer, so that equal predictions do not gain from the order of rows.
    """
    found = np.cumsum(late[np.lexsort((customer, -prob))]) / max(float(late.sum()), 1.0)
    place = np.round(np.linspace(0, len(late), _GAIN_STEPS + 1)).astype(np.int64)
    share = np.concatenate([[0.0], found])[place]
    return [
        {"instalment_share": float(at / max(len(late), 1)), "late_share": float(y)}
        for at, y in zip(place, share, strict=True)
    ]


def judge_forecast(weeks: pl.DataFrame) -> dict[str, Any]:
    """Return how often the inflow of a week lay inside the band that was forecast for it.

    Parameters
    ----------
    weeks : made_date, week, currency, inflow_p10_amount, inflow_amount, inflow_p90_amount, actual_amount.

    Notes
    -----
    ``error_share`` is the sum of the distances between forecast and actual inflow over the sum of the actual.
    """
    inside = pl.col("actual_amount").is_between(
        pl.col("inflow_p10_amount") - _CENT, pl.col("inflow_p90_amount") + _CENT
    )
    error = (pl.col("actual_amount") - pl.col("inflow_amount")).abs().sum() / pl.col("actual_amount").sum()
    figures = (pl.len().alias("count"), inside.mean().alias("inside_band_share"), error.alias("error_share"))
    ahead = weeks.group_by("week").agg(*figures).sort("week")
    return {
        **weeks.select(*figures).row(0, named=True),
        "by_weeks_ahead": ahead.rows(named=True),
    }


_CENT = 0.005
