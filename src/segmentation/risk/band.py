"""How wide the band around the cash forecast must be, judged by the weeks before the as-of day.

Belongs here: forecasts as they would have been made on past Mondays, beside what arrived. Does not belong
here: making a forecast (forecast), or the replay of a backtest's own window (replay).
"""

from datetime import date, timedelta

import numpy as np

from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.forecast import (
    Dependence,
    estimate_dependence,
    forecast_inflow,
    weekly_paid_prob,
)
from segmentation.risk.grid import BoolArray, FloatArray, IntArray
from segmentation.risk.speaking import Speakers, predict_survival
from segmentation.risk.validation import Validation

BAND_SHARE = 0.8
"""Share of weeks that the band from the 10th to the 90th percentile is meant to hold."""

WEEKS_AHEAD = 4
"""Weeks ahead for which the inflow is forecast on each Monday."""

_WEEK = 7
_MONDAYS = 8
_MIN_WEEKS = 12
_WIDEST = 4.0
_EPOCH = date(1970, 1, 1)


def measure_dependence(speakers: Speakers) -> Dependence:
    """Return how strongly payment dates move together, beyond what was predicted."""
    validation = speakers.validation
    if validation is None:
        return Dependence()
    pit = validation.predictions[speakers.choice.speakers[-1]].pit
    return estimate_dependence(validation.cohort.customer, validation.cohort.due // _WEEK, pit)


def measure_width(
    speakers: Speakers, day: int, dependence: Dependence, weekdays: BoolArray, seed: int
) -> float:
    """Return by how much the simulated band around the mean must be widened.

    Parameters
    ----------
    speakers : models, with the blocks before the as-of day that they had not seen.
    day : number of the as-of day; what is known at its start judges.
    dependence, weekdays : as in the forecast that is widened.
    seed : of the draws.

    Notes
    -----
    Simulated futures know how instalments of a customer move together. They do not know how wrong the models
    are, nor how lumpy pay runs, which is most of the error where hundreds of customers average out. So the
    weeks after past Mondays are forecast again, from curves that had not seen these instalments, and for each
    week the factor is taken at which the band would just have held what arrived. The 80 % quantile of these
    factors is the width (split conformal prediction on weekly sums, Vovk et al. 2005; weeks resemble their
    neighbours, so that it does not hold exactly). It is 1 where fewer than twelve weeks can be judged, never
    less, and at most 4. Judged are the last eight Mondays whose four weeks are over, because later books lack what
    is not due yet; a ledger too short for that is judged on whatever weeks are over.
    """
    validation = speakers.validation
    if validation is None:
        return 1.0
    survival = _predict_blocks(validation, speakers)
    for weeks in (WEEKS_AHEAD, 1):
        parts = [
            _judge_weeks(validation, survival, speakers, monday, day, dependence, weekdays, seed)
            for monday in _past_mondays(validation.origins[0], day - weeks * _WEEK)
        ]
        needed = np.concatenate([np.empty(0), *parts])
        if len(needed) >= _MIN_WEEKS:
            break
    else:
        return 1.0
    level = min(BAND_SHARE * (len(needed) + 1) / len(needed), 1.0)
    return float(np.clip(np.quantile(needed, level, method="higher"), 1.0, _WIDEST))


def week_of_arrival(paid: IntArray, is_paid: BoolArray, monday: int) -> IntArray:
    """Return in which week from ``monday`` on money arrived, the first one being 1; 0 where it did not.

    What came before that Monday and was booked after it was forecast as still to come: it counts for week 1.
    """
    return np.where(is_paid, np.maximum((paid - monday) // _WEEK, 0) + 1, 0).astype(np.int64)


def _past_mondays(first: int, last: int) -> range:
    """Day numbers of up to eight Mondays, none later than ``last`` or in the week that begins on ``first``."""
    last -= (_EPOCH + timedelta(days=last)).weekday()
    return range(last, max(first + _WEEK, last - _MONDAYS * _WEEK), -_WEEK)


def _predict_blocks(validation: Validation, speakers: Speakers) -> FloatArray:
    """Curves of all test rows, each by whoever speaks for it, frozen before its block."""
    survival = np.ones((len(validation.cohort), speakers.grid.size))
    for fold, fitted in enumerate(validation.fitted):
        rows = np.flatnonzero(validation.fold == fold)
        block = validation.cohort.take(rows)
        survival[rows], _ = predict_survival(block, fitted, validation, speakers.choice, speakers.grid)
    return survival


def _judge_weeks(  # noqa: PLR0917  what a forecast is made of
    validation: Validation,
    survival: FloatArray,
    speakers: Speakers,
    monday: int,
    day: int,
    dependence: Dependence,
    weekdays: BoolArray,
    seed: int,
) -> FloatArray:
    """Factors that the weeks after one Monday needed, of those that are over and in which money was expected."""
    cohort = validation.cohort
    is_over = (cohort.paid_known < monday) | (cohort.closed_known < monday)
    rows = np.flatnonzero(cohort.known_before(monday) & ~is_over)
    if not len(rows):
        return np.empty(0)
    book = cohort.take(rows)
    horizon = np.maximum(monday - book.due, 0) + speakers.settings.horizon_days
    distribution = PaymentDistribution(
        speakers.grid, survival[rows], monday - 1 - book.due, speakers.fitted.tail_hazard, horizon
    )
    weeks = min(WEEKS_AHEAD, (day - monday) // _WEEK)
    mean, low, _, high = forecast_inflow(
        weekly_paid_prob(distribution, weeks, _EPOCH + timedelta(days=monday), weekdays),
        book.customer,
        book.amount,
        book.currency,
        dependence=dependence,
        draws=speakers.settings.forecast_draws,
        seed=seed,
    )
    week = week_of_arrival(book.paid, book.paid_known < day, monday)
    is_counted = (week >= 1) & (week <= weeks)
    cell = (book.currency * weeks + week - 1)[is_counted]
    arrived = np.bincount(cell, weights=book.amount[is_counted], minlength=mean.size).reshape(mean.shape)
    error, room = np.abs(arrived - mean), np.where(arrived >= mean, high - mean, mean - low)
    # Where a few large instalments decide, a percentile can lie on the other side of the mean: nothing helps then.
    factor = np.where(room > 0, error / np.where(room > 0, room, 1.0), np.where(error > 0, _WIDEST, 0.0))
    return np.asarray(factor[mean > 0])
