"""The verb that hands decided steps over: every gate once more, on the ledger as it now is.

Belongs here: reading today's ledger, asking the feed and the gates, telling what may leave. Does not
belong here: the feed (publish.dunning_feed), the gates (treatment.recheck), sending.
"""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipelines.command_line.options import (
    DEFAULT_DATA_ROOT,
    DataRootOption,
    DecisionsOption,
    LedgerOption,
    MappingOption,
    SettingsOption,
)
from pipelines.command_line.output import remove_output, write_output
from pipelines.command_line.screen import open_screen
from segmentation.domain.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from segmentation.domain.settings import Settings

NowOption = Annotated[
    str,
    typer.Option(
        "--now", help="Moment with time zone at which the steps would be carried out. Default: now."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(feed)


def feed(
    ledger: LedgerOption,
    mapping: MappingOption,
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
    settings: SettingsOption = None,
    decisions: DecisionsOption = "",
    out: Annotated[
        Path | None, typer.Option(help="JSON-lines file for the steps that may be carried out.")
    ] = None,
    now: NowOption = "",
) -> None:
    """List the steps that people accepted, that have begun and that every gate still allows, on the ledger as it now is."""
    from segmentation.publish.dunning_feed import explain_silence, list_actionable_steps

    console = open_screen()
    if out:
        remove_output(out)  # whatever happens from here on, nobody reads yesterday's steps again
    moment = _read_moment(now)
    decided = list_actionable_steps(data_root, moment, decisions or None)
    has_begun = decided["window_start_at"].is_null() | (decided["window_start_at"] <= moment)
    steps, ahead = decided.filter(has_begun), decided.filter(~has_begun)
    if silence := explain_silence(data_root, moment):
        console.print(silence)
    else:
        steps = _hold_back(console, steps, ledger, mapping, data_root, settings, decisions, moment)
        _show_ahead(console, ahead)
    if out:
        write_output(out, steps.write_ndjson)


def _hold_back(
    console: Console,
    steps: "pl.DataFrame",
    ledger: Path,
    mapping: str,
    data_root: Path,
    settings: Path | None,
    decisions: str,
    moment: dt.datetime,
) -> "pl.DataFrame":
    """Return the steps that every gate still allows on a ledger that a run would take, and tell of the others."""
    from pipelines.command_line.reports import refuse_failed_checks
    from pipelines.settings_file import load_settings
    from segmentation.ledger.loading import load_ledger
    from segmentation.ledger.mapping_files import load_mapping
    from segmentation.ledger.shrinkage import read_account
    from segmentation.publish.decisions import DecisionStore
    from segmentation.treatment.recheck import recheck_recommendations

    chosen, source = load_settings(settings), load_mapping(mapping)
    _require_settings_of_run(chosen, data_root)
    previous = read_account(data_root)
    with console.status("Reading the ledger"):
        loaded = load_ledger(ledger, source, None, chosen.ledger, today=moment.date(), previous=previous)
    refuse_failed_checks(loaded.ledger["core_quality"])
    with DecisionStore(decisions) if decisions else DecisionStore.for_data_root(data_root) as kept:
        decided = kept.read_decisions()
    closed = recheck_recommendations(steps, loaded.ledger, decided, moment, chosen.treatment)
    allowed = steps.join(closed, on="recommendation_id", how="anti", maintain_order="left")
    _show(console, allowed, closed, steps)
    return allowed


def _require_settings_of_run(settings: "Settings", data_root: Path) -> None:
    from pipelines.settings_file import hash_settings
    from segmentation.publish.reader import open_current

    current = open_current(data_root)
    if current is not None and current.manifest.settings_hash != hash_settings(settings):
        raise UsageError(
            f"Snapshot {current.id} was made with other settings, so its gates would not be those of the run",
            where="--settings",
            remedy="Pass the settings file of the run; when the settings have changed, run again first.",
        )


def _read_moment(text: str) -> dt.datetime:
    if not text:
        return dt.datetime.now(dt.UTC)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no moment", where="--now", remedy="Write it as 2026-03-02T09:00+01:00."
        ) from error
    if moment.tzinfo is None:
        raise UsageError(
            f"{text!r} has no time zone", where="--now", remedy="Add one: 2026-03-02T09:00+01:00."
        )
    return moment.astimezone(dt.UTC)


def _show_ahead(console: Console, ahead: "pl.DataFrame") -> None:
    """Say how many steps are still to begin."""
    if not ahead.is_empty():
        first = ahead["window_start_at"].sort()[0]
        console.print(
            f"{ahead.height} more begin(s) later, the first at {first:%Y-%m-%d %H:%M} UTC: ask again then."
        )


def _show(console: Console, allowed: "pl.DataFrame", closed: "pl.DataFrame", steps: "pl.DataFrame") -> None:
    from pipelines.command_line.reports import words

    console.print(f"{allowed.height} of {steps.height} decided step(s) may be carried out now.")
    for row in allowed.iter_rows(named=True):
        by = f" by {words(row['channel'])}" if row["channel"] else ""
        blanks = row["message_missing"] or []
        lacks = f"; its message still lacks {', '.join(map(words, blanks))}" if blanks else ""
        console.print(f"  {row['customer_id']}: {words(row['action'])}{by}{lacks}")
    held = closed.join(steps.select("recommendation_id", "action"), on="recommendation_id", how="left")
    for row in held.unique(["recommendation_id", "gate"], maintain_order=True).iter_rows(named=True):
        console.print(
            f"  {row['customer_id']}: {words(row['action'])} is held back ({words(row['gate'])}). {row['detail']}",
        )
