"""The cash forecast: simulated futures of the open book, with customers who pay several invoices at once.

Belongs here: joint draws and their daily sums. Does not belong here: the distributions themselves.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import RiskSettings
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.grid import FloatArray, IntArray

_CELLS = 4_000_000
"""Draws × instalments held at a time: bounds memory to about 100 MB."""

DEFAULT_DEPENDENCE = 0.3
_MIN_PAIRED = 100


def estimate_dependence(customer: IntArray, pit: FloatArray) -> float:
    """Return the correlation of payment ranks within a customer, as normal scores; 0.3 with few data.

    Parameters
    ----------
    customer : number of the customer of each paid test instalment.
    pit : probability transform of its payment day, from out-of-time predictions.

    Notes
    -----
    Intraclass correlation by the analysis of variance (Fisher 1925) of Φ⁻¹(pit): what customers have in
    common beyond what was predicted, which is what makes their payments arrive together.
    """
    from scipy.special import ndtri

    usable = np.isfinite(pit)
    _, group = np.unique(customer[usable], return_inverse=True)
    score = ndtri(np.clip(pit[usable], 0.005, 0.995))
    size = np.bincount(group).astype(np.float64) if len(group) else np.empty(0)
    groups, total = len(size), len(score)
    if total - groups < _MIN_PAIRED or groups < 2:  # noqa: PLR2004
        return DEFAULT_DEPENDENCE
    mean = np.bincount(group, weights=score) / size
    between = float((size * (mean - score.mean()) ** 2).sum()) / (groups - 1)
    within = float(((score - mean[group]) ** 2).sum()) / (total - groups)
    usual = (total - float((size**2).sum()) / total) / (groups - 1)
    spread = max((between - within) / usual, 0.0)
    return float(np.clip(spread / max(spread + within, 1e-12), 0.0, 0.9))


def daily_paid_prob(distribution: PaymentDistribution, days: int) -> FloatArray:
    """Return instalments × days: probability of being paid by the end of each day from the as-of day on."""
    return np.column_stack(
        [1.0 - distribution.unpaid_prob(distribution.seen_day + step) for step in range(1, days + 1)]
    ).reshape(len(distribution), days)


def forecast_cash(
    distribution: PaymentDistribution,
    customer: IntArray,
    open_amount: FloatArray,
    currency: list[str],
    *,
    as_of: date,
    dependence: float,
    settings: RiskSettings,
    seed: int,
) -> pl.DataFrame:
    """Return expected inflow per day and currency with its 10th, 50th and 90th percentile (pred_cash_forecast).

    Notes
    -----
    Every future draws one normal number per customer and one per instalment, mixes them with the square
    roots of ``dependence`` and 1 − ``dependence`` (a one-factor Gaussian copula, Li 2000), and reads each
    payment day from its distribution. The mean is exact, not simulated. Amounts arrive whole.
    """
    table = ROOM_TABLES["pred_cash_forecast"]
    days = settings.forecast_days
    names = sorted(set(currency))
    if not names:
        return table.empty()
    code = np.searchsorted(np.array(names), np.array(currency))
    paid = daily_paid_prob(distribution, days)
    arriving = np.diff(np.concatenate([np.zeros((len(paid), 1)), paid], axis=1), axis=1)
    mean = np.stack(
        [(arriving[code == c] * open_amount[code == c, None]).sum(axis=0) for c in range(len(names))]
    )
    low, middle, high = _simulate(
        paid,
        customer,
        open_amount,
        code,
        currencies=len(names),
        dependence=dependence,
        draws=settings.forecast_draws,
        seed=seed,
    )
    frame = pl.DataFrame(
        {
            "forecast_date": [as_of + timedelta(days=step) for step in range(days)] * len(names),
            "currency": np.repeat(np.array(names), days).tolist(),
            "inflow_amount": mean.reshape(-1),
            "inflow_p10_amount": low.reshape(-1),
            "inflow_p50_amount": middle.reshape(-1),
            "inflow_p90_amount": high.reshape(-1),
        }
    )
    return table.conform(frame.with_columns(pl.col("^inflow.*$").round(2)))


def _simulate(
    paid: FloatArray,
    customer: IntArray,
    open_amount: FloatArray,
    code: IntArray,
    *,
    currencies: int,
    dependence: float,
    draws: int,
    seed: int,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the three percentiles of daily sums, currencies × days."""
    from scipy.special import ndtr

    count, days = paid.shape
    _, group = np.unique(customer, return_inverse=True)
    groups = int(group.max()) + 1
    rng = np.random.default_rng(seed)
    ladder = (np.clip(paid, 0.0, 1.0 - 1e-9) + np.arange(count)[:, None]).reshape(-1)
    sums = np.empty((draws, currencies, days))
    batch = max(_CELLS // max(count, 1), 1)
    for start in range(0, draws, batch):
        size = min(batch, draws - start)
        common = rng.standard_normal((size, groups))[:, group]
        level = ndtr(
            np.sqrt(dependence) * common + np.sqrt(1.0 - dependence) * rng.standard_normal((size, count))
        )
        place = np.searchsorted(ladder, np.clip(level, 0.0, 1.0 - 1e-9) + np.arange(count), side="left")
        day = place - np.arange(count) * days
        draw, row = np.nonzero(day < days)
        cell = (draw * currencies + code[row]) * days + day[draw, row]
        total = np.bincount(cell, weights=open_amount[row], minlength=size * currencies * days)
        sums[start : start + size] = total.reshape(size, currencies, days)
    low, middle, high = np.quantile(sums, [0.1, 0.5, 0.9], axis=0)
    return low, middle, high
