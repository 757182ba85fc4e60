"""Text rows turned into typed facts; every row that cannot be is in quarantine with its reasons.

Belongs here: rules about one row, and about rows with the same key and moment. Does not belong here:
what was known when, later versions, and rows that refer to others (as_known).

A value that is filled in later than its row (``known_from``) may fail without taking the row with it:
until the later day the row is good, and ``as_known`` refuses it from that day on.
"""

from collections.abc import Iterator

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUARANTINE
from segmentation.domain.errors import IntegrityError
from segmentation.domain.schema import Frames, Table
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.mapping import DERIVED_COLUMNS, OBSERVED_AT, FileMapping, SourceMapping
from segmentation.ledger.moments import ISO_MOMENT, MOMENT_TYPE
from segmentation.ledger.records import MAX_VALUE_LENGTH
from segmentation.ledger.rules import CONFLICTING_ROWS, REMEDIES
from segmentation.ledger.source_rows import (
    PLACE,
    date_by_leading_part,
    list_leading_moments,
    split_source_id,
    write_source_id,
)
from segmentation.ledger.values import type_column

_RULE = "__rule_"


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
    tables: dict[str, pl.DataFrame] = {}
    failures: list[pl.DataFrame] = [raw["raw_quarantine"]]
    is_plausible = pl.col("leading_at").dt.year().is_between(settings.earliest_year, settings.latest_year)
    leading = list_leading_moments(raw).filter(is_plausible)
    for name, table in CANONICAL_TABLES.items():
        raw_name = name.replace("core_", "raw_", 1)
        rows = raw[raw_name].join(leading, on=PLACE, how="left")
        facts, failed = _convert_table(rows, table, mapping, settings)
        _require_all_accounted(raw[raw_name], facts, failed, name)
        tables[name] = facts
        failures.append(failed)
    tables["core_quarantine"] = QUARANTINE.conform(pl.concat(failures))
    return tables


