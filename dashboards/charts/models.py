"""Charts of the models: side by side, and said against observed.

Belongs here: what the runs page draws. Does not belong here: figures of a customer.
"""

import plotly.graph_objects as go
import polars as pl

from dashboards import wording
from dashboards.charts.style import BLUE, GREY, lay_out


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
    return lay_out(figure, height=80 + 34 * max(1, rows.height))


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
    return lay_out(figure, height=380, legend=True)
