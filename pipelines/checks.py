"""Schema checks, derived from the table definitions; one step per room, blocking."""

from collections.abc import Iterator, Sequence

import dagster as dg

from pipelines.assets import risk
from pipelines.resources import Run
from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import Table
from segmentation.features.definitions import FEATURE_TABLES

CHECK_NAME = "keeps_its_definition"

ROOMS: dict[str, list[Table]] = {
    "ledger": [*LEDGER_TABLES.values()],
    "features": [*FEATURE_TABLES.values()],
    "risk": risk.TABLES,
    "act_and_audit": [table for table in ROOM_TABLES.values() if table not in risk.TABLES],
    "publication": [*PUBLISHED_TABLES.values()],
}


def build_schema_check(room: str, tables: Sequence[Table]) -> dg.AssetChecksDefinition:
    """Return one step that checks every table of a room against its definition."""

    @dg.multi_asset_check(
        name=f"{room}_{CHECK_NAME}",
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
                description="; ".join(violations[:5]) or "as defined",
                metadata={"row_count": frames[table.name].height},
            )

    return check


def build_schema_checks() -> list[dg.AssetChecksDefinition]:
    """Return the schema checks of all rooms."""
    return [build_schema_check(room, tables) for room, tables in ROOMS.items()]
