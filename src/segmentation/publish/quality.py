"""The account of a delivery by table, without the names of its files.

Belongs here: summing up ``core_quality`` and ``core_quarantine`` for publication. Does not belong here: the
checks themselves (the ledger room), and the report by file and line, which ``segmentation check`` gives.
"""

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES
from segmentation.domain.published_tables import QUALITY, QUARANTINE
from segmentation.domain.schema import Role

_FILE_MARK = " → "
_COLUMNS_CHECK = "source_columns_are_mapped_or_ignored"
_DELIVERY = "delivery"
_VERDICTS = ("pass", "warn", "fail")
_EXAMPLES = 3
_SHOWN_ROLES = (Role.MEASURE, Role.CATEGORY, Role.TIME)


def summarise_quality(quality: pl.DataFrame) -> pl.DataFrame:
    """Return every check once by table, as ``out_quality``.

    Parameters
    ----------
    quality : ``core_quality``, with a row per file and table.

    Notes
    -----
    The same facts give the same account whatever the files are called and however they are cut: rows
    are summed over files, the worst verdict counts, and findings that differ are put side by side.
    """
    severity = pl.col("verdict").replace_strict(_VERDICTS, range(len(_VERDICTS)), return_dtype=pl.Int8)
    counts = ("rows_in", "rows_loaded", "rows_quarantined")
    summed = (
        quality.with_columns(
            pl.when(pl.col("check_name") == _COLUMNS_CHECK)
            .then(pl.lit(_DELIVERY))
            .otherwise(pl.col("subject").str.split(_FILE_MARK).list.last())
            .alias("subject"),
            severity.alias("severity"),
        )
        .group_by("check_name", "subject")
        .agg(
            *(pl.col(name).sum() for name in counts),
            pl.col("verdict").sort_by("severity").last(),
            pl.col("statement").unique().sort().str.join("; "),
        )
    )
    return QUALITY.conform(summed)


def summarise_quarantine(quarantine: pl.DataFrame) -> pl.DataFrame:
    """Return what could not be loaded and is still to be repaired by rule, table and column, as ``out_quarantine``.

    Parameters
    ----------
    quarantine : ``core_quarantine``, with a row per source row and broken rule.

    Notes
    -----
    Like the account of the checks it depends on the facts and not on how files are called or cut. Values are
    shown only of columns that hold an amount, a day or a code: a line that could not be split may hold a name.
    """
    shown = pl.DataFrame(
        [
            (name, column)
            for name, table in CANONICAL_TABLES.items()
            for column in table.columns_with(*_SHOWN_ROLES)
        ],
        schema={"table_name": pl.String, "column_name": pl.String},
        orient="row",
    ).with_columns(is_shown=True)
    grain = ("rule", "table_name", "column_name")
    example = pl.col("value").filter(pl.col("is_shown").fill_null(value=False)).drop_nulls()
    return QUARANTINE.conform(
        quarantine.filter(pl.col("is_corrected").ne_missing(other=True))
        .join(shown, on=["table_name", "column_name"], how="left")
        .group_by(grain)
        .agg(
            pl.struct("source_file", "source_line").n_unique().cast(pl.Int64).alias("row_count"),
            pl.col("customer_id").drop_nulls().n_unique().cast(pl.Int64).alias("customer_count"),
            example.unique().sort().head(_EXAMPLES).alias("examples"),
            pl.col("remedy").min(),
        )
    )
