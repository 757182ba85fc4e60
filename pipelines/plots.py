"""Plots: small ones for the metadata of an asset, as images inside Markdown, and those of a backtest as files.

Belongs here: pictures for Dagster and for reports. The dashboard draws its own.
"""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    return _to_markdown(
        _draw_reliability(reliability["predicted_prob"].to_list(), reliability["observed_share"].to_list())
    )


def save_backtest_plots(report: Mapping[str, Any], path: Path) -> list[Path]:
    """Write the reliability plot and the gain curve of a backtest as PNG beside ``path``, and return where.

    Parameters
    ----------
    report : report of ``run_backtest``.
    path : file of the report; the plots add ``-reliability.png`` and ``-gain.png`` to its stem.
    """
    points = report["reliability"]
    figures = {
        "reliability": _draw_reliability(
            [point["predicted_prob"] for point in points], [point["observed_share"] for point in points]
        ),
        "gain": _draw_gain(report["gain"]),
    }
    written = []
    for name, figure in figures.items():
        target = path.with_name(f"{path.stem}-{name}.png")
        figure.savefig(target, format="png", dpi=120, metadata={"Software": None})
        written.append(target)
    return written


def _draw_reliability(predicted: list[float], observed: list[float]) -> "Figure":
    figure = _new_figure(3.5)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linestyle="--", label="perfectly calibrated")
    axes.plot(predicted, observed, marker="o", color="#3b6ea5", label="observed")
    axes.set_xlabel("predicted probability of being late")
    axes.set_ylabel("observed share late")
    axes.legend()
    return figure


def _draw_gain(gain: Mapping[str, list[Mapping[str, float]]]) -> "Figure":
    figure = _new_figure(3.5)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linestyle="--", label="at random")
    styles = {"published": ("#3b6ea5", 2.0), "past_late_rate": ("#c46a1b", 1.2)}
    for name, (colour, width) in styles.items():
        curve = gain[name]
        axes.plot(
            [point["instalment_share"] for point in curve],
            [point["late_share"] for point in curve],
            color=colour,
            linewidth=width,
            label=name.replace("_", " "),
        )
    axes.set_xlabel("share of instalments, most likely late first")
    axes.set_ylabel("share of the late ones found")
    axes.legend()
    return figure


def plot_tradeoff(tradeoff: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Return the widest gap in false positives against the AUC, by option of ``audit_tradeoff``."""
    figure = _new_figure(3.5)
    axes = figure.subplots()
    for row in tradeoff.iter_rows(named=True):
        colour = "#3b6ea5" if row["is_within_budget"] else "#999999"
        marker = "*" if row["is_chosen"] else "o"
        axes.plot(row["auc"], 100 * row["worst_gap"], marker, color=colour, markersize=9)
        axes.annotate(f"{row['method']} {row['strength']:g}", (row["auc"], 100 * row["worst_gap"]))
    axes.set_xlabel("AUC on later rows (star: used; grey: costs too much accuracy)")
    axes.set_ylabel("widest gap in false positives, points")
    return _to_markdown(figure)


def _new_figure(height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(6, height), layout="constrained")


def _to_markdown(figure: "Figure") -> dg.MarkdownMetadataValue:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{encoded})")
