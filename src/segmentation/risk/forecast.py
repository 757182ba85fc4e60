"""The cash forecast: simulated futures of the open book, with customers who pay several invoices at once.

Belongs here: joint draws, their daily sums and the weekdays on which money arrives. Does not belong
here: the distributions themselves.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import RiskSettings
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.grid import BoolArray, FloatArray, IntArray

PaidProb = npt.NDArray[np.floating[Any]]
_CELLS = 4_000_000
"""Draws × instalments held at a time: bounds memory to about 100 MB."""

_MIN_PAIRED = 100
_WEEK = 7
_MIN_PAYMENTS = 100
_QUIET_SHARE = 0.01
_MOST_SHARED = 0.9


@dataclass(frozen=True)
class Dependence:
    """How strongly payment dates move together beyond what was predicted, as correlations of normal scores.

    ``customer`` is shared by the instalments of a customer, who pays in runs; ``ledger`` by all, because the
    economy, holidays and the models' own errors are. The defaults hold where there are few data.
    """

    customer: float = 0.3
    ledger: float = 0.02

    @property
    def own(self) -> float:
        """What is left to the single instalment."""
        return 1.0 - self.customer - self.ledger


def estimate_dependence(customer: IntArray, week: IntArray, pit: FloatArray) -> Dependence:
    """Return how payment dates moved together within customers and within weeks.

    Parameters
    ----------
    customer, week : number of the customer, and of the week of the due date, of each paid test instalment.
    pit : probability transform of its payment day, from out-of-time predictions.

    Notes
    -----
    The share of a week is taken first; that of the customer is what customers have in common beyond it.
    """
    from scipy.special import ndtri

    usable = np.isfinite(pit)
    score = ndtri(np.clip(pit[usable], 0.005, 0.995))
    ledger = _share_variance(week[usable], score)
    whole = _share_variance(customer[usable], score)
    if ledger is None or whole is None:
        return Dependence()
    ledger = min(ledger, _MOST_SHARED)
    return Dependence(float(min(whole, _MOST_SHARED - ledger)), float(ledger))


def _share_variance(group: IntArray, score: FloatArray) -> float | None:
    """Return the intraclass correlation by the analysis of variance (Fisher 1925); None with few data."""
    _, index = np.unique(group, return_inverse=True)
    size = np.bincount(index).astype(np.float64) if len(index) else np.empty(0)
    groups, total = len(size), len(score)
    if total - groups < _MIN_PAIRED or groups < 2:  # noqa: PLR2004
        return None
    mean = np.bincount(index, weights=score) / size
    between = float((size * (mean - score.mean()) ** 2).sum()) / (groups - 1)
    within = float(((score - mean[index]) ** 2).sum()) / (total - groups)
    usual = (total - float((size**2).sum()) / total) / (groups - 1)
    spread = max((between - within) / usual, 0.0)
    return spread / max(spread + within, 1e-12)


def find_payment_weekdays(payment: pl.DataFrame, as_of: date) -> BoolArray:
    """Return, Monday first, whether money arrives on that weekday; every day with fewer than 100 payments.

    Parameters
    ----------
    payment : core_payment as known on the as-of day; incoming payments valued before that day count.
    as_of : as-of day.

    Notes
    -----
    A weekday with less than 1 % of all payments carries none: banks that book nothing at weekends leave
    a stray row at most. Payments and not settled instalments are counted, because one transfer that
    settles many invoices says no more about a bank's calendar than one that settles a single invoice.
    """
    known = payment.filter(pl.col("amount") > 0, pl.col("value_date") < as_of)
    count = np.bincount(known["value_date"].dt.weekday().to_numpy().astype(np.int64) - 1, minlength=_WEEK)
    total = int(count.sum())
    if total < _MIN_PAYMENTS:
        return np.ones(_WEEK, dtype=np.bool_)
    return np.asarray(count >= _QUIET_SHARE * total, dtype=np.bool_)


def move_to_payment_days(paid: PaidProb, as_of: date, weekdays: BoolArray) -> PaidProb:
    """Return instalments × days: probability of having paid by each day, when money waits for a payment day.

    Notes
    -----
    What would arrive on a day without payments arrives on the next day with them, so that on a day
    without payments nothing is added to what the payment day before it had. What waits for a day beyond
    the last one is left out, as it arrives after the forecast.
    """
    days = paid.shape[1]
    is_open = weekdays[(as_of.weekday() + np.arange(days)) % _WEEK]
    last_open = np.maximum.accumulate(np.where(is_open, np.arange(days), -1))
    return np.where(last_open >= 0, paid[:, np.maximum(last_open, 0)], paid.dtype.type(0))


def daily_paid_prob(distribution: PaymentDistribution, days: int) -> PaidProb:
    """Return instalments × days, 32-bit: probability of being paid by the end of each day from the as-of day on."""
    paid = np.empty((len(distribution), days), dtype=np.float32)
    for step in range(days):
        paid[:, step] = 1.0 - distribution.unpaid_prob(distribution.seen_day + step + 1)
    return paid


def weekly_paid_prob(
    distribution: PaymentDistribution, weeks: int, as_of: date, weekdays: BoolArray
) -> PaidProb:
    """Return instalments × weeks: probability that the money is there by the end of each week from ``as_of`` on."""
    by_day = daily_paid_prob(distribution, weeks * _WEEK)
    return move_to_payment_days(by_day, as_of, weekdays)[:, _WEEK - 1 :: _WEEK]


def forecast_cash(
    paid: PaidProb,
    customer: IntArray,
    open_amount: FloatArray,
    currency: list[str],
    *,
    as_of: date,
    dependence: Dependence,
    settings: RiskSettings,
    seed: int,
    weekdays: BoolArray | None = None,
    width: float = 1.0,
) -> pl.DataFrame:
    """Return expected inflow per day and currency with its 10th, 50th and 90th percentile (pred_cash_forecast).

    Parameters
    ----------
    paid : instalments × days from the as-of day on, probability of being paid by then (``daily_paid_prob``).
    customer, open_amount, currency : of the same instalments.
    as_of : first day of the forecast.
    dependence : what the instalments of a customer, and those of the whole ledger, have in common.
    settings : draws.
    seed : of the draws.
    weekdays : weekdays on which money arrives, Monday first (``find_payment_weekdays``); None means all.
    width : by how much the band is widened (``band.measure_width``).

    Notes
    -----
    Amounts arrive whole, and on a weekday that carries payments: what falls on another one waits for the next
    that does. For the rest see ``forecast_inflow``.
    """
    table = ROOM_TABLES["pred_cash_forecast"]
    days = paid.shape[1]
    names = sorted(set(currency))
    if not names:
        return table.empty()
    code = np.searchsorted(np.array(names), np.array(currency))
    if weekdays is not None:
        paid = move_to_payment_days(paid, as_of, weekdays)
    mean, low, middle, high = forecast_inflow(
        paid,
        customer,
        open_amount,
        code,
        dependence=dependence,
        draws=settings.forecast_draws,
        seed=seed,
        width=width,
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


def forecast_inflow(
    paid: PaidProb,
    customer: IntArray,
    open_amount: FloatArray,
    code: IntArray,
    *,
    dependence: Dependence,
    draws: int,
    seed: int,
    width: float = 1.0,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return mean, 10th, 50th and 90th percentile of what arrives in each period, currencies × periods.

    Parameters
    ----------
    paid : instalments × periods, probability of being paid by the end of each.
    customer, open_amount, code : of the same instalments; ``code`` numbers the currencies from 0.
    dependence, draws, seed : of the simulated futures.
    width : factor on the distance of the 10th and the 90th percentile from the mean.

    Notes
    -----
    Every future draws one normal number, one more per customer and one per instalment, mixes them with the
    square roots of their shares (a Gaussian copula with nested factors, Li 2000), and reads each payment day
    from its distribution. The mean is exact, not simulated. Widening never narrows a side, nor goes below nil or
    beyond all that is owed.
    """
    currencies = int(code.max(initial=0)) + 1
    owed = np.bincount(code, weights=open_amount, minlength=currencies)[:, None]
    by_then = np.stack([open_amount[code == c] @ paid[code == c] for c in range(currencies)])
    mean = np.diff(by_then, axis=1, prepend=0.0)
    low, middle, high = _simulate_inflow(
        paid,
        customer,
        open_amount,
        code,
        currencies=currencies,
        dependence=dependence,
        draws=draws,
        seed=seed,
    )
    if width > 1.0:
        low = np.minimum(low, np.maximum(mean - width * (mean - low), 0.0))
        high = np.maximum(high, np.minimum(mean + width * (high - mean), owed))
    return mean, low, middle, high


def _simulate_inflow(
    paid: PaidProb,
    customer: IntArray,
    open_amount: FloatArray,
    code: IntArray,
    *,
    currencies: int,
    dependence: Dependence,
    draws: int,
    seed: int,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the 10th, 50th and 90th percentile of what arrives in each period, currencies × periods.

    ``paid`` holds the probability of being paid by the end of each period.
    """
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
        shared = np.sqrt(dependence.ledger) * rng.standard_normal((size, 1))
        shared = shared + np.sqrt(dependence.customer) * rng.standard_normal((size, groups))
        level = ndtr(shared[:, group] + np.sqrt(dependence.own) * rng.standard_normal((size, count)))
        place = np.searchsorted(ladder, np.clip(level, 0.0, 1.0 - 1e-9) + np.arange(count), side="left")
        day = place - np.arange(count) * days
        draw, row = np.nonzero(day < days)
        cell = (draw * currencies + code[row]) * days + day[draw, row]
        total = np.bincount(cell, weights=open_amount[row], minlength=size * currencies * days)
        sums[start : start + size] = total.reshape(size, currencies, days)
    low, middle, high = np.quantile(sums, [0.1, 0.5, 0.9], axis=0)
    return low, middle, high
