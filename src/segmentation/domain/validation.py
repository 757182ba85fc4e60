"""Checks that a frame keeps its table definition.

Belongs here: types, nulls, closed lists, bounds and keys, all read from one definition. Does not
belong here: checks between tables (ledger.quality).
"""

from typing import TYPE_CHECKING

import polars as pl

from segmentation.domain.errors import IntegrityError
from segmentation.domain.schema import Table

if TYPE_CHECKING:
    import pandera.polars as pa


def to_pandera(table: Table) -> "pa.DataFrameSchema":
    """Return the table as a pandera schema: exact columns and types, nulls, lists, bounds, unique key."""
    import pandera.polars as pa

    columns = {}
    for column in table.columns:
        checks = []
        if column.allowed is not None:
            checks.append(pa.Check.isin(list(column.allowed)))
        if column.minimum is not None:
            checks.append(pa.Check.ge(column.minimum))
        if column.maximum is not None:
            checks.append(pa.Check.le(column.maximum))
        columns[column.name] = pa.Column(column.polars_type, checks, nullable=column.is_nullable)
    return pa.DataFrameSchema(columns, strict=True, ordered=True, unique=list(table.key), name=table.name)


def find_violations(frame: pl.DataFrame, table: Table) -> list[str]:
    """Return every way in which ``frame`` breaks ``table``, in words; empty when it keeps it."""
    import pandera.errors

    try:
        to_pandera(table).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases.group_by("column", "check", maintain_order=True).agg(
            pl.len().alias("count"), pl.col("failure_case").cast(pl.String).first().alias("example")
        )
        return [
            f"{row['column'] or table.name}: {row['check']} fails for {row['count']} row(s), such as {row['example']!r}"
            for row in cases.iter_rows(named=True)
        ]
    return []


def require_valid(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return ``frame`` unchanged when it keeps ``table``; IntegrityError that names each breach otherwise."""
    violations = find_violations(frame, table)
    if violations:
        raise IntegrityError(
            f"{table.name} does not keep its definition: {'; '.join(violations[:5])}",
            where=table.name,
            remedy="This is a defect of the program, not of your data: please report it with this message.",
        )
    return frame
