"""What the command prints: tables and sentences made from published tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from segmentation.domain.errors import GateBlockedError

if TYPE_CHECKING:
    from pipelines.execution import Outcome

EXAMPLES_SHOWN = 3
PASSED = Text("✓", "green")
COLUMNS_CHECK = "source_columns_are_mapped_or_ignored"
FOLLOWING_RULE = "rest_of_row_refused"
LOAD_CHECK = "rows_in_equal_loaded_plus_quarantined"


def show_outcome(console: Console, outcome: "Outcome", seconds_by_stage: Mapping[str, float]) -> None:
    """Print the summary of a run: rows, models, segments, steps, bias verdict, snapshot, seconds."""
    snapshot = outcome.snapshot
    if outcome.is_unchanged:
        console.print(
            "Nothing changed: ledger, settings and decisions are those of ",
            Text(snapshot.id, "bold"),
            ", which stays current.",
            sep="",
        )
        return
    console.print()
    show_rows(console, outcome.quality)
    show_models(console, snapshot.read_table("out_model_comparison"))
    show_counts(console, "Segments", snapshot.read_table("out_customer_segments"), "segment")
    show_counts(console, "Recommendations", snapshot.read_table("out_recommendations"), "action")
    fairness = snapshot.manifest.fairness
    show_titled(console, "Bias verdict", f"{words(fairness.verdict)}. {fairness.statement}")
    total = sum(seconds_by_stage.values())
    stages = ", ".join(f"{stage.lower()} {seconds:.1f}" for stage, seconds in seconds_by_stage.items())
    show_titled(console, "Seconds", f"{total:.1f} in all ({stages})")
    show_titled(
        console, "Snapshot", f"{snapshot.id}, as of the start of {snapshot.as_of}, in {snapshot.path}"
    )


def show_titled(console: Console, title: str, text: str, *, style: str = "bold") -> None:
    """Print a line that begins with its title."""
    console.print(Text(f"{title}:", style), text)


def show_rows(console: Console, quality: pl.DataFrame) -> None:
    """Print rows in, loaded and quarantined, and every check that did not pass."""
    files = count_rows(quality)
    rows_in, loaded, quarantined = (
        int(files[name].sum()) for name in ("rows_in", "rows_loaded", "rows_quarantined")
    )
    show_titled(console, "Rows", f"{rows_in:,} in, {loaded:,} loaded, {quarantined:,} quarantined")
    for row in quality.filter(pl.col("verdict") != "pass").iter_rows(named=True):
        console.print(Text(f"  {row['verdict']}", "yellow"), f"{row['subject']}: {row['statement']}")


def show_quality(console: Console, quality: pl.DataFrame, quarantine: pl.DataFrame) -> None:
    """Print rows by file, the checks of the ledger, and by rule what was quarantined and how to repair it."""
    table = Table("file", "rows in", "loaded", "quarantined")
    for row in count_rows(quality).iter_rows(named=True):
        table.add_row(
            row["file"], *(f"{row[name]:,}" for name in ("rows_in", "rows_loaded", "rows_quarantined"))
        )
    console.print(table)
    is_mapped = (pl.col("check_name") == COLUMNS_CHECK) & (pl.col("verdict") == "pass")
    for row in quality.filter((pl.col("check_name") != LOAD_CHECK) & ~is_mapped).iter_rows(named=True):
        mark = {"pass": PASSED, "warn": Text("!", "yellow")}.get(row["verdict"], Text("✗", "red"))
        place = "" if row["statement"].startswith(row["subject"]) else f"{row['subject']}: "
        console.print(mark, f"{place}{row['statement']}")
    console.print(
        PASSED, f"every column of {quality.filter(is_mapped).height} file(s) is mapped or ignored on purpose"
    )
    # A row that fills several tables breaks a rule in each of them: it is one row to repair.
    places = ["source_file", "source_line", "rule", "column_name"]
    missed = quarantine.filter(
        pl.col("rule") != FOLLOWING_RULE, pl.col("is_corrected").ne_missing(other=True)
    )
    own_rules = missed.unique(places, keep="first", maintain_order=True)
    for (rule, remedy), rows in own_rules.group_by("rule", "remedy", maintain_order=True):
        count = rows.n_unique(["source_file", "source_line"])
        console.print()
        show_titled(console, words(str(rule)), f"{count:,} row{'s' if count > 1 else ''}. {remedy}")
        for row in rows.head(EXAMPLES_SHOWN).iter_rows(named=True):
            place = f"{row['source_file']}, line {row['source_line']}"
            console.print(f"  {place}, {row['column_name'] or 'whole row'}: {row['value'] or 'blank'!r}")


def refuse_failed_checks(quality: pl.DataFrame) -> None:
    """Raise GateBlockedError when figures of the ledger contradict each other, or the source's own lists."""
    failed = quality.filter(pl.col("verdict") == "fail")
    if not failed.is_empty():
        raise GateBlockedError(
            f"{failed.height} check(s) failed. "
            + " ".join(f"{text[:1].upper()}{text[1:]}." for text in failed["statement"]),
            remedy="Correct the source and export again: balances cannot be relied on until these agree.",
        )


