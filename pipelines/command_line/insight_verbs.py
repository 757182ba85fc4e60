"""Verbs that look into results and decide about them: explain, backtest, verify, approve, export."""

import datetime as dt
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pipelines.command_line.options import (
    DEFAULT_DATA_ROOT,
    DataRootOption,
    DecisionsOption,
    LedgerOption,
    MappingOption,
    SettingsOption,
)
from pipelines.command_line.output import explain_refusal, write_output, write_text
from pipelines.command_line.screen import open_screen
from pipelines.days import find_today, parse_day
from segmentation.domain.errors import UsageError


class ExportFormat(StrEnum):
    """Kinds of files that a snapshot can be exported to."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON_LINES = "jsonl"


SnapshotArgument = Annotated[str, typer.Argument(help="Snapshot id, or current for the one in force.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the command."""
    for verb in (explain, backtest, verify, approve, export):
        app.command()(verb)


def explain(
    customer: Annotated[str, typer.Argument(help="Customer id, as in the ledger.")],
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
    settings: SettingsOption = None,
) -> None:
    """Say in words why a customer has this segment and this step, and how every gate stands."""
    from pipelines.command_line.customer_report import show_customer
    from pipelines.settings_file import load_settings
    from segmentation.publish.reader import find_snapshot

    chosen = load_settings(settings).treatment
    show_customer(open_screen(), find_snapshot(data_root, "current"), customer, chosen)


def backtest(
    ledger: LedgerOption,
    mapping: MappingOption,
    start: Annotated[str, typer.Option("--from", help="First day of issue; models are frozen at its start.")],
    until: Annotated[str, typer.Option(help="Last day of issue.")],
    out: Annotated[Path | None, typer.Option(help="Parquet file for the predictions.")] = None,
    report_file: Annotated[
        Path | None,
        typer.Option("--json", help="JSON file for the report; its plots are written beside it as PNG."),
    ] = None,
    settings: SettingsOption = None,
) -> None:
    """Score past invoices as at issue, segment customers as on the first day, and compare with what happened."""
    from pipelines.command_line.reports import show_backtest
    from pipelines.command_line.segment_report import show_segment_backtest
    from pipelines.plots import save_backtest_plots
    from pipelines.settings_file import load_settings
    from segmentation.ledger.loading import load_ledger
    from segmentation.ledger.mapping_files import load_mapping
    from segmentation.risk.backtest import run_backtest
    from segmentation.segments.backtest import backtest_segments

    console = open_screen()
    first, last = parse_day(start, "--from"), parse_day(until, "--until")
    if last < first:
        raise UsageError(
            "The window ends before it starts", where="--until", remedy="Give --until on or after --from."
        )
    chosen = load_settings(settings)
    with console.status("Reading the ledger"):
        loaded = load_ledger(ledger, load_mapping(mapping), None, chosen.ledger, today=find_today())
    with console.status(f"Training on what was known before {first}, scoring invoices issued until {last}"):
        result = run_backtest(loaded.ledger, first, last, chosen.risk, chosen.seed)
    with console.status(f"Segmenting customers as of {first}"):
        segments = backtest_segments(loaded.ledger, first, last, chosen.segments, chosen.seed)
    if out:
        write_output(out, result.predictions.write_parquet)
    if report_file:
        text = json.dumps({**result.report, "segments": segments}, indent=2, default=str)
        write_text(report_file, text)
        with explain_refusal(report_file):
            save_backtest_plots(result.report, report_file)
    show_backtest(console, result.report)
    show_segment_backtest(console, segments)


def verify(snapshot: SnapshotArgument = "current", data_root: DataRootOption = DEFAULT_DATA_ROOT) -> None:
    """Check every file of a snapshot against its manifest and its contract."""
    from segmentation.publish.reader import find_snapshot
    from segmentation.publish.verification import verify_snapshot

    found = find_snapshot(data_root, snapshot)
    verify_snapshot(found.path)
    open_screen().print(
        Text("✓", "green"), f"{found.id}: every file is as it was published and keeps its contract."
    )


def approve(
    snapshot: Annotated[str, typer.Argument(help="Id of the blocked snapshot, as the blocked run names it.")],
    by: Annotated[str, typer.Option("--by", help="Your name: who decides.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the gap is justified.")],
    until: Annotated[str, typer.Option("--until", help="Last day YYYY-MM-DD on which it may be used.")],
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
    decisions: DecisionsOption = "",
) -> None:
    """Publish a snapshot that the bias gate blocked, on your decision; who, why and until when are recorded.

    The decisions store is the one that the run read.
    """
    from pipelines.approval import approve_candidate

    day, now = parse_day(until, "--until"), dt.datetime.now(dt.UTC)
    published = approve_candidate(
        data_root, snapshot, by=by, reason=reason, until=day, now=now, decisions_url=decisions
    )
    open_screen().print(
        f"{published.id} is published and in force until {published.manifest.valid_until}, approved by {by.strip()}."
    )


def export(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    file_format: Annotated[ExportFormat, typer.Option("--format", help="Kind of file.")] = ExportFormat.CSV,
    snapshot: SnapshotArgument = "current",
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
    *,
    names: Annotated[bool, typer.Option(help="Write customers' names too.")] = False,
) -> None:
    """Write the tables of a snapshot to files that other programs read."""
    from segmentation.publish.export import export_snapshot
    from segmentation.publish.reader import find_snapshot

    found = find_snapshot(data_root, snapshot)
    files = export_snapshot(found, out, file_format.value, with_names=names)
    open_screen().print(f"{len(files)} files of {found.id} written to {out}.")
