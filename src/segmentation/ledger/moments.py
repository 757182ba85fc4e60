"""Days and moments read from text by declared formats.

Belongs here: expressions from text to dates and UTC moments, shared by reading and conversion. Does
not belong here: deciding whether a day is plausible (conversion).
"""

from collections.abc import Sequence

import polars as pl

ISO_MOMENT = "%Y-%m-%dT%H:%M:%S%.fZ"
"""How derived moments are written in the ``raw_`` tables."""

MOMENT_TYPE = pl.Datetime("us", "UTC")


def parse_day(text: pl.Expr, formats: Sequence[str]) -> pl.Expr:
    """Return the day that ``text`` names; null when no format fits or two formats read different days."""
    days = [text.str.strptime(pl.Date, day_format, strict=False) for day_format in formats]
    if len(days) == 1:
        return days[0]
    earliest = pl.min_horizontal(days)
    return pl.when(earliest == pl.max_horizontal(days)).then(earliest)


def parse_moment(text: pl.Expr, moment_formats: Sequence[str], day_formats: Sequence[str]) -> pl.Expr:
    """Return the UTC moment that ``text`` names; a day counts from its first moment; null when unreadable."""
    moments = [
        text.str.strptime(pl.Datetime("us"), moment_format, strict=False) for moment_format in moment_formats
    ]
    day = parse_day(text, day_formats).cast(pl.Datetime("us"))
    return pl.coalesce(*moments, day).dt.replace_time_zone("UTC")


def read_iso_moment(text: pl.Expr) -> pl.Expr:
    """Return the moment that a derived ``raw_`` column holds; null when it could not be derived."""
    return text.str.strptime(pl.Datetime("us"), ISO_MOMENT, strict=False).dt.replace_time_zone("UTC")
