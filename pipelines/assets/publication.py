"""Publication: the tables of the contract, and the snapshot that makes them current."""

from collections.abc import Iterator

import dagster as dg

from pipelines.checks import require_one_run
from pipelines.progress_log import report_table
from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import CAUSE_FINDING, DECISION, LEDGER_TABLES, RUN
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.domain.room_tables import AUDIT_VERDICT, ROOM_TABLES
from segmentation.domain.vocabulary import Verdict

GROUP = "publication"


@dg.multi_asset(
    specs=[asset_spec(table, GROUP, [*LEDGER_TABLES, *ROOM_TABLES]) for table in PUBLISHED_TABLES.values()],
    can_subset=False,
)
def out_tables(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """Every table of the published contract, assembled from the rooms before it."""
    from segmentation.publish.assembly import assemble_tables
    from segmentation.publish.reader import open_previous

    as_of = run.load_as_of()
    frames = run.load([*LEDGER_TABLES.values(), *ROOM_TABLES.values()])
    tables = assemble_tables(frames, as_of, open_previous(run.root, as_of))
    for name, table in PUBLISHED_TABLES.items():
        yield run.store(table, tables[name])


@dg.asset(
    deps=[*PUBLISHED_TABLES, DECISION.name, CAUSE_FINDING.name, RUN.name],
    group_name=GROUP,
    kinds={"parquet", "duckdb"},
)
def candidate_snapshot(context: dg.AssetExecutionContext, run: Run) -> dg.MaterializeResult[None]:
    """When the bias gate blocks: the snapshot as it would be published, kept aside for a person's approval."""
    from pipelines.approval import describe_request
    from pipelines.run_facts import collect_facts
    from segmentation.publish.writer import keep_candidate

    require_one_run(run)
    if run.load([AUDIT_VERDICT])[AUDIT_VERDICT.name]["verdict"].to_list() != [Verdict.BLOCK.value]:
        return dg.MaterializeResult(metadata={"kept": False})
    tables = run.load(PUBLISHED_TABLES.values())
    facts = collect_facts(run, tables, context.run.run_id)
    candidate = keep_candidate(tables, run.root, facts, describe_request(run, run.inputs))
    return dg.MaterializeResult(metadata={"kept": True, "path": dg.MetadataValue.path(str(candidate.path))})


@dg.asset(deps=["candidate_snapshot"], group_name=GROUP, kinds={"parquet", "duckdb"})
def published_snapshot(context: dg.AssetExecutionContext, run: Run) -> dg.MaterializeResult[None]:
    """The snapshot directory, verified, and the pointer ``published/current`` moved to it."""
    from pipelines.run_facts import collect_facts, read_ready_account, settle_account
    from segmentation.publish.writer import publish_snapshot

    require_one_run(run)
    tables = run.load(PUBLISHED_TABLES.values())
    snapshot = publish_snapshot(tables, run.root, collect_facts(run, tables, context.run.run_id))
    settle_account(run.root, read_ready_account(run.root))
    report_table("published_snapshot", 1)
    return dg.MaterializeResult(
        metadata={"snapshot": snapshot.id, "path": dg.MetadataValue.path(str(snapshot.path))}
    )
