"""Portfolio: what is open, how old it is, when the money is expected, and who owes it."""

import json
from dataclasses import dataclass
from datetime import timedelta

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards import panels, rows, segment_panels, wording
from dashboards.charts.portfolio import draw_ageing, draw_cash_forecast
from dashboards.charts.segments import draw_segments

FORECAST_SUMS = (7, 14, 30)
TILES_IN_ROW = 5
TOTALS = 4
AGEING_SLICE = r"^(not_due|days_.*)$"


@dataclass(frozen=True)
class Tile:
    """A measure of the book: what it is called, and what it tells."""

    measure: str
    label: str
    meaning: str


TILES = (
    Tile("dso_days", "DSO", "Days sales outstanding: how many days of sales are waiting to be paid."),
    Tile("best_possible_dso_days", "Best possible DSO", "The DSO if everybody paid on the due date."),
    Tile(
        "average_days_delinquent",
        "Delinquent (ADD)",
        "DSO less best possible DSO: the part that is due to lateness.",
    ),
    Tile("cei_share", "Collected (CEI)", "Share of what could be collected that was collected (CEI)."),
    Tile("weighted_days_late", "Weighted days late", "Days beyond terms, each amount counting for its size."),
    Tile("promise_kept_share", "Promises kept", "Share of promises to pay that were kept."),
)


def draw(page: panels.Page) -> None:
    """Draw the portfolio of a snapshot in one currency."""
    portfolio = page.read("out_portfolio")
    scores = page.read("out_invoice_scores")
    forecast = page.read("out_cash_forecast")
    currencies = list(rows.currencies_of(scores, portfolio, forecast))
    if not currencies:
        note = page.snapshot.manifest.tables["out_portfolio"].note
        st.info(f"There is nothing open and nothing to measure. {note or ''}", icon=":material/info:")
        return
    currency = panels.choose_currency(currencies, "portfolio-currency") or currencies[0]
    tiles = [*st.columns(TILES_IN_ROW), *st.columns(TILES_IN_ROW)]
    _draw_totals(page, scores.filter(pl.col("currency") == currency), currency, tiles)
    _draw_measures(page, portfolio.filter(pl.col("currency") == currency), currency, tiles[TOTALS:])
    left, right = st.columns(2, gap="large")
    with left:
        _draw_ageing(page, portfolio.filter(pl.col("currency") == currency), currency)
    with right:
        _draw_forecast(page, forecast.filter(pl.col("currency") == currency), currency)
    _draw_at_risk(page, currency)
    _draw_segments(page, scores, currency)


def _draw_at_risk(page: panels.Page, currency: str) -> None:
    """Draw what late payment is expected to cost, in all and by customer."""
    risk = page.read_if_there("out_customer_risk")
    if risk is None:
        return
    own = risk.filter(pl.col("currency") == currency).with_columns(
        pl.col("expected_loss_amount", "expected_delay_cost_amount", "open_amount").cast(pl.Float64)
    )
    if own.is_empty() or own["expected_loss_amount"].is_null().all():
        return
    st.subheader("What late payment may cost", anchor=False)
    loss, delay = own["expected_loss_amount"].sum(), own["expected_delay_cost_amount"].sum()
    st.markdown(
        f"Expected loss **{page.formats.money_short(float(loss), currency)}**, expected cost of delay "
        f"**{page.formats.money_short(float(delay), currency)}**, with the assumptions in the settings of risk."
    )
    panels.draw_pages(
        own.sort("expected_loss_amount", "customer_id", descending=[True, False]),
        key="at-risk",
        empty="",
        columns={
            "customer_id": "Customer",
            "open_invoice_count": st.column_config.NumberColumn("Open invoices", format="localized"),
            "open_amount": st.column_config.NumberColumn("Open", format="accounting"),
            "expected_loss_amount": st.column_config.NumberColumn("Expected loss", format="accounting"),
            "expected_delay_cost_amount": st.column_config.NumberColumn("Cost of delay", format="accounting"),
        },
    )


def _draw_totals(page: panels.Page, scores: pl.DataFrame, currency: str, tiles: list[DeltaGenerator]) -> None:
    formats = page.formats
    open_amount = float(scores["open_amount"].cast(pl.Float64).sum())
    late = scores.filter(pl.col("days_late") > 0)
    late_amount = float(scores["overdue_amount"].cast(pl.Float64).sum())
    tiles[0].metric(
        "Open",
        formats.money_short(open_amount, currency),
        border=True,
        help=formats.money(open_amount, currency),
    )
    tiles[1].metric(
        "Of which late",
        formats.money_short(late_amount, currency),
        border=True,
        help=formats.money(late_amount, currency),
    )
    tiles[2].metric(
        "Late share of open",
        formats.share(late_amount / open_amount if open_amount else None, 1),
        border=True,
    )
    tiles[3].metric(
        "Late invoices", f"{formats.number(late.height)} of {formats.number(scores.height)}", border=True
    )


