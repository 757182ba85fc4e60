"""Charts of one customer: behaviour, expected payment dates, what happened.

Belongs here: what the customer page draws. Does not belong here: the whole book.
"""

from datetime import date

import plotly.graph_objects as go
import polars as pl

from dashboards import wording
from dashboards.charts.style import (
    AS_OF_LINE,
    BLUE,
    DAY_TICKS,
    GREEN,
    GREY,
    MONTH_TICKS,
    ORANGE,
    PURPLE,
    ROW_HEIGHT,
    SKY,
    VERMILION,
    lay_out,
)
from dashboards.formats import Formats

EVENT_MARKS = {
    "invoice": ("square", BLUE),
    "payment": ("circle", GREEN),
    "reversal": ("x", VERMILION),
    "credit_note": ("diamond", SKY),
    "write_off": ("diamond-open", GREY),
    "contact": ("triangle-up", ORANGE),
    "reply": ("triangle-down", PURPLE),
    "promise": ("star", PURPLE),
    "plan": ("star-open", PURPLE),
    "dispute": ("hexagon", VERMILION),
    "block": ("cross", GREY),
}


def draw_behaviour(segment: dict[str, float | None]) -> go.Figure:
    """Return two bars with their 90 % interval: how often late, and how sure that this is the rule.

    Parameters
    ----------
    segment : a row of out_customer_segments.
    """
    rows = [
        ("Usually late (probability)", "structural_prob", VERMILION),
        ("Instalments paid late (share)", "late_propensity", BLUE),
    ]
    rows = [row for row in rows if segment.get(row[1]) is not None]
    middle = [float(segment[name] or 0) for _, name, _ in rows]
    low = [_bound(segment, name, "p05", value) for (_, name, _), value in zip(rows, middle, strict=True)]
    high = [_bound(segment, name, "p95", value) for (_, name, _), value in zip(rows, middle, strict=True)]
    figure = go.Figure(
        go.Bar(
            y=[label for label, _, _ in rows],
            x=middle,
            orientation="h",
            marker_color=[colour for *_, colour in rows],
            width=0.45,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [top - value for top, value in zip(high, middle, strict=True)],
                "arrayminus": [value - bottom for bottom, value in zip(low, middle, strict=True)],
                "color": "#1c2733",
                "thickness": 2,
                "width": 7,
            },
            customdata=list(zip(low, high, strict=True)),
            hovertemplate="%{y}: %{x:.0%}<br>90 %% interval: %{customdata[0]:.0%} to %{customdata[1]:.0%}<extra></extra>",
        )
    )
    figure.update_xaxes(title="Share or probability, with 90 % interval", range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(autorange="reversed", title=None)
    return lay_out(figure, height=80 + 50 * max(1, len(rows)))


def _bound(row: dict[str, float | None], name: str, end: str, fallback: float) -> float:
    value = row.get(f"{name}_{end}")
    return fallback if value is None else float(value)


def draw_payment_dates(invoices: pl.DataFrame, as_of: date, formats: Formats) -> go.Figure:
    """Return when each open invoice is expected to be paid: a line for 8 cases in 10, a dot for the middle.

    Parameters
    ----------
    invoices : out_invoice_scores of one customer that have dates, in the order to show.
    as_of : today of the snapshot, drawn as a line.
    """
    names = invoices["invoice_id"].to_list()
    figure = go.Figure()
    figure.add_scatter(
        x=[
            day
            for low, high in invoices.select("payment_date_p10", "payment_date_p90").iter_rows()
            for day in (low, high, None)
        ],
        y=[name for invoice in names for name in (invoice, invoice, None)],
        mode="lines",
        line={"color": SKY, "width": 8},
        hoverinfo="skip",
        name="8 cases in 10",
    )
    figure.add_scatter(
        x=invoices["due_date"].to_list(),
        y=names,
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 14, "color": "#1c2733", "line": {"width": 2}},
        customdata=[[formats.day(day)] for day in invoices["due_date"].to_list()],
        hovertemplate="%{y}<br>Due %{customdata[0]}<extra></extra>",
        name="Due date",
    )
    figure.add_scatter(
        x=invoices["payment_date_p50"].to_list(),
        y=names,
        mode="markers",
        marker={"symbol": "circle", "size": 10, "color": BLUE},
        customdata=[
            [formats.day(middle), formats.day(low), formats.day(high)]
            for middle, low, high in invoices.select(
                "payment_date_p50", "payment_date_p10", "payment_date_p90"
            ).iter_rows()
        ],
        hovertemplate="%{y}<br>Middle estimate %{customdata[0]}<br>"
        "8 cases in 10: %{customdata[1]} to %{customdata[2]}<extra></extra>",
        name="Middle estimate",
    )
    figure.add_vline(x=as_of.isoformat(), line=AS_OF_LINE)
    figure.add_scatter(x=[None], y=[None], mode="lines", line=AS_OF_LINE, name="As-of day")
    figure.update_xaxes(title="Day of payment", type="date", tickformat=DAY_TICKS)
    figure.update_yaxes(title="Invoice", type="category", autorange="reversed")
    return lay_out(figure, height=130 + ROW_HEIGHT * max(1, len(names)), legend=True)


def draw_timeline(timeline: pl.DataFrame, formats: Formats) -> go.Figure:
    """Return what happened with a customer over time: one lane and one shape per kind of event.

    Parameters
    ----------
    timeline : out_timeline of one customer.
    """
    figure = go.Figure()
    kinds = [kind for kind in wording.EVENT_KINDS if kind in set(timeline["kind"].to_list())]
    kinds += [kind for kind in timeline["kind"].unique().sort().to_list() if kind not in kinds]
    for kind in kinds:
        rows = timeline.filter(pl.col("kind") == kind)
        symbol, colour = EVENT_MARKS.get(kind, ("circle-open", GREY))
        figure.add_scatter(
            x=rows["event_at"].to_list(),
            y=[wording.say(wording.EVENT_KINDS, kind)] * rows.height,
            mode="markers",
            marker={"symbol": symbol, "size": 11, "color": colour, "opacity": 0.75},
            customdata=[
                [formats.day(at.date()), text, f"<br>{formats.money(amount, currency)}" if amount else ""]
                for at, text, amount, currency in rows.select(
                    "event_at", "description", "amount", "currency"
                ).iter_rows()
            ],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}%{customdata[2]}<extra></extra>",
        )
    figure.update_xaxes(title="Day", type="date", tickformat=MONTH_TICKS)
    figure.update_yaxes(title=None, type="category", autorange="reversed")
    return lay_out(figure, height=90 + 34 * max(1, len(kinds)))
