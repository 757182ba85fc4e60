"""Rows that cannot be loaded, in the form of the quarantine.

Belongs here: the form of a refused row or fact. Does not belong here: why it is refused (conversion, as_known,
references).
"""

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUARANTINE
from segmentation.domain.schema import Column, Table
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.moments import MOMENT_TYPE
from segmentation.ledger.records import MAX_VALUE_LENGTH
from segmentation.ledger.rules import REMEDIES
from segmentation.ledger.source_rows import PLACE, split_source_id

RULE = "__rule_"
"""Prefix of the columns that hold the broken rule of another."""


def list_failures(rows: pl.DataFrame, typed: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return one quarantine row per rule that a source row breaks.

    Parameters
    ----------
    rows : rows of a ``raw_`` table.
    typed : the same rows, typed, with the broken rule of a column beside it under ``RULE`` and its name.
    table : the canonical table that they were meant for.
    """
    frames = []
    for rule_name in (name for name in typed.columns if name.startswith(RULE)):
        column = table.column(rule_name.removeprefix(RULE))
        known_at = pl.col(OBSERVED_AT)
        if column in table.late_columns:
            known_at = pl.max_horizontal(known_at, pl.col(str(column.known_from)).cast(MOMENT_TYPE))
        frames.append(
            typed.with_columns(_text_of(rows, column).alias("value"))
            .filter(pl.col(rule_name).is_not_null())
            .select(
                *PLACE,
                pl.lit(column.name).alias("column_name"),
                pl.col(rule_name).alias("rule"),
                "value",
                *describe_subject(table),
                write_row_key(table.name),
                known_at.alias(OBSERVED_AT),
            )
        )
    if not frames:
        return QUARANTINE.empty()
    failed = pl.concat(frames).unique([*PLACE, "column_name", "rule"], keep="first", maintain_order=True)
    return QUARANTINE.conform(
        failed.with_columns(
            pl.lit(table.name).alias("table_name"),
            pl.col("rule").replace_strict(REMEDIES, return_dtype=pl.String).alias("remedy"),
        )
    )


def write_row_key(name: str) -> pl.Expr:
    """Return the key of rows of a canonical table as JSON, ``row_key``; null where a part of it is."""
    key = CANONICAL_TABLES[name].key
    written = pl.struct(pl.col(column).cast(pl.String) for column in key).struct.json_encode()
    is_whole = pl.all_horizontal(pl.col(column).is_not_null() for column in key)
    return pl.when(is_whole).then(written).alias("row_key")


def read_first_key(name: str) -> pl.Expr:
    """Return the first column of the key that ``row_key`` holds, as text, for rows of a canonical table."""
    column = CANONICAL_TABLES[name].key[0]
    return pl.col("row_key").str.json_path_match(f"$.{column}").alias(column)


def _text_of(rows: pl.DataFrame, column: Column) -> pl.Series:
    """Return what stands in the source, shortened."""
    if column.name == OBSERVED_AT:
        moment = pl.col(OBSERVED_AT).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
        return rows.select(
            pl.coalesce(pl.col("observed_at_text").str.slice(0, MAX_VALUE_LENGTH), moment)
        ).to_series()
    return rows.get_column(column.name).str.slice(0, MAX_VALUE_LENGTH)


def describe_subject(table: Table) -> list[pl.Expr]:
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


def to_quarantine(rows: pl.DataFrame, name: str, column: str | None, rule: str) -> pl.DataFrame:
    """Return rows of ``core_quarantine`` for facts of table ``name`` that break ``rule`` in ``column``."""
    names = set(rows.columns)
    shown = pl.col(column).cast(pl.String) if column else pl.lit(None, dtype=pl.String)
    missing = pl.lit(None, dtype=pl.String)
    return QUARANTINE.conform(
        rows.select(
            *split_source_id(),
            pl.lit(name).alias("table_name"),
            pl.lit(column, dtype=pl.String).alias("column_name"),
            pl.lit(rule).alias("rule"),
            shown.alias("value"),
            pl.lit(REMEDIES[rule]).alias("remedy"),
            (pl.col("customer_id") if "customer_id" in names else missing).alias("customer_id"),
            (pl.col("invoice_id") if "invoice_id" in names else missing).alias("invoice_id"),
            OBSERVED_AT,
            write_row_key(name),
        )
    )