def _draw_measures(
    page: panels.Page, portfolio: pl.DataFrame, currency: str, columns: list[DeltaGenerator]
) -> None:
    whole = {row["measure"]: row for row in portfolio.filter(pl.col("slice") == "all").iter_rows(named=True)}
    present = [tile for tile in TILES if tile.measure in whole]
    for column, tile in zip(columns, present, strict=False):
        row = whole[tile.measure]
        column.metric(
            tile.label,
            _write_value(page, row["value"], row["unit"], currency),
            border=True,
            help=f"{tile.meaning}\n\n**Formula:** {row['formula']}\n\n{_write_inputs(row['inputs'])}",
        )
    if any(whole[tile.measure]["value"] is None for tile in present):
        st.caption(
            "A dash means that the ledger does not hold what the measure needs; the help of the tile names it."
        )


def _write_value(page: panels.Page, value: float | None, unit: str, currency: str) -> str:
    formats = page.formats
    if unit == "share":
        return formats.share(value, 1)
    if unit == "days":
        return formats.days(value, 1)
    if unit == "count":
        return formats.number(value)
    return formats.money_short(value, currency)


def _write_inputs(inputs: str) -> str:
    try:
        values = json.loads(inputs)
    except ValueError:
        return ""
    if not isinstance(values, dict) or not values:
        return ""
    return "**Inputs:** " + "; ".join(f"{name.replace('_', ' ')} = {value}" for name, value in values.items())


def _draw_ageing(page: panels.Page, portfolio: pl.DataFrame, currency: str) -> None:
    st.subheader("How old the open amount is", anchor=False)
    ageing = portfolio.filter(
        (pl.col("measure") == "ageing_amount") & pl.col("slice").str.contains(AGEING_SLICE)
    )
    if ageing.is_empty():
        st.caption("Nothing is open in this currency.")
        return
    ordered = ageing.with_columns(
        pl.col("slice").map_elements(_order_of_bucket, return_dtype=pl.Float64).alias("order"),
        pl.col("slice").map_elements(wording.describe_bucket, return_dtype=pl.String).alias("bucket"),
        pl.col("value").fill_null(0.0),
    ).sort("order")
    panels.draw_chart(
        draw_ageing(ordered, currency, page.formats),
        key="ageing",
        alt=f"Open amount in {currency} by days past the due date",
    )


def _order_of_bucket(bucket: str) -> float:
    digits = "".join(mark if mark.isdigit() else " " for mark in bucket).split()
    return float(digits[0]) if digits else -1.0


def _draw_forecast(page: panels.Page, forecast: pl.DataFrame, currency: str) -> None:
    st.subheader("Money expected from open invoices", anchor=False)
    if forecast.is_empty():
        note = page.snapshot.manifest.tables["out_cash_forecast"].note
        st.caption(note or "There is no forecast in this currency.")
        return
    ordered = forecast.sort("forecast_date")
    parts = []
    for days in FORECAST_SUMS:
        end = page.snapshot.as_of + timedelta(days=days)
        total = ordered.filter(pl.col("forecast_date") < end)["inflow_amount"].cast(pl.Float64).sum()
        parts.append(f"next {days} days **{page.formats.money_short(float(total), currency)}**")
    st.markdown("Expected in the " + ", ".join(parts) + ".")
    panels.draw_chart(
        draw_cash_forecast(ordered, currency, page.formats),
        key="forecast",
        alt=f"Expected inflow in {currency} per day with the band of 8 days in 10",
    )


def _draw_segments(page: panels.Page, scores: pl.DataFrame, currency: str) -> None:
    st.subheader("How customers pay", anchor=False)
    segments = page.read("out_customer_segments")
    if segments.is_empty():
        st.caption("No customer has been segmented yet.")
        return
    order = list(wording.SEGMENTS)
    summed = (
        rows.sum_segments(segments, scores, currency)
        .with_columns(
            pl.col("segment").replace_strict(order, list(range(len(order))), default=99).alias("order")
        )
        .sort("order")
    )
    formats = page.formats
    left, right = st.columns(2, gap="large")
    with left:
        panels.draw_chart(
            draw_segments(
                summed,
                "customer_count",
                "Customers",
                [formats.number(value) for value in summed["customer_count"]],
            ),
            key="segment-customers",
            alt="Number of customers by paying behaviour",
        )
    with right:
        panels.draw_chart(
            draw_segments(
                summed,
                "open_amount",
                f"Open amount ({currency})",
                [formats.money_short(value, currency) for value in summed["open_amount"]],
            ),
            key="segment-amounts",
            alt=f"Open amount in {currency} by paying behaviour",
        )
    segment_panels.draw_definitions(page)
    segment_panels.draw_migrations(page)
    segment_panels.draw_turning(page)


panels.guard(draw, panels.open_page("Portfolio"))
