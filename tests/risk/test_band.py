"""The band around the cash forecast is as wide as past forecasts were wrong."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from segmentation.domain.settings import RiskSettings
from segmentation.risk.band import measure_width, week_of_arrival
from segmentation.risk.cohort import Cohort
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.forecast import Dependence, daily_paid_prob, forecast_inflow
from segmentation.risk.grid import NEVER, Grid

GRID = Grid.up_to(180)
DAY = 20_000
ALL_WEEK = np.ones(7, dtype=np.bool_)
CURVE = np.clip((20.0 - GRID.ends) / 20.0, 0.0, 1.0)
"""Paid on a day from 0 to 20 after the due date, each as likely."""


def make_speakers(days_off, weeks=18, per_day=20, seed=3):
    """Test blocks whose payments follow the curve, but for ``days_off`` days, by week of the due date."""
    rng = np.random.default_rng(seed)
    issue = np.repeat(np.arange(DAY - 7 * weeks, DAY - 14), per_day)
    due = issue + 14
    paid = due + rng.integers(1, 21, len(due)) + days_off(due // 7)
    known = np.where(paid < DAY, paid, NEVER)
    count = len(due)
    never = np.full(count, NEVER)
    cohort = Cohort(
        key=pl.DataFrame({"invoice_id": np.arange(count).astype(str), "customer_id": "C"}),
        customer=np.arange(count),
        issue=issue,
        due=due,
        issued_known=issue,
        paid=known,
        paid_known=known,
        closed=never,
        closed_known=never,
        is_supplier_caused=np.zeros(count, dtype=np.bool_),
        amount=np.full(count, 100.0),
        currency=np.zeros(count, dtype=np.int64),
        feature_names=(),
        features=np.empty((count, 0), dtype=np.float32),
    )
    model = SimpleNamespace(survival=lambda rows: np.tile(CURVE, (len(rows), 1)))
    fitted = SimpleNamespace(candidates={"model": model}, tail_hazard=0.01)
    validation = SimpleNamespace(
        cohort=cohort,
        fold=np.zeros(count, dtype=np.int64),
        origins=(DAY - 7 * weeks,),
        fitted=(fitted,),
        predictions={},
    )
    choice = SimpleNamespace(speakers=("model",) * 4)
    settings = RiskSettings(forecast_draws=400)
    return SimpleNamespace(grid=GRID, fitted=fitted, validation=validation, choice=choice, settings=settings)


def width_of(speakers, day=DAY):
    return measure_width(speakers, day, Dependence(0.0, 0.0), ALL_WEEK, seed=1)


def test_a_band_that_held_what_arrived_stays_as_it_is():
    assert width_of(make_speakers(lambda week: 0 * week)) == pytest.approx(1.0, abs=0.25)


def test_forecasts_that_were_off_widen_the_band():
    def lurch(week):
        return np.where(week % 3 == 0, 6, -3)

    assert width_of(make_speakers(lurch, per_day=60)) > 1.8


def test_nothing_is_judged_without_weeks_that_are_over():
    assert width_of(make_speakers(lambda week: 6 + 0 * week, weeks=4)) == 1.0
    speakers = make_speakers(lambda week: 6 + 0 * week)
    speakers.validation = None
    assert width_of(speakers) == 1.0


def test_what_is_learned_on_the_day_or_later_does_not_matter():
    speakers = make_speakers(lambda week: np.where(week % 3 == 0, 6, -3))
    before = width_of(speakers, DAY - 14)
    cohort = speakers.validation.cohort
    late_news = cohort.paid_known >= DAY - 14
    cohort.paid[late_news] += 30
    cohort.paid_known[late_news] += 30
    assert width_of(speakers, DAY - 14) == before


def test_money_that_is_booked_days_after_it_came_counts_in_the_first_week():
    speakers = make_speakers(lambda week: 0 * week)
    cohort = speakers.validation.cohort
    # On a Monday the book holds open what the bank had by Friday.
    booked = np.where(cohort.paid < DAY - 4, cohort.paid + 4, NEVER)
    speakers.validation.cohort = replace(cohort, paid_known=booked)
    assert 1.0 <= width_of(speakers) < 50.0


def test_money_dated_before_the_monday_and_booked_after_it_counts_in_the_first_week():
    paid = np.array([DAY - 3, DAY, DAY + 6, DAY + 7, DAY + 2])
    is_paid = np.array([True, True, True, True, False])
    assert week_of_arrival(paid, is_paid, DAY).tolist() == [1, 1, 1, 2, 0]


def test_a_wider_band_keeps_mean_and_median_and_stays_within_what_is_owed():
    speakers = make_speakers(lambda week: 0 * week)
    book = speakers.validation.cohort.take(np.arange(40))
    curves = PaymentDistribution(GRID, np.tile(CURVE, (40, 1)), np.full(40, -1), 0.01, np.full(40, 180))
    paid = daily_paid_prob(curves, 28)[:, 6::7]

    def forecast(width):
        dependence = Dependence(0.3, 0.02)
        return forecast_inflow(
            paid,
            book.customer,
            book.amount,
            book.currency,
            dependence=dependence,
            draws=300,
            seed=2,
            width=width,
        )

    narrow, wide = forecast(1.0), forecast(2.0)
    assert np.array_equal(narrow[0], wide[0])
    assert np.array_equal(narrow[2], wide[2])
    assert (wide[1] <= narrow[1]).all()
    assert (wide[3] >= narrow[3]).all()
    assert (wide[3] - wide[0])[0, 0] == pytest.approx(2 * (narrow[3] - narrow[0])[0, 0])
    assert wide[1].min() >= 0.0
    assert forecast(50.0)[3].max() == pytest.approx(4000.0)
