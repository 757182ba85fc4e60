"""What the command prints about the backtest of segments."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from pipelines.command_line.reports import figure_table, number, words

_FIGURES = {
    "gap": "gap",
    "spearman": "Spearman",
    "brier": "Brier",
    "ari": "ARI",
    "coverage_90": "90 %",
    "decided_share": "decided",
}


def show_segment_backtest(console: Console, report: Mapping[str, Any]) -> None:
    """Print later late shares by segment, and the figures beside those of simple groupings."""
    table = figure_table(
        "segment",
        "customers",
        "late before",
        "late after",
        title=f"Segments as of {report['start']}: {report['customer_count']:,} customers, judged on "
        f"{report['later_count']:,} instalments issued until {report['until']}",
    )
    for row in report["segments"]:
        table.add_row(
            words(row["segment"]),
            f"{row['customer_count']:,}",
            *(number(row[name], 2) for name in ("past_late_share", "later_late_share")),
        )
    console.print(table)
    figures = figure_table("grouping", *_FIGURES.values())
    for name, found in report["figures"].items():
        values = [found.get(figure) or _NOTHING for figure in _FIGURES]
        figures.add_row(words(name), *(number(value["value"], 3) for value in values))
        figures.add_row("  90 % from", *(number(value["low"], 3) for value in values), style="dim")
        figures.add_row("       to", *(number(value["high"], 3) for value in values), style="dim")
    console.print(figures)


_NOTHING = {"value": None, "low": None, "high": None}
