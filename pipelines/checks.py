"""Schema checks, derived from the table definitions: one blocking step beside each asset step; and one run throughout."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from pipelines.resources import Run
from segmentation.domain.core_tables import (
    CAUSE_FINDING,
    DECISION,
    DELIVERY_CHECK,
    LEDGER_TABLES,
    QUALITY,
    RUN,
)
from segmentation.domain.errors import GateBlockedError
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import Table
from segmentation.features.definitions import FEATURE_TABLES

CHECK_NAME = "keeps_its_definition"
_NAMED = 5

CHECKED_TABLES: dict[str, Table] = {
    **LEDGER_TABLES,
    DELIVERY_CHECK.name: DELIVERY_CHECK,
    RUN.name: RUN,
    DECISION.name: DECISION,
    CAUSE_FINDING.name: CAUSE_FINDING,
    **FEATURE_TABLES,
    **ROOM_TABLES,
    **PUBLISHED_TABLES,
}
"""Every table but the ``raw_`` ones, which are text as the source wrote it."""


def require_one_run(run: Run) -> None:
    """Refuse to make a snapshot of tables that no run made together, or whose ledger failed a check.

    Where assets are materialised one by one, those before them may be of another day, or have been blocked.

    Raises
    ------
    GateBlockedError
        Naming the tables, or the failed checks.
    """
    older = run.list_older_tables(CHECKED_TABLES.values())
    failed = run.load([QUALITY])[QUALITY.name].filter(verdict="fail")["statement"].to_list()
    if not older and not failed:
        return
    named = ", ".join(older[:_NAMED]) + (f" and {len(older) - _NAMED} more" if len(older) > _NAMED else "")
    raise GateBlockedError(
        f"The ledger failed its checks: {'; '.join(failed)}"
        if failed
        else f"Not all tables are of the run in core_run: {named} were made before it",
        remedy="The last published snapshot stays current. Mend the cause, then run the whole pipeline: all assets, not some.",
    )


def build_schema_checks(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetChecksDefinition]:
    """Return, for each step that makes tables, a step that checks them against their definitions."""
    checks = []
    for asset in assets:
        names = sorted(key.to_user_string() for key in asset.keys)
        tables = [CHECKED_TABLES[name] for name in names if name in CHECKED_TABLES]
        if tables:
            checks.append(build_schema_check(asset.node_def.name, tables))
    return checks


def build_schema_check(step: str, tables: Sequence[Table]) -> dg.AssetChecksDefinition:
    """Return one blocking step that checks the tables of one asset step."""

    @dg.multi_asset_check(
        name=f"{step}_{CHECK_NAME}",
        specs=[
            dg.AssetCheckSpec(
                CHECK_NAME,
                asset=table.name,
                blocking=True,
                description="Columns, types, nulls, closed lists, bounds and key are as defined.",
            )
            for table in tables
        ],
    )
    def check(run: Run) -> Iterator[dg.AssetCheckResult]:
        from segmentation.domain.validation import find_violations

        frames = run.load(tables)
        for table in tables:
            violations = find_violations(frames[table.name], table)
            yield dg.AssetCheckResult(
                asset_key=table.name,
                check_name=CHECK_NAME,
                passed=not violations,
                severity=dg.AssetCheckSeverity.ERROR,
                description=f"{table.name} is not as defined: {'; '.join(violations[:5])}."
                if violations
                else "as defined",
                metadata={"row_count": frames[table.name].height},
            )

    return check
