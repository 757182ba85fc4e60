"""The parts of one source row: which of them leads, and how a part is traced to its file and line.

Belongs here: what follows from several canonical rows coming out of the same line. Does not belong
here: the rules that a part must keep (conversion).
"""

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES
from segmentation.domain.schema import Frames
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.moments import MOMENT_TYPE

PLACE = ("source_file", "source_line")

_LEADING = ("core_invoice", "core_payment")


def write_source_id() -> pl.Expr:
    """Return ``file:line`` of a row that has its place in two columns."""
    return pl.concat_str("source_file", pl.lit(":"), "source_line").alias("source_id")


def split_source_id() -> list[pl.Expr]:
    """Return file and line of a row from its ``source_id``."""
    source = pl.col("source_id")
    return [
        source.str.replace(r":[0-9]+$", "").alias("source_file"),
        source.str.extract(r":([0-9]+)$", 1).cast(pl.Int64).alias("source_line"),
    ]


def name_file() -> pl.Expr:
    """Return the file of a row from its ``source_id``, with the colon behind it; quicker than both parts."""
    return pl.col("source_id").str.strip_chars_end("0123456789").alias("source_file")


def count_by_file(rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``source_file`` and the ``count`` of its rows, from their ``source_id``."""
    sources = rows.get_column("source_id")
    file = sources[0].rpartition(":")[0] if rows.height else ""
    if file and _are_of(sources, f"{file}:"):
        return pl.DataFrame({"source_file": [file], "count": [rows.height]})
    runs = rows.select(name_file()).to_series().rle().struct.unnest()  # neighbours are of one file mostly
    return runs.group_by(pl.col("value").str.head(-1).alias("source_file")).agg(
        pl.col("len").cast(pl.Int64).sum().alias("count")
    )


def _are_of(sources: pl.Series, prefix: str) -> bool:
    """Whether all rows are of one file: a third of the time that it takes to name the file of each."""
    if not sources.str.starts_with(prefix).all():
        return False
    lines = sources.str.slice(len(prefix)).cast(pl.UInt64, strict=False)
    return not lines.has_nulls()


def list_leading_moments(raw: Frames) -> pl.DataFrame:
    """Return when each source row that fills several tables came into being.

    Parameters
    ----------
    raw : ``raw_`` tables of a delivery or of a block of it; those that are not there have no rows.

    Returns
    -------
    ``source_file``, ``source_line``, ``leading_at``: the moment of the row's leading part (its invoice,
    else its payment, else the first table); null where that cannot be read. Files that fill one table
    have no rows.

    Notes
    -----
    No part of a row was known before the row was there: a settlement dated before its invoice was
    learned with the invoice, and one with an unreadable date was not learned earlier either.
    """
    names = [*_LEADING, *(name for name in CANONICAL_TABLES if name not in _LEADING)]
    raw_names = [raw_name for name in names if (raw_name := name.replace("core_", "raw_", 1)) in raw]
    parts = [raw[name].select(*PLACE, pl.col(OBSERVED_AT).alias("leading_at")) for name in raw_names]
    if len(parts) < 2:  # noqa: PLR2004  no row fills several tables
        return pl.DataFrame(schema={**dict.fromkeys(PLACE, pl.String()), "leading_at": MOMENT_TYPE})
    files = pl.concat([part.select("source_file").unique() for part in parts])
    shared = files.filter(files.is_duplicated()).unique()
    return pl.concat([part.join(shared, on="source_file", how="semi") for part in parts]).unique(
        PLACE, keep="first", maintain_order=True
    )


def date_by_leading_part(own: pl.Expr) -> pl.Expr:
    """Return the moment of a part: its own, but no earlier than the leading part's; that when unreadable."""
    return pl.max_horizontal(own, "leading_at")
