"""Facts of several blocks put together; rows that contradict each other are in quarantine.

Belongs here: rows with the same key and moment. Does not belong here: rules about one row (conversion), later
versions (as_known).
"""

from collections.abc import Iterable

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, PROGRAM_COLUMNS, QUARANTINE
from segmentation.domain.schema import Frames, Table
from segmentation.ledger.mapping import OBSERVED_AT, SourceMapping
from segmentation.ledger.quarantine import describe_subject, write_row_key
from segmentation.ledger.rules import CONFLICTING_ROWS, REMEDIES
from segmentation.ledger.source_rows import split_source_id
from segmentation.ledger.tables_on_disk import read_columns


def join_facts(converted: Iterable[Frames], mapping: SourceMapping) -> dict[str, pl.DataFrame]:
    """Return all facts from those of blocks, without rows that contradict each other.

    Parameters
    ----------
    converted : as ``convert_each`` yields them; rows with the same key are in some of these blocks all.
    mapping : the mapping that they were read with.

    Returns
    -------
    Every canonical table and ``core_quarantine``.
    """
    facts: dict[str, list[pl.DataFrame]] = {name: [] for name in [*CANONICAL_TABLES, QUARANTINE.name]}
    for block in converted:
        for name, rows in block.items():
            facts[name].append(rows)
    tables: dict[str, pl.DataFrame] = {}
    failures = facts.pop(QUARANTINE.name)
    for name, table in CANONICAL_TABLES.items():
        parts = facts.pop(name)
        good = table.conform(pl.concat(parts)) if parts else table.empty()
        del parts
        if good.height > 1 and not _is_derived(table, mapping):
            good, conflicts = _split_conflicts(good, table)
            failures.append(conflicts)
        tables[name] = good
    tables[QUARANTINE.name] = QUARANTINE.conform(pl.concat([QUARANTINE.empty(), *failures]))
    return tables


def may_conflict(facts: Frames, mapping: SourceMapping) -> bool:
    """Return whether any rows may share their key, so that ``join_facts`` has to look whether they disagree."""
    keys = (
        read_columns(facts, name, table.key)
        for name, table in CANONICAL_TABLES.items()
        if not _is_derived(table, mapping)
    )
    return any(rows.hash_rows().n_unique() < rows.height for rows in keys if rows.height)


def _is_derived(table: Table, mapping: SourceMapping) -> bool:
    """Whether rows of the table are repeated in many source rows, so that they need not agree."""
    routes = (kind.tables.get(table.name.removeprefix("core_"), ()) for kind in mapping.files)
    return any(route.distinct for ways in routes for route in ways)


def _split_conflicts(facts: pl.DataFrame, table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the facts, in order of their key, without rows that contradict each other; and those rows.

    Rows with the same key learned at the same moment that say the same are one delivery twice; when
    they disagree it cannot be known which is right, so none of them is loaded. Values that are filled
    in later than their row do not make two rows contradict each other: the filled one counts.
    """
    is_as_before = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in table.key)
    if not facts.select((is_as_before & (pl.int_range(pl.len()) > 0)).any()).item():
        return facts, QUARANTINE.empty()  # in order of the key no two neighbours share theirs
    identity = [*table.key, OBSERVED_AT]
    repeated = facts.filter(pl.struct(identity).is_duplicated())
    content = [
        column.name
        for column in table.columns
        if column.known_from is None and column.name not in {*identity, *PROGRAM_COLUMNS}
    ]
    if not repeated.height or not content:
        return facts, QUARANTINE.empty()
    conflicting = (
        repeated.group_by(identity)
        .agg(pl.struct(content).n_unique().alias("version_count"))
        .filter(pl.col("version_count") > 1)
        .select(identity)
    )
    rows = repeated.join(conflicting, on=identity, how="semi", nulls_equal=True)
    good = facts.join(conflicting, on=identity, how="anti", nulls_equal=True)
    failures = rows.select(
        *split_source_id(),
        pl.lit(table.name).alias("table_name"),
        pl.lit(None, dtype=pl.String).alias("column_name"),
        pl.lit(CONFLICTING_ROWS).alias("rule"),
        pl.concat_str([pl.col(name).cast(pl.String) for name in table.key], separator=" ").alias("value"),
        pl.lit(REMEDIES[CONFLICTING_ROWS]).alias("remedy"),
        *describe_subject(table),
        OBSERVED_AT,
        write_row_key(table.name),
    )
    return good, QUARANTINE.conform(failures)
