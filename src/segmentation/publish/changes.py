"""The change feed: which published rows differ from the previous snapshot, in the order to apply.

Belongs here: comparison row by row, by key. Does not belong here: delivery to subscribers.
"""

from datetime import date

import duckdb
import polars as pl

from segmentation.domain.published_tables import CHANGES, PUBLISHED_TABLES
from segmentation.domain.schema import Frames, Table
from segmentation.domain.vocabulary import ChangeOperation

FOLLOWED_TABLES = (
    "out_customers",
    "out_customer_segments",
    "out_invoice_scores",
    "out_recommendations",
    "out_cash_forecast",
    "out_portfolio",
)
"""Tables on which downstream systems act, customers first, so that rows never refer to unknown ones.

The others are read as a whole: the timeline repeats the ledger; fairness, quality and the judgement of
models are about the run.
"""

UNCOUNTED_COLUMNS = frozenset({"as_of_date"})
"""Columns that by themselves make no change: they are the same in all rows of a snapshot."""

_ORDER = (ChangeOperation.DELETE, ChangeOperation.UPDATE, ChangeOperation.INSERT)


def list_changes(
    tables: Frames, previous: Frames, as_of: date, previous_id: str | None = None
) -> pl.DataFrame:
    """Return the rows that differ from the previous snapshot, as ``out_changes``.

    Parameters
    ----------
    tables : published tables of this run, at least the followed ones.
    previous : published tables of the previous snapshot; empty for the first one.
    as_of : as-of day of this run.
    previous_id : identifier of the previous snapshot; None for the first one.

    Notes
    -----
    Applying the changes in their order to the previous snapshot (``previous_id`` of the manifest) gives this one, ``as_of_date`` aside.
    Within a table rows are deleted first, then updated, then inserted. The idempotency key is the
    SHA-256 of previous snapshot, as-of day, table, key, operation and content of the row: the same step
    from the same snapshot always has the same key, and a later return to an earlier value has another.
    """
    found = [
        _compare(
            tables[name], previous.get(name, PUBLISHED_TABLES[name].empty()), PUBLISHED_TABLES[name]
        ).with_columns(pl.lit(position, dtype=pl.Int64).alias("position"), pl.lit(name).alias("table_name"))
        for position, name in enumerate(FOLLOWED_TABLES)
    ]
    rank = pl.col("op").replace_strict(
        {op.value: rank for rank, op in enumerate(_ORDER)}, return_dtype=pl.Int8
    )
    ordered = pl.concat(found).sort("position", rank, "row_key").with_row_index("change_seq", offset=1)
    origin = f"{previous_id or 'none'}\x1f{as_of.isoformat()}"
    parts = pl.concat_str(pl.lit(origin), "table_name", "op", "row_key", "content", separator="\x1f")
    return CHANGES.conform(
        ordered.with_columns(_sha256(ordered.select(parts.alias("text")))).with_columns(
            pl.col("change_seq").cast(pl.Int64)
        )
    )


def _compare(current: pl.DataFrame, previous: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return key, operation and content of every row that differs."""
    new = _spell(current, table)
    old = _spell(previous, table).rename({"content": "old_content"})
    joined = new.join(old, on="row_key", how="full", coalesce=True)
    op = (
        pl.when(pl.col("old_content").is_null())
        .then(pl.lit(ChangeOperation.INSERT.value))
        .when(pl.col("content").is_null())
        .then(pl.lit(ChangeOperation.DELETE.value))
        .otherwise(pl.lit(ChangeOperation.UPDATE.value))
    )
    return joined.filter(pl.col("content").ne_missing(pl.col("old_content"))).select(
        "row_key", op.alias("op"), pl.coalesce("content", "old_content").alias("content")
    )


def _spell(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    counted = [name for name in table.column_names if name not in UNCOUNTED_COLUMNS]
    return frame.select(
        pl.struct(table.key).struct.json_encode().alias("row_key"),
        pl.struct(counted).struct.json_encode().alias("content"),
    )


def _sha256(texts: pl.DataFrame) -> pl.Series:
    # Polars' own hash may differ between releases, and hashing row by row in Python is slow.
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = true")
        connection.register("texts", texts)
        hashes: pl.DataFrame = connection.sql("SELECT sha256(text) AS idempotency_key FROM texts").pl()
    return hashes.get_column("idempotency_key")