def _convert_table(
    rows: pl.DataFrame, table: Table, mapping: SourceMapping, settings: LedgerSettings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    if not rows.height:
        return table.empty(), QUARANTINE.empty()
    facts: list[pl.DataFrame] = [table.empty()]
    failures: list[pl.DataFrame] = []
    for kind, part in _by_kind(rows, mapping):
        typed = _type_rows(part, table, kind, mapping, settings)
        failures.append(_list_failures(part, typed, table))
        facts.append(_good_rows(typed, table))
    good = table.conform(pl.concat(facts))
    is_derived = any(
        table_mapping.distinct
        for kind in mapping.files
        for name, table_mapping in kind.tables.items()
        if f"core_{name}" == table.name
    )
    if not is_derived:
        good, conflicts = _split_conflicts(good, table)
        failures.append(conflicts)
    return good, pl.concat([QUARANTINE.empty(), *failures])


def _by_kind(rows: pl.DataFrame, mapping: SourceMapping) -> Iterator[tuple[FileMapping, pl.DataFrame]]:
    """Yield the rows of each kind of file, since kinds may write days differently."""
    files = rows.get_column("source_file").unique().sort().to_list()
    kinds = {name: mapping.file_mapping(name) or mapping.files[0] for name in files}
    for kind in mapping.files:
        names = [name for name in files if kinds[name] is kind]
        if names:
            yield kind, rows.filter(pl.col("source_file").is_in(names))


def _type_rows(
    rows: pl.DataFrame, table: Table, kind: FileMapping, mapping: SourceMapping, settings: LedgerSettings
) -> pl.DataFrame:
    """Return the rows with typed columns, and the broken rule of each column beside it."""
    sources = kind.tables[table.name.removeprefix("core_")].columns
    dialect = mapping.dialect
    columns = [column for column in table.columns if column.name not in DERIVED_COLUMNS]
    expressions = []
    for column in columns:
        source = sources.get(column.name)
        if column.name == OBSERVED_AT:
            typed = type_column(
                table.name,
                column,
                dialect.model_copy(update={"timestamp_format": (ISO_MOMENT,)}),
                ("%Y-%m-%d",),
                settings,
            )
        else:
            formats = (source.date_format if source else ()) or dialect.date_format
            typed = type_column(table.name, column, dialect, formats, settings)
        expressions += [
            typed.value.cast(column.polars_type).alias(column.name),
            typed.rule.alias(_RULE + column.name),
        ]
    typed_rows = rows.select(*PLACE, write_source_id(), "leading_at", *expressions).with_columns(
        pl.lit(mapping.source_system).alias("source_system"),
        date_by_leading_part(pl.col(OBSERVED_AT)).alias(OBSERVED_AT),
    )
    return typed_rows.with_columns(
        pl.coalesce(_RULE + column, pl.when(broken).then(pl.lit(rule))).alias(_RULE + column)
        for rule, column, broken in _row_rules(table, settings)
    )


def _row_rules(table: Table, settings: LedgerSettings) -> list[tuple[str, str, pl.Expr]]:
    """Return the rules between columns of a row: code, column that is reported, condition that breaks it."""
    if table.name == "core_invoice":
        is_owed = pl.col("document_type") != "credit_note"
        return [("due_before_issue", "due_date", is_owed & (pl.col("due_date") < pl.col("issue_date")))]
    if table.name == "core_payment":
        takes_back = pl.col("reversal_of").is_not_null()
        latest = pl.col(OBSERVED_AT) + pl.duration(days=settings.max_gap_days)
        return [
            ("reversal_not_negative", "amount", takes_back & (pl.col("amount") >= 0)),
            *(
                ("day_long_after_learning", name, pl.col(name).cast(MOMENT_TYPE) > latest)
                for name in ("booking_date", "value_date")
            ),
        ]
    if table.name == "core_allocation":
        both = pl.col("payment_id").is_not_null() & pl.col("credit_note_id").is_not_null()
        return [("two_origins", "credit_note_id", both)]
    return []


def _late_columns(table: Table) -> list[str]:
    """Columns that may fail without taking their row: another column says from when they are known."""
    return [c.name for c in table.columns if c.known_from is not None and c.known_from != c.name]


def _good_rows(typed: pl.DataFrame, table: Table) -> pl.DataFrame:
    late = _late_columns(table)
    decisive = [
        pl.col(_RULE + column.name).is_null()
        for column in table.columns
        if column.name not in DERIVED_COLUMNS and column.name not in late
    ]
    is_dated = [
        pl.col(_RULE + name).is_null() | pl.col(str(table.column(name).known_from)).is_not_null()
        for name in late
    ]
    return table.conform(typed.filter(*decisive, *is_dated))


def _list_failures(rows: pl.DataFrame, typed: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return one quarantine row per broken rule."""
    names = [name for name in typed.columns if name.startswith(_RULE)]
    is_broken = typed.select(pl.col(names).is_not_null().any()).row(0, named=True)
    frames = []
    for rule_name in (name for name in names if is_broken[name]):
        column = table.column(rule_name.removeprefix(_RULE))
        known_at = pl.col(OBSERVED_AT)
        if column.known_from is not None and column.known_from != column.name:
            known_at = pl.max_horizontal(known_at, pl.col(column.known_from).cast(MOMENT_TYPE))
        frames.append(
            typed.select(
                *PLACE,
                pl.lit(column.name).alias("column_name"),
                pl.col(rule_name).alias("rule"),
                rows.get_column(column.name).str.slice(0, MAX_VALUE_LENGTH).alias("value"),
                *_about(table),
                known_at.alias(OBSERVED_AT),
            ).filter(pl.col("rule").is_not_null())
        )
    failed = pl.concat(frames) if frames else QUARANTINE.empty().select(pl.exclude("table_name", "remedy"))
    return QUARANTINE.conform(
        failed.with_columns(
            pl.lit(table.name).alias("table_name"),
            pl.col("rule").replace_strict(REMEDIES, return_dtype=pl.String).alias("remedy"),
        )
    )


def _about(table: Table) -> list[pl.Expr]:
    """Return the customer and the invoice that a row is about, null where its table does not say."""
    names = set(table.column_names)
    customer = invoice = pl.lit(None, dtype=pl.String)
    if table.name == "core_dunning_block":
        customer = pl.when(pl.col("scope") == "customer").then(pl.col("scope_id"))
        invoice = pl.when(pl.col("scope") == "invoice").then(pl.col("scope_id"))
    if "customer_id" in names:
        customer = pl.col("customer_id")
    if "invoice_id" in names:
        invoice = pl.col("invoice_id")
    return [customer.alias("customer_id"), invoice.alias("invoice_id")]


def _split_conflicts(facts: pl.DataFrame, table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the facts without rows that contradict each other, and those rows.

    Rows with the same key learned at the same moment that say the same are one delivery twice; when
    they disagree it cannot be known which is right, so none of them is loaded. Values that are filled
    in later than their row do not make two rows contradict each other: the filled one counts.
    """
    identity = [*table.key, OBSERVED_AT]
    repeated = facts.filter(pl.struct(identity).is_duplicated())
    content = [
        column.name
        for column in table.columns
        if column.known_from is None and column.name not in {*identity, *DERIVED_COLUMNS}
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
        *_about(table),
        OBSERVED_AT,
    )
    return good, QUARANTINE.conform(failures)


def _require_all_accounted(rows: pl.DataFrame, facts: pl.DataFrame, failed: pl.DataFrame, name: str) -> None:
    """Raise when a source row is neither a fact nor in quarantine: a row must never just vanish."""
    loaded = facts.select(*split_source_id()) if failed.height else facts.select("source_id")
    if not failed.height:
        accounted = loaded.height
    else:
        accounted = pl.concat([loaded, failed.select(*PLACE)]).unique().height
    if accounted != rows.height:
        raise IntegrityError(
            f"{rows.height} rows went into {name} and {accounted} came out",
            where=name,
            remedy="This is a defect of the program, not of your data: please report it with this message.",
        )
