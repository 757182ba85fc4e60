"""Small plots for the metadata of an asset, as images inside Markdown.

Belongs here: pictures that Dagster shows beside an asset. The dashboard draws its own.
"""

import base64
import io
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_counts(frame: pl.DataFrame, column: str, unit: str) -> dg.MarkdownMetadataValue:
    """Return a bar per value of ``column`` with its number of rows."""
    counts = frame.group_by(column).len().sort("len", column)
    figure = _new_figure(max(1.5, 0.35 * counts.height + 0.8))
    axes = figure.subplots()
    bars = axes.barh([str(value) for value in counts[column]], counts["len"].to_list(), color="#3b6ea5")
    axes.bar_label(bars, padding=3)
    axes.set_xlabel(f"number of {unit}")
    axes.set_ylabel(column.replace("_", " "))
    return _to_markdown(figure)


def plot_reliability(reliability: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Return predicted against observed share of late instalments, by bin of ``pred_reliability``."""
    figure = _new_figure(3.5)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linestyle="--", label="perfectly calibrated")
    axes.plot(
        reliability["predicted_prob"].to_list(),
        reliability["observed_share"].to_list(),
        marker="o",
        color="#3b6ea5",
        label="observed",
    )
    axes.set_xlabel("predicted probability of being late")
    axes.set_ylabel("observed share late")
    axes.legend()
    return _to_markdown(figure)


def _new_figure(height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(6, height), layout="constrained")


def _to_markdown(figure: "Figure") -> dg.MarkdownMetadataValue:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{encoded})")
