"""The cash forecast adds up, and knows that customers pay several invoices at once."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from segmentation.domain.settings import RiskSettings
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.forecast import (
    Dependence,
    daily_paid_prob,
    estimate_dependence,
    find_payment_weekdays,
    forecast_cash,
    move_to_payment_days,
)
from segmentation.risk.grid import Grid

GRID = Grid.up_to(180)
SETTINGS = RiskSettings(forecast_days=30, forecast_draws=2000)


def spread_book(count):
    survival = np.clip((20.0 - GRID.ends) / 20.0, 0.0, 1.0)[None, :].repeat(count, axis=0)
    return PaymentDistribution(GRID, survival, np.full(count, -1), 0.01, np.full(count, 180))


def forecast(dependence, customers, count=60, weekdays=None, ledger=0.0):
    return forecast_cash(
        daily_paid_prob(spread_book(count), SETTINGS.forecast_days),
        np.arange(count) % customers,
        np.full(count, 100.0),
        ["EUR"] * (count // 2) + ["USD"] * (count - count // 2),
        as_of=date(2025, 1, 1),
        dependence=Dependence(dependence, ledger),
        settings=SETTINGS,
        seed=4,
        weekdays=weekdays,
    )


def test_everything_that_is_sure_to_come_is_in_the_mean():
    frame = forecast(0.3, 10)
    total = frame.group_by("currency").agg(pl.col("inflow_amount").sum().cast(pl.Float64)).sort("currency")
    assert total["inflow_amount"].to_list() == pytest.approx([3000.0, 3000.0], abs=1.0)
    assert frame.height == 2 * SETTINGS.forecast_days
    assert frame["forecast_date"].min() == date(2025, 1, 1)


def test_percentiles_are_ordered():
    frame = forecast(0.5, 5)
    assert (frame["inflow_p10_amount"] <= frame["inflow_p50_amount"]).all()
    assert (frame["inflow_p50_amount"] <= frame["inflow_p90_amount"]).all()


def test_customers_who_pay_everything_at_once_widen_the_band():
    def width(dependence):
        frame = forecast(dependence, 3)
        return float((frame["inflow_p90_amount"] - frame["inflow_p10_amount"]).cast(pl.Float64).sum())

    independent, together = forecast(0.0, 3), forecast(0.9, 3)
    first = pl.col("forecast_date") < date(2025, 1, 11)

    def later(frame):
        return float(frame.filter(first)["inflow_p50_amount"].cast(pl.Float64).sum())

    assert later(together) < later(independent)  # on most days nothing comes, on some days all of it


def test_the_same_seed_gives_the_same_forecast():
    assert forecast(0.3, 10).equals(forecast(0.3, 10))


def test_what_all_have_in_common_widens_the_band_of_the_whole():
    def width(ledger):
        frame = forecast(0.0, 60, ledger=ledger)
        first = frame.filter(pl.col("currency") == "EUR").head(10)
        return float((first["inflow_p90_amount"] - first["inflow_p10_amount"]).cast(pl.Float64).sum())

    assert width(0.3) > 1.1 * width(0.0)


def test_dependence_is_recovered_from_payments_that_move_together():
    from scipy.special import ndtr

    rng = np.random.default_rng(0)
    customer, week = np.repeat(np.arange(300), 10), rng.integers(0, 60, 3000)
    together = np.sqrt(0.4) * rng.standard_normal(300)[customer]
    weekly = np.sqrt(0.2) * rng.standard_normal(60)[week]
    own = rng.standard_normal(3000)
    found = estimate_dependence(customer, week, ndtr(together + weekly + np.sqrt(0.4) * own))
    assert found.customer == pytest.approx(0.4, abs=0.06)
    assert found.ledger == pytest.approx(0.2, abs=0.06)
    alone = estimate_dependence(customer, week, ndtr(own))
    assert max(alone.customer, alone.ledger) < 0.05
    assert estimate_dependence(customer[:20], week[:20], np.full(20, np.nan)) == Dependence()


MONDAY = date(2024, 1, 1)
OFFICE_DAYS = np.array([True] * 5 + [False] * 2)


def payments(days, amount=100):
    return pl.DataFrame(
        {"value_date": days, "amount": [Decimal(amount)] * len(days)},
        schema={"value_date": pl.Date, "amount": pl.Decimal(18, 3)},
    )


def weekday_payments(weeks, weekdays=range(5)):
    return [MONDAY + timedelta(days=7 * week + day) for week in range(weeks) for day in weekdays]


def test_weekdays_without_payments_are_learned_from_the_ledger():
    days = weekday_payments(40)
    as_of = date(2025, 1, 1)
    assert find_payment_weekdays(payments(days), as_of).tolist() == [True] * 5 + [False] * 2
    one_stray = [*days, MONDAY + timedelta(days=5)]
    assert find_payment_weekdays(payments(one_stray), as_of).tolist() == [True] * 5 + [False] * 2
    three = [*days, *(MONDAY + timedelta(days=5 + 7 * week) for week in range(3))]
    assert find_payment_weekdays(payments(three), as_of).tolist() == [True] * 6 + [False]


def test_few_payments_or_payments_that_are_not_known_yet_rule_no_weekday_out():
    days = weekday_payments(40)
    assert find_payment_weekdays(payments(days[:99]), date(2025, 1, 1)).all()
    assert find_payment_weekdays(payments(days), days[99]).all(), "only 99 lie before that day"
    assert not find_payment_weekdays(payments(days), days[100]).all()
    assert find_payment_weekdays(payments(days, amount=-100), date(2025, 1, 1)).all(), (
        "reversals are no inflow"
    )
    assert find_payment_weekdays(payments([]), date(2025, 1, 1)).all()


def test_what_falls_on_a_weekend_arrives_on_monday():
    # Friday to Tuesday: 10, 20, 30, 15 and 5 % would arrive.
    paid = np.cumsum([[0.10, 0.20, 0.30, 0.15, 0.05]], axis=1)
    moved = np.diff(move_to_payment_days(paid, date(2025, 1, 3), OFFICE_DAYS), prepend=0.0)
    assert moved[0].tolist() == pytest.approx([0.10, 0.0, 0.0, 0.65, 0.05])
    from_saturday = np.diff(move_to_payment_days(paid, date(2025, 1, 4), OFFICE_DAYS), prepend=0.0)
    assert from_saturday[0].tolist() == pytest.approx([0.0, 0.0, 0.60, 0.15, 0.05])


def test_no_inflow_on_days_without_payments_and_nothing_is_lost():
    every, office = forecast(0.3, 10), forecast(0.3, 10, weekdays=OFFICE_DAYS)
    weekend = office.filter(pl.col("forecast_date").dt.weekday() > 5)
    assert weekend.height
    for name in ("inflow_amount", "inflow_p10_amount", "inflow_p50_amount", "inflow_p90_amount"):
        assert (weekend[name] == 0).all(), name
    assert float(office["inflow_amount"].sum()) == pytest.approx(float(every["inflow_amount"].sum()), abs=1.0)
    monday = office.filter(pl.col("forecast_date") == date(2025, 1, 6), pl.col("currency") == "EUR")
    waited = every.filter(
        pl.col("forecast_date").is_between(date(2025, 1, 4), date(2025, 1, 6)), pl.col("currency") == "EUR"
    )
    assert float(monday["inflow_amount"][0]) == pytest.approx(float(waited["inflow_amount"].sum()), abs=0.05)
    assert office.equals(forecast(0.3, 10, weekdays=OFFICE_DAYS))
