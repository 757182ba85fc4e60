"""Text rows turned into typed facts; every row that cannot be is in quarantine with its reasons.

Belongs here: rules about one row. Does not belong here: rows with the same key and moment (conflicts), what
was known when, later versions, and rows that refer to others (as_known).

A value that is filled in later than its row (``known_from``) may fail without taking the row with it:
until the later day the row is good, and ``as_known`` refuses it from that day on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, PROGRAM_COLUMNS, QUARANTINE
from segmentation.domain.errors import IntegrityError
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Column, Frames, Table
from segmentation.domain.settings import LedgerSettings
from segmentation.domain.side_by_side import read_ahead, work_on
from segmentation.ledger.conflicts import join_facts
from segmentation.ledger.dialect import Dialect
from segmentation.ledger.mapping import OBSERVED_AT, FileMapping, SourceMapping, TableMapping
from segmentation.ledger.moments import MOMENT_TYPE
from segmentation.ledger.quarantine import RULE, list_failures
from segmentation.ledger.source_rows import (
    PLACE,
    date_by_leading_part,
    list_leading_moments,
    write_source_id,
)
from segmentation.ledger.values import ColumnWriting, is_plausible, type_column


def convert(raw: Frames, mapping: SourceMapping, settings: LedgerSettings) -> dict[str, pl.DataFrame]:
    """Return all facts of a delivery, typed, and the rows that could not be loaded.

    Parameters
    ----------
    raw : every ``raw_`` table, as ``read_raw`` returns them.
    mapping : the mapping that they were read with.
    settings : what a delivery must look like to be trusted.

    Returns
    -------
    Every canonical table (all versions of all rows, whenever learned) and ``core_quarantine``.

    Notes
    -----
    Whether too many rows of a file are in quarantine depends on the as-of day: ``accept_facts`` judges.
    """
    return convert_blocks([raw], mapping, settings)


def convert_blocks(
    blocks: Iterable[Frames], mapping: SourceMapping, settings: LedgerSettings
) -> dict[str, pl.DataFrame]:
    """Return what ``convert`` returns, from blocks of the ``raw_`` tables that need not all be held at once.

    Parameters
    ----------
    blocks : as ``read_blocks`` yields them; all rows that come from one line are in one block.
    mapping, settings : as for ``convert``.
    """
    return join_facts(convert_each(blocks, mapping, settings), mapping)


def convert_each(
    blocks: Iterable[Frames], mapping: SourceMapping, settings: LedgerSettings
) -> Iterator[dict[str, pl.DataFrame]]:
    """Yield the typed facts of each block by table, and its rows that could not be loaded.

    Tables without rows are not there. Rows that contradict those of another block are still in: ``join_facts``
    takes them out.
    """
    for block in read_ahead(blocks, 2):
        leading = list_leading_moments(block)
        facts: dict[str, pl.DataFrame] = {}
        failures = [block["raw_quarantine"]] if "raw_quarantine" in block else []
        for name, table in CANONICAL_TABLES.items():
            rows = block.get(name.replace("core_", "raw_", 1))
            if rows is not None and rows.height:
                facts[name], failed = _convert_rows(rows, leading, table, mapping, settings)
                failures.append(failed)
        facts[QUARANTINE.name] = pl.concat([QUARANTINE.empty(), *failures])
        yield {name: frame for name, frame in facts.items() if frame.height}


def _convert_rows(
    rows: pl.DataFrame, leading: pl.DataFrame, table: Table, mapping: SourceMapping, settings: LedgerSettings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    facts: list[pl.DataFrame] = []
    failures: list[pl.DataFrame] = [QUARANTINE.empty()]
    for kind, route, part in _by_route(rows, table, mapping):
        writing = _Writing(mapping.source_system, mapping.dialect_of(kind), route)
        dated = part.join(leading, on=PLACE, how="left") if leading.height else part
        typed = _type_rows(dated, table, writing, settings)
        failed = list_failures(part, typed, table)
        failures.append(failed)
        facts.append(_good_rows(typed, table))
        _require_all_accounted(typed, facts[-1], failed, table)
    return pl.concat(facts), pl.concat(failures)


def _by_route(
    rows: pl.DataFrame, table: Table, mapping: SourceMapping
) -> Iterator[tuple[FileMapping, TableMapping, pl.DataFrame]]:
    """Yield the rows of each kind of file and way of filling the table, since each may write days differently."""
    names = rows.select(pl.col("source_file", "source_route").unique().implode()).row(0)
    if len(names[0]) == 1 and len(names[1]) == 1:  # as in every block of a file
        parts = {(names[0][0], names[1][0]): rows}
    else:
        parts = rows.partition_by("source_file", "source_route", as_dict=True, maintain_order=True)
    for (source_file, number), part in parts.items():
        kind = mapping.file_mapping(str(source_file)) or mapping.files[0]
        yield kind, kind.tables[table.name.removeprefix("core_")][int(number) - 1], part


@dataclass(frozen=True)
class _Writing:
    """How the rows of a file are written, for one way of filling a table."""

    source_system: str
    dialect: Dialect
    route: TableMapping

    def of(self, column: Column) -> ColumnWriting:
        """Return how a column is written."""
        source = self.route.columns.get(column.name)
        if source is None:
            return ColumnWriting(self.dialect)
        return ColumnWriting(self.dialect, source.date_format, source.sign)


def _type_rows(rows: pl.DataFrame, table: Table, writing: _Writing, settings: LedgerSettings) -> pl.DataFrame:
    """Return the rows with typed columns, and beside each column that breaks one its broken rule."""
    typed = rows.select(*PLACE, write_source_id()).with_columns(
        pl.lit(writing.source_system).alias("source_system")
    )

    def type_one(column: Column) -> list[pl.Series]:
        result = type_column(rows.get_column(column.name), table.name, column, writing.of(column), settings)
        value = result.value.cast(column.polars_type).alias(column.name)
        return [value] if result.rule is None else [value, result.rule.alias(RULE + column.name)]

    told = [column for column in table.columns if column.name not in {OBSERVED_AT, *PROGRAM_COLUMNS}]
    typed = typed.with_columns(chain.from_iterable(work_on(type_one, told))).with_columns(
        _date_rows(rows, settings)
    )
    for rule, column_name, broken in _row_rules(table, settings):
        found = pl.when(broken).then(pl.lit(rule)).alias(RULE + column_name)
        if RULE + column_name in typed.columns:
            typed = typed.with_columns(pl.coalesce(RULE + column_name, found).alias(RULE + column_name))
        elif typed.select(broken.any()).item():
            typed = typed.with_columns(found)
    return typed


def _date_rows(rows: pl.DataFrame, settings: LedgerSettings) -> list[pl.Series]:
    """Return when each row was learned, and the rule that it breaks where that cannot be told."""
    own = pl.col(OBSERVED_AT)
    rule: pl.Expr = (
        pl.when(pl.col("observed_at_text").is_not_null())
        .then(pl.lit("not_a_timestamp"))
        .when(own.is_null())
        .then(pl.lit("missing_value"))
        .when(~is_plausible(own, settings))
        .then(pl.lit("date_out_of_range"))
    )
    moment: pl.Expr = pl.when(is_plausible(own, settings)).then(own)
    if "leading_at" in rows.columns:
        rows = rows.with_columns(pl.when(is_plausible(pl.col("leading_at"), settings)).then("leading_at"))
        moment = date_by_leading_part(moment)
    dated = rows.select(moment.alias(OBSERVED_AT), rule.alias(RULE + OBSERVED_AT))
    rules = dated.get_column(RULE + OBSERVED_AT)
    columns = [dated.get_column(OBSERVED_AT)]
    return columns if rules.null_count() == len(rules) else [*columns, rules]


def _row_rules(table: Table, settings: LedgerSettings) -> list[tuple[str, str, pl.Expr]]:
    """Return the rules between columns of a row: code, column that is reported, condition that breaks it."""
    if table.name == "core_invoice":
        is_owed = pl.col("document_type") != "credit_note"
        return [("due_before_issue", "due_date", is_owed & (pl.col("due_date") < pl.col("issue_date")))]
    if table.name == "core_payment":
        latest = pl.col(OBSERVED_AT) + pl.duration(days=settings.max_gap_days)
        return [
            ("day_long_after_learning", name, pl.col(name).cast(MOMENT_TYPE) > latest)
            for name in ("booking_date", "value_date")
        ]
    if table.name == "core_allocation":
        both = pl.col("payment_id").is_not_null() & pl.col("credit_note_id").is_not_null()
        return [("two_origins", "credit_note_id", both)]
    return []


def _good_rows(typed: pl.DataFrame, table: Table) -> pl.DataFrame:
    late = {column.name for column in table.late_columns}
    broken = [name.removeprefix(RULE) for name in typed.columns if name.startswith(RULE)]
    is_good = [
        pl.col(RULE + name).is_null() | pl.col(str(table.column(name).known_from)).is_not_null()
        if name in late
        else pl.col(RULE + name).is_null()
        for name in broken
    ]
    return table.align(typed.filter(is_good) if is_good else typed)


def _require_all_accounted(
    typed: pl.DataFrame, facts: pl.DataFrame, failed: pl.DataFrame, table: Table
) -> None:
    """Raise when a source row is neither a fact nor in quarantine: a row must never just vanish."""
    if not failed.height:
        accounted = facts.height
    else:
        sources = typed.get_column("source_id")
        refused = sources.filter(is_known(sources, failed.select(write_source_id()).to_series()))
        others = facts.height - int(is_known(facts.get_column("source_id"), refused).sum())
        accounted = others + len(refused)
    if accounted != typed.height:
        raise IntegrityError(
            f"{typed.height} rows went into {table.name} and {accounted} came out",
            where=table.name,
            remedy="This is a defect of the program, not of your data: please report it with this message.",
        )
