"""The account of a delivery by table, without the names of its files.

Belongs here: summing up ``core_quality`` for publication. Does not belong here: the checks themselves
(the ledger room), and the report by file, line and value, which is ``core_quarantine``.
"""

import polars as pl

from segmentation.domain.published_tables import QUALITY

_FILE_MARK = " → "
_COLUMNS_CHECK = "source_columns_are_mapped_or_ignored"
_DELIVERY = "delivery"
_VERDICTS = ("pass", "warn", "fail")


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
