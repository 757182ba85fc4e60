"""What a check found, as a row of ``core_quality``.

Belongs here: verdicts and the shape of a finding. Does not belong here: the checks themselves (delivery,
statements).
"""

from collections.abc import Iterable
from typing import TypeAlias

import polars as pl

from segmentation.domain.schema import Table

PASS, WARN, FAIL = "pass", "warn", "fail"

Finding: TypeAlias = tuple[str, str, int, int, int, str, str]
"""A row of ``core_quality``."""


def describe_finding(
    check_name: str,
    subject: str,
    verdict: str,
    statement: str,
    rows_in: int,
    *,
    loaded: int | None = None,
    quarantined: int = 0,
) -> Finding:
    """Return a row of ``core_quality``; all rows that are not quarantined count as loaded."""
    return (
        check_name,
        subject,
        rows_in,
        rows_in - quarantined if loaded is None else loaded,
        quarantined,
        verdict,
        statement,
    )


def build_findings(table: Table, findings: Iterable[Finding]) -> pl.DataFrame:
    """Return the findings as a table in the shape of ``core_quality``."""
    schema = {name: table.polars_schema[name] for name in table.column_names}
    return table.conform(pl.DataFrame(list(findings), schema=schema, orient="row"))
