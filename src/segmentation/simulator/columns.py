"""From arrays to typed ledger columns: identifiers, days, moments, codes and cents."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from segmentation.domain.core_tables import PROGRAM_COLUMNS
from segmentation.domain.schema import Table
from segmentation.simulator.randomness import Flags, Ints

STATEMENT_COLUMNS = frozenset(
    {"structured_reference", "end_to_end_id", "remittance_text", "payer_name", "payer_account"}
)
"""What only bank statements tell; simulated books allocate their payments themselves and leave them out."""

MORNING = 0
"""Second of the day, UTC, from which the bookings of a day are known: its first, as day-based books have it."""


def numbered(prefix: str, numbers: Ints, width: int) -> pl.Series:
    """Return identifiers such as ``INV000042``; null where the number is negative."""
    text = pl.Series(numbers).cast(pl.String).str.zfill(width)
    return pl.select(
        pl.when(pl.Series(numbers) >= 0).then(pl.concat_str([pl.lit(prefix), text])).otherwise(None)
    ).to_series()


def dates(days: Ints, present: Flags | None = None) -> pl.Series:
    """Return calendar days; null where the number is negative or ``present`` is false."""
    shown = (days >= 0) if present is None else (days >= 0) & present
    return pl.select(
        pl.when(pl.Series(shown)).then(pl.Series(days).cast(pl.Int32)).otherwise(None).cast(pl.Date)
    ).to_series()


def moments(days: Ints, seconds: Ints | int = MORNING, present: Flags | None = None) -> pl.Series:
    """Return moments in UTC; null where the day is negative or ``present`` is false."""
    shown = (days >= 0) if present is None else (days >= 0) & present
    instant = (days * 86_400 + seconds) * 1_000_000
    return pl.select(
        pl.when(pl.Series(shown)).then(pl.Series(instant)).otherwise(None).cast(pl.Datetime("us", "UTC"))
    ).to_series()


def words(names: Sequence[str], codes: Ints) -> pl.Series:
    """Return the name of each code; null where the code is negative."""
    table = pl.Series([str(name) for name in names] + [None], dtype=pl.String)
    return table.gather(pl.Series(np.where(codes < 0, len(names), codes)))


def euros(cents: Ints, present: Flags | None = None) -> pl.Series:
    """Return amounts of money with the decimals of the currency; null where not ``present``."""
    shown = np.ones(len(cents), dtype=np.bool_) if present is None else present
    exact = pl.lit(pl.Series(cents)).cast(pl.Decimal(18, 3)) * pl.lit("0.01").cast(pl.Decimal(18, 3))
    return pl.select(
        pl.when(pl.Series(shown)).then(exact.cast(pl.Decimal(18, 3))).otherwise(None)
    ).to_series()


def numbers_or_null(values: Ints) -> pl.Series:
    """Return whole numbers; null where negative."""
    return pl.select(pl.when(pl.Series(values) >= 0).then(pl.Series(values)).otherwise(None)).to_series()


def fill(word: str, count: int) -> pl.Series:
    """Return the same word for every row."""
    return pl.Series([word], dtype=pl.String).new_from_index(0, count)


def ledger_frame(table: Table, *versions: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a canonical table, all versions together, in the order of key and observation.

    Columns are those of the table without what only the loader or a bank fills; columns
    that a version lacks are null.
    """
    columns = [column for column in table.columns if column.name not in PROGRAM_COLUMNS | STATEMENT_COLUMNS]
    frames = [
        version.select(
            (pl.col(c.name) if c.name in version.columns else pl.lit(None)).cast(c.polars_type).alias(c.name)
            for c in columns
        )
        for version in versions
    ]
    frame = pl.concat(frames)
    if (
        len(table.key) == 1
        and frame.get_column(table.key[0]).is_sorted()
        and not any(version.height for version in frames[1:])
    ):
        return frame
    return frame.sort([*table.key, "observed_at"], nulls_last=True)
