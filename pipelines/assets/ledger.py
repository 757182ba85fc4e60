"""Ledger: files as text, the canonical ledger as known on the as-of day, balances and quality."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from pipelines.days import find_today
from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import (
    CANONICAL_TABLES,
    CAUSE_FINDING,
    DECISION,
    DELIVERY_CHECK,
    INSTALMENT_BALANCE,
    KNOWN_TABLES,
    LEDGER_TABLES,
    PAYMENT_MATCH,
    QUALITY,
    RAW_TABLES,
    RUN,
    UNALLOCATED_CASH,
)

GROUP = "ledger"
CORE_TABLES = [RUN, *KNOWN_TABLES.values(), PAYMENT_MATCH, DELIVERY_CHECK]
"""``core_run`` first: what is written after it belongs to it."""


@dg.multi_asset(specs=[asset_spec(table, GROUP) for table in RAW_TABLES.values()], can_subset=False)
def raw_ledger(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """Source rows as text, in canonical columns, with file and line."""
    from segmentation.ledger.sources import read_raw

    raw = read_raw(Path(run.ledger), run.source_mapping)
    for name, table in RAW_TABLES.items():
        yield run.store(table, raw[name])


@dg.multi_asset(specs=[asset_spec(table, GROUP, RAW_TABLES) for table in CORE_TABLES], can_subset=False)
def core_ledger(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """Typed facts that were known at the start of the as-of day, and payments matched to them by rule."""
    from pipelines.run_facts import describe_ledger, keep_account
    from segmentation.ledger.acceptance import accept_facts
    from segmentation.ledger.as_known import as_known
    from segmentation.ledger.control_totals import require_enough_rows
    from segmentation.ledger.conversion import convert
    from segmentation.ledger.delivery import check_delivery
    from segmentation.ledger.matching.first_known import match_by_first_known

    raw = run.load(RAW_TABLES.values())
    require_enough_rows(raw["raw_file"], run.source_mapping)
    facts = convert(raw, run.source_mapping, run.settings.ledger)
    as_of, facts = accept_facts(
        raw["raw_file"], facts, run.settings.ledger, run.requested_as_of, today=find_today()
    )
    keep_account(run, facts, as_of)
    known = as_known(facts, as_of)
    known[DELIVERY_CHECK.name] = check_delivery(raw["raw_file"], facts, known, as_of, run.settings.ledger)
    known[RUN.name] = describe_ledger(raw, facts, known, as_of, run.source_mapping.name)
    known = match_by_first_known(known, facts, as_of)
    for table in CORE_TABLES:
        yield run.store(table, known[table.name])


@dg.multi_asset(specs=[asset_spec(INSTALMENT_BALANCE, GROUP, CANONICAL_TABLES)])
def core_instalment_balance(run: Run) -> dg.MaterializeResult[None]:
    """What is open per instalment, to the cent, and how late it was or is."""
    from segmentation.ledger.balances import build_instalment_balances

    ledger = run.load(CANONICAL_TABLES.values())
    return run.store(INSTALMENT_BALANCE, build_instalment_balances(ledger, run.load_as_of()))


@dg.multi_asset(specs=[asset_spec(UNALLOCATED_CASH, GROUP, [*CANONICAL_TABLES, PAYMENT_MATCH.name])])
def core_unallocated_cash(run: Run) -> dg.MaterializeResult[None]:
    """Money and credit on account that nothing was set against: it blocks dunning."""
    from segmentation.ledger.unallocated_cash import build_unallocated_cash

    ledger = run.load([*CANONICAL_TABLES.values(), PAYMENT_MATCH])
    return run.store(UNALLOCATED_CASH, build_unallocated_cash(ledger))


@dg.multi_asset(
    specs=[
        asset_spec(
            QUALITY, GROUP, [DELIVERY_CHECK.name, *(name for name in LEDGER_TABLES if name != QUALITY.name)]
        )
    ]
)
def core_quality(run: Run) -> dg.MaterializeResult[None]:
    """Rows in, loaded and quarantined, and the statements that the ledger was checked on."""
    from segmentation.ledger.quality import build_quality

    ledger = run.load(table for table in LEDGER_TABLES.values() if table is not QUALITY)
    delivery_check = run.load([DELIVERY_CHECK])[DELIVERY_CHECK.name]
    return run.store(QUALITY, build_quality(delivery_check, ledger, run.load_as_of()))


@dg.asset_check(asset=QUALITY.name, blocking=True)
def figures_do_not_contradict_each_other(run: Run) -> dg.AssetCheckResult:
    """Publication is blocked by every failed check of the ledger: rows lost, sums that differ, or the source's own list."""
    found = run.load([QUALITY])[QUALITY.name].filter(verdict="fail")
    return dg.AssetCheckResult(
        passed=found.is_empty(),
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(f"Figures disagree: {statement}." for statement in found["statement"])
        or "nothing says otherwise",
    )


@dg.multi_asset(specs=[asset_spec(DECISION, GROUP, [RUN.name])])
def core_decision(run: Run) -> dg.MaterializeResult[None]:
    """Decisions of credit managers on snapshots of earlier days; they feed this run."""
    from pipelines.run_facts import read_known_decisions

    return run.store(DECISION, read_known_decisions(run.decisions_location, run.load_as_of()))


@dg.multi_asset(specs=[asset_spec(CAUSE_FINDING, GROUP, [RUN.name])])
def core_cause_finding(run: Run) -> dg.MaterializeResult[None]:
    """What credit managers found out about causes, on snapshots of earlier days; this run learns from it."""
    from pipelines.run_facts import read_known_findings

    return run.store(CAUSE_FINDING, read_known_findings(run.decisions_location, run.load_as_of()))
