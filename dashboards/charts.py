"""Charts: frame in, plotly figure out.

Belongs here: marks, axes with names and units, hover texts. Colours are those of Okabe and Ito
(2008) and never carry a meaning alone: shape, position or text says the same. Does not belong here:
Streamlit, reading, sentences around a chart.
"""

from datetime import date

import plotly.graph_objects as go
import polars as pl

from dashboards import wording
from dashboards.formats import Formats

BLUE, ORANGE, GREEN, VERMILION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PURPLE, SKY, GREY = "#cc79a7", "#56b4e9", "#6b7785"

SEGMENT_COLOURS = {
    "prompt": GREEN,
    "incidental": SKY,
    "structural": VERMILION,
    "undecided": ORANGE,
    "insufficient_history": GREY,
}
EVENT_MARKS = {
    "invoice": ("square", BLUE),
    "payment": ("circle", GREEN),
    "reversal": ("x", VERMILION),
    "credit_note": ("diamond", SKY),
    "contact": ("triangle-up", ORANGE),
    "reply": ("triangle-down", PURPLE),
    "promise": ("star", PURPLE),
    "dispute": ("hexagon", VERMILION),
    "block": ("cross", GREY),
}
VERDICT_MARKS = {
    "pass": ("circle", GREEN),
    "inconclusive": ("diamond", ORANGE),
    "block": ("x", VERMILION),
    "not_assessable": ("circle-open", GREY),
}
ROW_HEIGHT = 26
DAY_TICKS = "%-d %b\n%Y"
MONTH_TICKS = "%b\n%Y"
AS_OF_LINE = {"color": GREY, "dash": "dot", "width": 2}


def _lay_out(figure: go.Figure, *, height: int, legend: bool = False) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 28 if legend else 12, "b": 8},
        showlegend=legend,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None},
        hoverlabel={"align": "left"},
        bargap=0.3,
    )
    figure.update_xaxes(automargin=True, title_standoff=8)
    figure.update_yaxes(automargin=True, title_standoff=8)
    return figure


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
    return _lay_out(figure, height=320)


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
    return _lay_out(figure, height=340, legend=True)


