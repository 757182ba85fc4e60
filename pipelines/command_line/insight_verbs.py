"""Verbs that look into results: explain, backtest, verify, export."""

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipelines.command_line.options import DataRootOption, LedgerOption, MappingOption, SettingsOption
from segmentation.domain.errors import UsageError

if TYPE_CHECKING:
    from segmentation.publish.reader import Snapshot

DEFAULT_DATA_ROOT = Path("data")

SnapshotArgument = Annotated[str, typer.Argument(help="Snapshot id; default: the current one.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the command."""
    for verb in (explain, backtest, verify, export):
        app.command()(verb)


def explain(
    customer: Annotated[str, typer.Argument(help="Customer id, as in the ledger.")],
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
) -> None:
    """Say in words why a customer has this segment and this step, and how every gate stands."""
    from pipelines.command_line.reports import show_customer

    show_customer(Console(), find_snapshot(data_root, ""), customer)


def backtest(
    ledger: LedgerOption,
    mapping: MappingOption,
    start: Annotated[str, typer.Option("--from", help="First day of issue; models are frozen at its start.")],
    until: Annotated[str, typer.Option(help="Last day of issue.")],
    out: Annotated[Path | None, typer.Option(help="Parquet file for the predictions.")] = None,
    report_file: Annotated[Path | None, typer.Option("--json", help="JSON file for the report.")] = None,
    settings: SettingsOption = None,
) -> None:
    """Score past invoices as they would have been scored at issue, and compare with what happened."""
    from pipelines.command_line.reports import show_backtest
    from pipelines.settings_file import load_settings
    from segmentation.ledger.loading import load_ledger
    from segmentation.ledger.mapping import load_mapping
    from segmentation.risk.backtest import run_backtest

    console = Console()
    first, last = _day(start, "--from"), _day(until, "--until")
    if last < first:
        raise UsageError(
            "The window ends before it starts", where="--until", remedy="Give --until on or after --from."
        )
    chosen = load_settings(settings)
    with console.status("Reading the ledger"):
        loaded = load_ledger(ledger, load_mapping(mapping), None, chosen.ledger)
    with console.status(f"Training on what was known before {first}, scoring invoices issued until {last}"):
        result = run_backtest(loaded.ledger, first, last, chosen.risk, chosen.seed)
    if out:
        _write(out, result.predictions.write_parquet)
    if report_file:
        text = json.dumps(result.report, indent=2, default=str)
        _write(report_file, lambda path: path.write_text(text + "\n", encoding="utf-8"))
    show_backtest(console, result.report)


def verify(snapshot: SnapshotArgument = "", data_root: DataRootOption = DEFAULT_DATA_ROOT) -> None:
    """Check every file of a snapshot against its manifest and its contract."""
    from segmentation.publish.verification import verify_snapshot

    found = find_snapshot(data_root, snapshot)
    verify_snapshot(found.path)
    Console().print(f"[green]✓[/green] {found.id}: every file is as it was published and keeps its contract.")


def export(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    file_format: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    snapshot: SnapshotArgument = "",
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
) -> None:
    """Write the tables of a snapshot to files that other programs read."""
    from segmentation.publish.export import export_snapshot

    if file_format not in {"csv", "parquet"}:
        raise UsageError(
            f"{file_format!r} is not a known format", where="--format", remedy="Use csv or parquet."
        )
    found = find_snapshot(data_root, snapshot)
    files = export_snapshot(found, out, file_format)
    Console().print(f"{len(files)} files of {found.id} written to {out}.")


def find_snapshot(data_root: Path, snapshot_id: str) -> "Snapshot":
    """Return the current snapshot, or the one of that id; UsageError when there is none."""
    from segmentation.publish.reader import list_snapshots, open_current

    if not snapshot_id:
        current = open_current(data_root)
        if current is None:
            raise UsageError(
                "Nothing has been published yet",
                where=str(data_root),
                remedy="Run segmentation demo, or segmentation run --ledger PATH --mapping NAME.",
            )
        return current
    for snapshot in list_snapshots(data_root):
        if snapshot.id == snapshot_id:
            return snapshot
    known = ", ".join(snapshot.id for snapshot in list_snapshots(data_root)) or "none"
    raise UsageError(
        f"There is no snapshot {snapshot_id}", where=str(data_root), remedy=f"Published: {known}."
    )


def _day(text: str, option: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a date", where=option, remedy="Write it as YYYY-MM-DD.") from error


def _write(path: Path, writer: "object") -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(path)  # type: ignore[operator]
    except OSError as error:
        raise UsageError(
            f"The file cannot be written: {error.strerror}", where=str(path), remedy="Choose another path."
        ) from error
