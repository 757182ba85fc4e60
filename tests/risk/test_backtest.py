"""The backtest scores each instalment once, with a model that knows nothing after its first day."""

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segmentation.domain.errors import UsageError
from segmentation.risk.backtest import PUBLISHED, run_backtest

START, UNTIL = date(2024, 10, 1), date(2024, 11, 15)


@pytest.fixture(scope="module")
def later_ledger(invoices, build_ledger):
    return build_ledger(invoices, date(2025, 6, 1))


@pytest.fixture(scope="module")
def backtest(later_ledger, quick):
    return run_backtest(later_ledger, START, UNTIL, quick, 1)


def test_every_instalment_of_the_window_is_scored_once_by_every_model(backtest, invoices):
    window = invoices.filter(pl.col("issue_date").is_between(START, UNTIL))
    for _, table in backtest.predictions.group_by("model"):
        assert table["invoice_id"].sort().to_list() == window["invoice_id"].sort().to_list()
    first = backtest.predictions.filter(pl.col("model") == PUBLISHED).join(window, on="invoice_id")
    assert (first["scored_at"] == first["issue_date"]).all()
    assert {"lightgbm_hazard", "logistic_hazard", "past_late_rate", "customer_median", "prevalence"} <= set(
        backtest.predictions["model"]
    )


def test_predictions_are_coherent_and_better_than_the_late_rate_of_all(backtest):
    frame = backtest.predictions
    assert (frame["late_30_prob"] <= frame["late_prob"]).all()
    assert (frame["payment_date_p10"] <= frame["payment_date_p50"]).all()
    assert (frame["payment_date_p50"] <= frame["payment_date_p90"]).all()
    assert (frame["payment_date_p10"] >= frame["scored_at"]).all()
    metrics = backtest.report["metrics"]
    assert (
        metrics[PUBLISHED]["all"]["late_brier"]["value"] < metrics["prevalence"]["all"]["late_brier"]["value"]
    )
    assert metrics[PUBLISHED]["all"]["late_auc"]["value"] > 0.8


def test_the_report_is_json_with_intervals_around_their_values(backtest):
    report = json.loads(json.dumps(backtest.report))
    for name, figure in report["metrics"][PUBLISHED]["all"].items():
        if isinstance(figure, dict) and figure["value"] is not None and name != "late_ece":
            assert figure["low"] <= figure["value"] <= figure["high"], name
    assert report["warnings"] == []
    assert report["judged_count"] == report["scored_count"]


def test_reported_metrics_follow_from_the_predictions(backtest, invoices):
    joined = backtest.predictions.filter(pl.col("model") == PUBLISHED).join(
        invoices.select("invoice_id", "paid_date"), on="invoice_id"
    )
    late = (joined["paid_date"] > joined["due_date"]).cast(pl.Float64).to_numpy()
    brier = float(np.mean((joined["late_prob"].to_numpy() - late) ** 2))
    error = (joined["paid_date"] - joined["payment_date_p50"]).dt.total_days().abs().mean()
    figures = backtest.report["metrics"][PUBLISHED]["all"]
    assert figures["late_brier"]["value"] == pytest.approx(brier)
    assert figures["days_mae"]["value"] == pytest.approx(error)


def test_payments_after_the_window_change_no_prediction(invoices, build_ledger, backtest, quick):
    moved = invoices.with_columns(
        paid_date=pl.when(pl.col("paid_date") > UNTIL)
        .then(pl.col("paid_date") + timedelta(days=40))
        .otherwise("paid_date")
    )
    again = run_backtest(build_ledger(moved, date(2025, 6, 1)), START, UNTIL, quick, 1)
    assert_frame_equal(again.predictions, backtest.predictions)
    book = backtest.open_book.select("invoice_id", "scored_at", "unpaid_14_prob")
    assert_frame_equal(again.open_book.select(book.columns), book)


def test_the_open_book_is_that_of_each_monday(backtest, invoices):
    assert all(day.weekday() == 0 for day in backtest.open_book["scored_at"].unique())
    monday = backtest.open_book["scored_at"].max()
    open_ = invoices.filter((pl.col("issue_date") < monday) & (pl.col("paid_date") >= monday))
    scored = backtest.open_book.filter(pl.col("scored_at") == monday)
    assert scored["invoice_id"].sort().to_list() == open_["invoice_id"].sort().to_list()
    truth = scored.join(open_, on="invoice_id")
    unpaid = truth["paid_date"] >= monday + timedelta(days=14)
    assert (truth["is_unpaid_14"] == unpaid).all()
    assert backtest.report["open_book"]["unpaid_14_auc"]["value"] > 0.75


def test_an_empty_window_is_refused_in_words(later_ledger, quick):
    with pytest.raises(UsageError, match="No instalment was issued"):
        run_backtest(later_ledger, date(2030, 1, 1), date(2030, 2, 1), quick, 1)


def test_curves_for_plots_follow_from_the_predictions(backtest):
    judged = backtest.report["judged_count"]
    assert sum(point["count"] for point in backtest.report["reliability"]) == judged
    gain = backtest.report["gain"]
    for curve in gain.values():
        assert (curve[0]["late_share"], curve[-1]["late_share"]) == (0.0, 1.0)
    found = {name: curve[10]["late_share"] for name, curve in gain.items()}
    assert found[PUBLISHED] > found["prevalence"] + 0.2


def test_the_inflow_of_weeks_is_what_the_open_book_brought_in(backtest, invoices):
    weeks = backtest.inflow
    assert weeks["made_date"].n_unique() == backtest.report["open_book"]["mondays"]
    assert (weeks["inflow_p10_amount"] <= weeks["inflow_p90_amount"]).all()
    monday = weeks["made_date"].min()
    for week in (1, 2):
        first = monday + timedelta(days=7 * (week - 1))
        paid = invoices.filter(
            (pl.col("issue_date") < monday) & pl.col("paid_date").is_between(first, first + timedelta(days=6))
        )
        row = weeks.filter((pl.col("made_date") == monday) & (pl.col("week") == week))
        assert row["actual_amount"][0] == pytest.approx(paid["amount"].sum())
    report = backtest.report["cash_forecast"]
    assert report["count"] == weeks.height == 24
    assert 0.6 < report["inside_band_share"] <= 1.0
    assert len(report["by_weeks_ahead"]) == 4
    total = weeks.filter(pl.col("week") == 1)
    assert total["inflow_amount"].sum() == pytest.approx(total["actual_amount"].sum(), rel=0.35)