def count_rows(quality: pl.DataFrame) -> pl.DataFrame:
    """Return rows in, loaded and quarantined by file; a row that fills several tables counts once."""
    return (
        quality.filter(pl.col("check_name") == LOAD_CHECK)
        .with_columns(file=pl.col("subject").str.split(" → ").list.first())
        .group_by("file")
        .agg(pl.max("rows_in", "rows_loaded", "rows_quarantined"))
        .sort("file")
    )


def show_models(console: Console, comparison: pl.DataFrame) -> None:
    """Print each model beside its baselines, the published one marked."""
    overall = comparison.filter(pl.col("depth") == "all")
    table = figure_table("model", "AUC late", "Brier late", "days off", "in 80 %", "")
    for row in overall.iter_rows(named=True):
        table.add_row(
            words(row["model"]),
            number(row["late_auc"], 3),
            number(row["late_brier"], 3),
            number(row["days_mae"], 1),
            number(row["coverage_80_share"], 2),
            "published" if row["is_published"] else "",
        )
    console.print(table)


def show_counts(console: Console, title: str, frame: pl.DataFrame, column: str) -> None:
    """Print the number of rows by value of ``column``, on one line."""
    counts = frame.group_by(column).len().sort("len", column, descending=[True, False])
    listed = ", ".join(f"{words(value)} {count:,}" for value, count in counts.iter_rows())
    show_titled(console, title, listed or "none")


def show_backtest(console: Console, report: Mapping[str, Any]) -> None:
    """Print the figures of a backtest as tables, the published one first, and its warnings."""
    console.print(
        f"Models were frozen at the start of {report['start']}, trained on {report['training_count']:,} instalments "
        f"({report['training_late_count']:,} late); {report['judged_count']:,} of {report['scored_count']:,} scored "
        f"instalments are judged."
    )
    for name, note in report["choice"].items():
        console.print(f"{name}: {note}", style="dim")
    for part, title in (("all", "All customers"), ("unseen_customers", "Customers not seen in training")):
        count = report["metrics"]["published"][part]["count"]
        table = figure_table("model", *_BACKTEST_FIGURES.values(), title=f"{title}: {count:,} instalments")
        for name, slices in report["metrics"].items():
            figures = [slices[part][figure] for figure in _BACKTEST_FIGURES]
            table.add_row(words(name), *(_show_value(figure["value"]) for figure in figures))
            if name == "published":
                table.add_row("  90 % from", *(_show_value(figure["low"]) for figure in figures), style="dim")
                table.add_row("       to", *(_show_value(figure["high"]) for figure in figures), style="dim")
        console.print(table)
    book, cash = report["open_book"], report["cash_forecast"]
    console.print(
        f"Open book on {book['mondays']} Mondays ({book['count']:,} rows): P(unpaid in 14 days) has AUC "
        f"{_show_interval(book['unpaid_14_auc'])}, calibration error {_show_interval(book['unpaid_14_ece'])}."
    )
    console.print(
        f"Weekly inflow: {number(cash['inside_band_share'], 2)} of {cash['count']} weeks inside the 80 % band, "
        f"off by {number(cash['error_share'], 2)} of the inflow."
    )
    for warning in report["warnings"]:
        show_titled(console, "Warning", warning, style="yellow")


_BACKTEST_FIGURES = {
    "late_auc": "AUC",
    "late_average_precision": "AP",
    "late_brier": "Brier",
    "late_log_loss": "loss",
    "late_ece": "ECE",
    "late_30_average_precision": "AP 30",
    "days_mae": "days",
    "coverage_80_share": "80 %",
    "width_80_days": "width",
}


def _show_value(value: float | None) -> str:
    return number(value, 1 if (value or 0) > 1 else 3)


def _show_interval(figure: Mapping[str, float | None]) -> str:
    """Return a figure and its 90 % interval."""
    return f"{_show_value(figure['value'])} ({_show_value(figure['low'])} to {_show_value(figure['high'])})"


def figure_table(name: str, *figures: str, title: str | None = None) -> Table:
    """Return a table of names and their figures, narrow enough that no figure is cut off in 80 columns."""
    return Table(
        Column(name, no_wrap=True),
        *(Column(figure, no_wrap=True, justify="right") for figure in figures),
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
    )


def words(code: str) -> str:
    """Return a code as words: ``cannot_pay`` reads ``cannot pay``."""
    return code.replace("_", " ")


def number(value: float | None, digits: int) -> str:
    """Return a number for people; a dash when there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"
