"""The cash forecast adds up, and knows that customers pay several invoices at once."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from segmentation.domain.settings import RiskSettings
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.forecast import estimate_dependence, forecast_cash
from segmentation.risk.grid import Grid

GRID = Grid.up_to(180)
SETTINGS = RiskSettings(forecast_days=30, forecast_draws=2000)


def spread_book(count):
    survival = np.clip((20.0 - GRID.ends) / 20.0, 0.0, 1.0)[None, :].repeat(count, axis=0)
    return PaymentDistribution(GRID, survival, np.full(count, -1), 0.01, np.full(count, 180))


def forecast(dependence, customers, count=60):
    return forecast_cash(
        spread_book(count),
        np.arange(count) % customers,
        np.full(count, 100.0),
        ["EUR"] * (count // 2) + ["USD"] * (count - count // 2),
        as_of=date(2025, 1, 1),
        dependence=dependence,
        settings=SETTINGS,
        seed=4,
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


def test_dependence_is_recovered_from_payments_that_move_together():
    from scipy.special import ndtr

    rng = np.random.default_rng(0)
    customer = np.repeat(np.arange(300), 10)
    level = np.sqrt(0.4) * rng.standard_normal(300)[customer] + np.sqrt(0.6) * rng.standard_normal(3000)
    assert estimate_dependence(customer, ndtr(level)) == pytest.approx(0.4, abs=0.05)
    assert estimate_dependence(customer, ndtr(rng.standard_normal(3000))) < 0.05
    assert estimate_dependence(customer[:20], np.full(20, np.nan)) == 0.3