def draw_segments(segments: pl.DataFrame, column: str, axis: str, labels: list[str]) -> go.Figure:
    """Return one bar per segment.

    Parameters
    ----------
    segments : columns ``segment`` and ``column``.
    column : what the length of the bar says.
    axis : name of that quantity with its unit.
    labels : text at the end of each bar.
    """
    names = segments["segment"].to_list()
    figure = go.Figure(
        go.Bar(
            y=[wording.say(wording.SEGMENTS, name) for name in names],
            x=segments[column].to_list(),
            orientation="h",
            marker_color=[SEGMENT_COLOURS.get(name, GREY) for name in names],
            text=labels,
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    largest = max([0.0, *(float(value) for value in segments[column].to_list())])
    figure.update_xaxes(title=axis, range=[0, largest * 1.25 or 1])
    figure.update_yaxes(autorange="reversed", title=None)
    return _lay_out(figure, height=90 + 40 * max(1, len(names)))


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
    return _lay_out(figure, height=80 + 50 * max(1, len(rows)))


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
    return _lay_out(figure, height=130 + ROW_HEIGHT * max(1, len(names)), legend=True)


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
    return _lay_out(figure, height=90 + 34 * max(1, len(kinds)))


def draw_groups(rates: pl.DataFrame, axis: str) -> go.Figure:
    """Return one dot with its 90 % interval per group; shape and text give the verdict.

    Parameters
    ----------
    rates : out_fairness rows of one metric and one attribute that have an estimate.
    axis : name of the rate.
    """
    figure = go.Figure()
    for verdict, (symbol, colour) in VERDICT_MARKS.items():
        rows = rates.filter(pl.col("verdict") == verdict)
        if rows.is_empty():
            continue
        estimate = rows["estimate"].to_list()
        figure.add_scatter(
            x=estimate,
            y=_name_groups(rows),
            mode="markers",
            name=wording.say(wording.VERDICTS, verdict),
            marker={"symbol": symbol, "size": 12, "color": colour},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": _distances(rows["estimate_high"].to_list(), estimate),
                "arrayminus": _distances(estimate, rows["estimate_low"].to_list()),
                "color": colour,
                "thickness": 2,
                "width": 6,
            },
            customdata=[[text] for text in rows["statement"].to_list()],
            hovertemplate="%{y}: %{x:.1%}<br>%{customdata[0]}<extra></extra>",
        )
    top = max([0.05, *(value for value in rates["estimate_high"].drop_nulls().to_list())])
    figure.update_xaxes(
        title=f"{axis}, with 90 % interval", tickformat=".0%", range=[0, min(1.02, top * 1.15)]
    )
    figure.update_yaxes(
        title=None,
        type="category",
        categoryorder="array",
        categoryarray=_name_groups(rates)[::-1],
    )
    return _lay_out(figure, height=110 + 38 * max(1, rates.height), legend=True)


def draw_tradeoff(tradeoff: pl.DataFrame) -> go.Figure:
    """Return the widest gap in false positives against the AUC, one mark per option of mitigation.

    Parameters
    ----------
    tradeoff : out_fairness_tradeoff.
    """
    figure = go.Figure()
    for row in tradeoff.sort("method", "strength").iter_rows(named=True):
        strength = f" {row['strength']:g}" if row["strength"] else ""
        name = f"{wording.say(wording.MITIGATIONS, row['method'])}{strength}"
        state = "in use" if row["is_chosen"] else "" if row["is_within_budget"] else "costs too much accuracy"
        figure.add_scatter(
            x=[row["auc"]],
            y=[row["worst_gap"]],
            mode="markers+text",
            text=[f"{name} – {state}" if state else name],
            textposition="top center",
            marker={
                "symbol": "star" if row["is_chosen"] else "circle",
                "size": 14 if row["is_chosen"] else 10,
                "color": BLUE if row["is_within_budget"] else GREY,
            },
            hovertemplate=f"{name}: gap %{{y:.1%}}, AUC %{{x:.4f}} ({row['worst_group']})<extra></extra>",
            showlegend=False,
        )
    figure.update_xaxes(title="Accuracy on later invoices (AUC)", tickformat=".3f")
    figure.update_yaxes(title="Widest gap in false positives", tickformat=".0%", rangemode="tozero")
    return _lay_out(figure, height=320)


def _name_groups(rates: pl.DataFrame) -> list[str]:
    return [
        f"{wording.describe_group(attribute, group)} (n = {count})"
        for attribute, group, count in rates.select("attribute", "group", "count").iter_rows()
    ]


def _distances(upper: list[float | None], lower: list[float | None]) -> list[float]:
    return [
        0.0 if high is None or low is None else max(0.0, high - low)
        for high, low in zip(upper, lower, strict=True)
    ]


def draw_models(comparison: pl.DataFrame, column: str, axis: str, digits: int = 3) -> go.Figure:
    """Return one bar per model on one measure; the model that speaks is filled, the others are hatched.

    Parameters
    ----------
    comparison : out_model_comparison over all depths.
    column : measure to show.
    axis : its name, unit and which direction is better.
    """
    rows = comparison.drop_nulls(column)
    speaks = rows["is_published"].to_list()
    figure = go.Figure(
        go.Bar(
            y=[
                wording.say(wording.MODELS, model) + (" – in use" if is_published else "")
                for model, is_published in rows.select("model", "is_published").iter_rows()
            ],
            x=rows[column].to_list(),
            orientation="h",
            marker={
                "color": [BLUE if used else "#c9d3dc" for used in speaks],
                "pattern": {"shape": ["" if used else "/" for used in speaks], "solidity": 0.15},
            },
            text=[f"{value:.{digits}f}" for value in rows[column].to_list()],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    largest = max([0.0, *rows[column].to_list()])
    figure.update_xaxes(title=axis, range=[0, largest * 1.2 or 1])
    figure.update_yaxes(title=None, autorange="reversed", type="category")
    return _lay_out(figure, height=80 + 34 * max(1, rows.height))


def draw_reliability(reliability: pl.DataFrame) -> go.Figure:
    """Return predicted against observed shares; on the dotted line, predictions came true as often as said.

    Parameters
    ----------
    reliability : out_reliability of one target, by bin.
    """
    largest = max([1, *reliability["invoice_count"].to_list()])
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": GREY, "dash": "dot"},
        name="Exactly as predicted",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=reliability["predicted_prob"].to_list(),
        y=reliability["observed_share"].to_list(),
        mode="lines+markers",
        line={"color": BLUE},
        marker={
            "size": [8 + 14 * (count / largest) ** 0.5 for count in reliability["invoice_count"].to_list()],
            "color": BLUE,
        },
        name="Test instalments (larger dot: more of them)",
        customdata=[[count] for count in reliability["invoice_count"].to_list()],
        hovertemplate="Predicted %{x:.0%}, observed %{y:.0%}<br>%{customdata[0]} instalments<extra></extra>",
    )
    figure.update_xaxes(title="Predicted probability of being late", tickformat=".0%", range=[-0.02, 1.02])
    figure.update_yaxes(title="Observed share late", tickformat=".0%", range=[-0.02, 1.02])
    return _lay_out(figure, height=380, legend=True)
