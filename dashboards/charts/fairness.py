"""Charts of the bias gate: rates by group, and what mitigation costs.

Belongs here: what the bias page draws. Does not belong here: verdicts.
"""

import plotly.graph_objects as go
import polars as pl

from dashboards import wording
from dashboards.charts.style import BLUE, GREEN, GREY, ORANGE, VERMILION, lay_out

VERDICT_MARKS = {
    "pass": ("circle", GREEN),
    "inconclusive": ("diamond", ORANGE),
    "block": ("x", VERMILION),
    "not_assessable": ("circle-open", GREY),
}


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
    return lay_out(figure, height=110 + 38 * max(1, rates.height), legend=True)


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
    return lay_out(figure, height=320)


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
