"""Verbs that measure the product's methods where the truth is known: evaluate risk, segments, fairness and treatment.

Belongs here: one verb for each battery, its report on the screen and as JSON. Does not belong here:
the batteries (their rooms).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from pipelines.command_line.options import AsOfOption, LedgerOption, MappingOption, SettingsOption
from pipelines.command_line.output import write_text
from pipelines.command_line.screen import open_screen
from pipelines.days import find_today

ReportOption: TypeAlias = Annotated[
    Path | None, typer.Option("--json", help="JSON file for the report, with seeds and intervals.")
]
SeedOption: TypeAlias = Annotated[int, typer.Option(min=0, help="The same seed gives the same report.")]

evaluate = typer.Typer(
    name="evaluate", help="Measure the methods in simulation, where the truth is known.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the command."""
    app.add_typer(evaluate)


@evaluate.command()
def fairness(report_file: ReportOption = None, seed: SeedOption = 1) -> None:
    """Measure the bias gate (false alarms, 26 weekly runs, planted gaps) and what mitigation achieves."""
    from segmentation.fairness.battery import evaluate_gate
    from segmentation.fairness.mitigation_battery import evaluate_mitigation

    report = evaluate_gate(seed=seed) | {"mitigation": evaluate_mitigation(seed=seed)}
    finish_report(report, report_file)


@evaluate.command()
def treatment(report_file: ReportOption = None, seed: SeedOption = 1) -> None:
    """Measure what the response model brings beside the best possible, and estimates of policies never tried."""
    from segmentation.treatment.battery import run_battery

    finish_report(run_battery(seed), report_file)


@evaluate.command()
def policy(
    ledger: LedgerOption,
    mapping: MappingOption,
    as_of: AsOfOption = "",
    report_file: ReportOption = None,
    settings: SettingsOption = None,
) -> None:
    """Judge the learned policy on a ledger's own contacts, beside the one in force, the best fixed arm and none."""
    from pipelines.resources import parse_as_of
    from pipelines.settings_file import load_settings
    from segmentation.ledger.loading import load_ledger
    from segmentation.ledger.mapping_files import load_mapping
    from segmentation.treatment.policy_report import report_policy

    chosen = load_settings(settings)
    loaded = load_ledger(ledger, load_mapping(mapping), parse_as_of(as_of), chosen.ledger, today=find_today())
    report = report_policy(loaded.ledger, loaded.as_of, chosen)
    finish_report({"as_of": loaded.as_of} | report, report_file)


@evaluate.command()
def risk(
    report_file: ReportOption = None,
    seed: SeedOption = 1,
    customers: Annotated[int, typer.Option(min=50, help="Customers, with some 33 invoices each.")] = 7000,
) -> None:
    """Measure what the scores recover of a simulated ledger; the default scores some 100,000 invoices."""
    from segmentation.domain.settings import RiskSettings
    from segmentation.risk.battery import evaluate_scores

    finish_report(evaluate_scores(customers, seed, RiskSettings()), report_file)


@evaluate.command()
def segments(
    report_file: ReportOption = None,
    seed: SeedOption = 1,
    seeds: Annotated[int, typer.Option(min=2, help="Worlds; their seeds count up.")] = 20,
    customers: Annotated[int, typer.Option(min=100, help="Customers in each, 33 invoices each.")] = 3000,
) -> None:
    """Measure segments and causes against what was planted, and beside one rule that is given the answers."""
    from segmentation.segments.battery import BatterySize, run_battery

    console = open_screen(stderr=True)
    with console.status("Simulating the first world") as status:
        report = run_battery(
            seed,
            BatterySize(seeds, customers),
            report_world=lambda done, count: status.update(f"{done} of {count} worlds judged"),
        )
    finish_report(report, report_file)


def finish_report(report: Mapping[str, Any], report_file: Path | None) -> None:
    """Print a report, and write it when a file is named; UsageError when that cannot be written."""
    text = json.dumps(report, indent=2, default=str)
    if report_file:
        write_text(report_file, text)
    open_screen().print_json(text)
