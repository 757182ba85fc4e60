"""What a check found, as a row of ``core_quality``, and what it measured on the way there.

Belongs here: verdicts and the shape of a finding, measures that add up. Does not belong here: the checks
themselves (delivery, statements, cash_statements).

A check measures first and finds words last: what was measured on parts of a ledger that have nothing to do
with each other (``linked_rows``) is put together in between, and the words are those of the whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from segmentation.domain.schema import Frames, Table

PASS, WARN, FAIL = "pass", "warn", "fail"

_EXAMPLES = 3

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


def describe_tally(
    check_name: str, subject: str, found: "Tally", verdict: str, *, reported: str, otherwise: str
) -> Finding:
    """Return a row of ``core_quality``: the verdict and what is reported, or pass and what holds otherwise."""
    is_found = found.reported > 0
    return describe_finding(
        check_name, subject, verdict if is_found else PASS, reported if is_found else otherwise, found.count
    )


def build_findings(table: Table, findings: Iterable[Finding]) -> pl.DataFrame:
    """Return the findings as a table in the shape of ``core_quality``."""
    schema = {name: table.polars_schema[name] for name in table.column_names}
    return table.conform(pl.DataFrame(list(findings), schema=schema, orient="row"))


@dataclass(frozen=True)
class Tally:
    """How many rows were looked at, how many of them are to be reported, and the first of these by name."""

    count: int
    reported: int
    names: Sequence[str]

    @property
    def examples(self) -> str:
        """The first names, in their order."""
        return ", ".join(self.names[:_EXAMPLES]) + (" ..." if len(self.names) > _EXAMPLES else "")


def tally(count: int, found: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return a measure: how many rows were looked at, and what was found among them, named by a column."""
    return pl.DataFrame(
        {"count": [count], "reported": [found.height], "names": [_first_names(found[column])]}
    ).cast({"names": pl.List(pl.String)})


def add_up(tallies: pl.DataFrame) -> Tally:
    """Return the tally of the whole from those of its parts."""
    names = tallies.get_column("names").explode(empty_as_null=False)
    return Tally(int(tallies["count"].sum()), int(tallies["reported"].sum()), _first_names(names))


def _first_names(names: pl.Series) -> list[str]:
    return names.drop_nulls().unique().sort().head(_EXAMPLES + 1).to_list()


def join_measures(measures: Sequence[Frames]) -> dict[str, pl.DataFrame]:
    """Return what was measured on all parts, by name."""
    return {name: pl.concat([measured[name] for measured in measures]) for name in measures[0]}
