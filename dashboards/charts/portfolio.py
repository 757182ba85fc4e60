"""Charts of the whole book: money by age, money to come.

Belongs here: what the portfolio page draws of amounts. Does not belong here: segments, models.
"""

import plotly.graph_objects as go
import polars as pl

from dashboards.charts.style import BLUE, DAY_TICKS, GREEN, lay_out
from dashboards.formats import Formats


def draw_ageing(ageing: pl.DataFrame, currency: str, formats: Formats) -> go.Figure:
    """Return bars of the open amount by age.

    Parameters
    ----------
    ageing : columns ``bucket`` (in the order to show) and ``value``.
    currency : unit of the value.
    """
    values = ageing["value"].to_list()
    figure = go.Figure(
        go.Bar(
            x=ageing["bucket"].to_list(),
            y=values,
            marker_color=[GREEN if i == 0 else BLUE for i in range(len(values))],
            text=[formats.money_short(value, currency) for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x}: %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(title="Days past the due date", type="category")
    figure.update_yaxes(title=f"Open amount ({currency})", rangemode="tozero")
    return lay_out(figure, height=320)


def draw_cash_forecast(forecast: pl.DataFrame, currency: str, formats: Formats) -> go.Figure:
    """Return the expected inflow per day, with the band between its 10th and 90th percentile.

    Parameters
    ----------
    forecast : out_cash_forecast in one currency, by day.
    currency : unit of the amounts.

    Notes
    -----
    Days are not added up: percentiles of single days do not add to percentiles of their sum.
    """
    days = forecast["forecast_date"].to_list()
    low, high, mean = (
        forecast[name].cast(pl.Float64).to_list()
        for name in ("inflow_p10_amount", "inflow_p90_amount", "inflow_amount")
    )
    figure = go.Figure()
    figure.add_scatter(x=days, y=high, mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False)
    figure.add_scatter(
        x=days,
        y=low,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor="rgba(86, 180, 233, 0.35)",
        hoverinfo="skip",
        name="8 days in 10 (10th to 90th percentile)",
    )
    figure.add_scatter(
        x=days,
        y=mean,
        mode="lines+markers",
        line={"color": BLUE, "width": 2},
        marker={"size": 5},
        name="Expected on the day",
        customdata=[
            [
                formats.day(day),
                formats.money(value, currency),
                formats.money(bottom, currency),
                formats.money(top, currency),
            ]
            for day, value, bottom, top in zip(days, mean, low, high, strict=True)
        ],
        hovertemplate="%{customdata[0]}<br>Expected: %{customdata[1]}<br>"
        "Between %{customdata[2]} and %{customdata[3]}<extra></extra>",
    )
    figure.update_xaxes(title="Day", tickformat=DAY_TICKS)
    figure.update_yaxes(title=f"Money coming in per day ({currency})", rangemode="tozero")
    return lay_out(figure, height=340, legend=True)
