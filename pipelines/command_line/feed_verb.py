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
from pipelines.command_line.output import write_output
from segmentation.domain.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

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
    """List the steps that people accepted and that every gate still allows, on the ledger as it now is."""
    from pipelines.settings_file import load_settings
    from segmentation.ledger.loading import load_ledger
    from segmentation.ledger.mapping_files import load_mapping
    from segmentation.publish.decisions import DecisionStore
    from segmentation.publish.dunning_feed import explain_silence, list_actionable_steps
    from segmentation.treatment.recheck import recheck_recommendations

    console = Console()
    moment = _read_moment(now)
    store = decisions or None
    if silence := explain_silence(data_root, moment):
        console.print(silence)
        return
    steps = list_actionable_steps(data_root, moment, store)
    chosen = load_settings(settings)
    with console.status("Reading the ledger"):
        loaded = load_ledger(ledger, load_mapping(mapping), None, chosen.ledger)
    with DecisionStore(store) if store else DecisionStore.for_data_root(data_root) as kept:
        decided = kept.read_decisions()
    closed = recheck_recommendations(steps, loaded.ledger, decided, moment, chosen.treatment)
    allowed = steps.join(closed, on="recommendation_id", how="anti", maintain_order="left")
    _show(console, allowed, closed, steps)
    if out:
        write_output(out, allowed.write_ndjson)


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
    return moment


def _show(console: Console, allowed: "pl.DataFrame", closed: "pl.DataFrame", steps: "pl.DataFrame") -> None:
    from pipelines.command_line.reports import words

    console.print(f"{allowed.height} of {steps.height} decided step(s) may be carried out now.")
    for row in allowed.iter_rows(named=True):
        by = f" by {words(row['channel'])}" if row["channel"] else ""
        blanks = row["message_missing"] or []
        lacks = f"; its message still lacks {', '.join(map(words, blanks))}" if blanks else ""
        console.print(f"  {row['customer_id']}: {words(row['action'])}{by}{lacks}", markup=False)
    held = closed.join(steps.select("recommendation_id", "action"), on="recommendation_id", how="left")
    for row in held.unique(["recommendation_id", "gate"], maintain_order=True).iter_rows(named=True):
        console.print(
            f"  {row['customer_id']}: {words(row['action'])} is held back ({words(row['gate'])}). {row['detail']}",
            markup=False,
        )
