"""Verbs that read a ledger: demo, run, check, simulate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.command_line.options import (
    DEFAULT_DATA_ROOT,
    AcceptSmallerOption,
    AsOfOption,
    DataRootOption,
    DecisionsOption,
    LedgerOption,
    MappingOption,
    PortOption,
    SettingsOption,
)
from pipelines.command_line.screen import open_screen
from pipelines.days import find_today
from segmentation.domain.errors import InputRefusedError, UsageError

if TYPE_CHECKING:
    from segmentation.publish.reader import Snapshot
    from segmentation.simulator.settings import InjectedBias


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the command."""
    for verb in (demo, run, check, simulate):
        app.command()(verb)


def demo(
    *,
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the dashboard at the end.")] = True,
    port: PortOption = 8501,
) -> None:
    """Run the whole journey on the sample ledger, then serve the dashboard."""
    from pipelines.command_line.service_verbs import serve_dashboard
    from pipelines.definitions import SAMPLE_LEDGER

    snapshot = _run(SAMPLE_LEDGER, "canonical", "", data_root, SAMPLE_LEDGER / "settings.yaml", "")
    if serve:
        # The sample does not age: its steps are looked at on the day that they are for.
        serve_dashboard(data_root, "", port, today=snapshot.as_of)


def run(
    ledger: LedgerOption,
    mapping: MappingOption,
    as_of: AsOfOption = "",
    data_root: DataRootOption = DEFAULT_DATA_ROOT,
    settings: SettingsOption = None,
    decisions: DecisionsOption = "",
    *,
    accept_smaller: AcceptSmallerOption = False,
) -> None:
    """Turn a ledger into a published snapshot: load, score, segment, recommend, check bias, publish."""
    _run(ledger, mapping, as_of, data_root, settings, decisions, accept_smaller=accept_smaller)


def check(
    ledger: LedgerOption,
    mapping: MappingOption,
    as_of: AsOfOption = "",
    settings: SettingsOption = None,
) -> None:
    """Read a ledger and report rows in, loaded and quarantined, with remedies, without loading it."""
    from pipelines.command_line.reports import refuse_failed_checks, show_quality
    from pipelines.resources import parse_as_of
    from pipelines.settings_file import load_settings
    from segmentation.ledger.loading import load_ledger
    from segmentation.ledger.mapping_files import load_mapping

    source, day, wanted = load_mapping(mapping), parse_as_of(as_of), load_settings(settings).ledger
    refusal, today = None, find_today()
    try:
        loaded = load_ledger(ledger, source, day, wanted, today=today)
    except InputRefusedError as error:
        # What a delivery was refused for is what its report is needed for most.
        refusal = error
        lenient = wanted.model_copy(update={"max_quarantined_share": 1.0})
        loaded = load_ledger(ledger, source, day, lenient, today=today)
    console = open_screen()
    console.print(f"As of the start of {loaded.as_of}:")
    quality = loaded.ledger["core_quality"]
    show_quality(console, quality, loaded.ledger["core_quarantine"])
    if refusal is not None:
        raise refusal
    refuse_failed_checks(quality)


def simulate(
    customers: Annotated[int, typer.Option(min=1, help="Number of customers.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; truth/ in it holds what was planted.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = 1,
    drift: Annotated[float, typer.Option(help="Change of lateness over the span, in log-odds.")] = 0.0,
    *,
    homogeneous: Annotated[bool, typer.Option("--homogeneous", help="All customers are alike.")] = False,
    contacts: Annotated[bool, typer.Option(help="Whether anybody was ever contacted.")] = True,
    bias: Annotated[
        str,
        typer.Option(
            help="Treat a group worse, as KIND:ATTRIBUTE=GROUP[:STRENGTH]; kinds: labels, proxies, "
            "contact_access. Example: labels:sex=F:0.5"
        ),
    ] = "",
) -> None:
    """Write a simulated ledger in the canonical format, with its planted truth beside it."""
    from segmentation.simulator.world import WorldSettings, simulate_world
    from segmentation.simulator.writing import write_world

    settings = WorldSettings(
        customer_count=customers,
        seed=seed,
        drift=drift,
        homogeneous=homogeneous,
        with_contacts=contacts,
        injected_bias=parse_bias(bias),
    )
    world = simulate_world(settings)
    write_world(world, out)
    console = open_screen()
    for name, frame in world.ledger.items():
        console.print(f"{name + '.csv':<26}{frame.height:>10,} rows")
    console.print(f"Written to {out}. Run it: segmentation run --ledger {out} --mapping canonical")


def parse_bias(text: str) -> "InjectedBias | None":
    """Return the bias written as ``KIND:ATTRIBUTE=GROUP[:STRENGTH]``; None when ``text`` is empty.

    Raises
    ------
    UsageError
        When the text has another form or names an unknown kind or attribute.
    """
    from pydantic import ValidationError

    from segmentation.simulator.settings import InjectedBias

    if not text:
        return None
    kind, _, rest = text.partition(":")
    target, _, strength = rest.partition(":")
    attribute, _, group = target.partition("=")
    try:
        return InjectedBias.model_validate(
            {
                "kind": kind,
                "attribute": attribute,
                "group": group,
                **({"strength": strength} if strength else {}),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{text!r} is not a bias: {first['msg']}",
            where="--bias",
            remedy="Write KIND:ATTRIBUTE=GROUP[:STRENGTH], for example labels:sex=F:0.5.",
        ) from error


def _run(
    ledger: Path,
    mapping: str,
    as_of: str,
    data_root: Path,
    settings: Path | None,
    decisions: str,
    *,
    accept_smaller: bool = False,
) -> "Snapshot":
    from pipelines.command_line.progress import ProgressLines
    from pipelines.command_line.reports import show_outcome

    console = open_screen()
    with ProgressLines(console) as progress:
        # Dagster takes most of a second to import: say what happens first.
        progress.begin(f"Reading {ledger} with mapping {mapping}")
        from pipelines.execution import run_pipeline
        from pipelines.resources import Run

        request = Run(
            ledger=str(ledger),
            mapping=mapping,
            as_of=as_of,
            data_root=str(data_root),
            settings_file=str(settings or ""),
            decisions_url=decisions,
            accept_smaller=accept_smaller,
        )
        try:
            outcome = run_pipeline(request)
        except KeyboardInterrupt as error:
            console.print("Stopped. The last published snapshot is still current.")
            raise typer.Exit(130) from error
    show_outcome(console, outcome, progress.seconds_by_stage)
    return outcome.snapshot
