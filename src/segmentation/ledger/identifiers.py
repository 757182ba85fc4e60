"""Identifiers that a spreadsheet shortened to powers of ten.

Belongs here: finding them among the records of a file. Does not belong here: any other rule about a
value (values): this one is asked of the few blocks of a file that hold such text at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from segmentation.domain.schema import Role
from segmentation.ledger.mapping import TABLES, TableMapping
from segmentation.ledger.records import LINE, MAX_VALUE_LENGTH, REJECT_SCHEMA, RecordSet

_SHORTENED = r"^[0-9](?:[.,][0-9]+)?E\+[0-9]{2,3}$"


def refuse_lost_digits(
    records: RecordSet, routes: Mapping[str, Sequence[tuple[int, TableMapping]]]
) -> RecordSet:
    """Return the records without those whose identifiers are written as 1.23E+11, which are rejects.

    Parameters
    ----------
    records : of a file.
    routes : canonical table: ways of filling it, each with its number.

    Notes
    -----
    Excel writes numbers of more than eleven digits so. Those left out are gone, and several identifiers
    may have become one.
    """
    if not records.may_have_lost_digits:
        return records
    columns = sorted(
        {
            source
            for name, ways in routes.items()
            for column in TABLES[name].columns
            if column.role == Role.IDENTIFIER
            for _, route in ways
            for source in _list_sources(route, column.name)
            if source in records.header
        }
    )
    if not columns:
        return records
    lost = pl.coalesce(
        pl.when(pl.col(name).str.contains(_SHORTENED)).then(name) for name in columns
    ).str.slice(0, MAX_VALUE_LENGTH)
    found = records.rows.select(LINE, pl.lit("digits_lost").alias("rule"), lost.alias("value"))
    is_lost = found.get_column("value").is_not_null()
    if not is_lost.any():
        return records
    rejects = pl.concat([records.rejects, found.filter(is_lost).select(*REJECT_SCHEMA)], how="diagonal")
    return replace(records, rows=records.rows.filter(~is_lost), rejects=rejects)


def _list_sources(route: TableMapping, column: str) -> Sequence[str]:
    if route.as_is:
        return (column,)
    return route.columns[column].source_columns if column in route.columns else ()
