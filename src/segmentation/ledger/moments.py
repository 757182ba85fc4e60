"""Days and moments read from text by declared formats.

Belongs here: expressions from text to dates and UTC moments, shared by reading and conversion. Does
not belong here: deciding whether a day is plausible (conversion).
"""

import re
from collections.abc import Sequence
from datetime import date

import polars as pl

from segmentation.ledger.dialect import EXCEL_SERIAL, EXCEL_SERIAL_1904, Dialect

MOMENT_TYPE = pl.Datetime("us", "UTC")

_CENTURY = 100
_UNSEPARATED = re.compile("%[YymdjHMS]%[YymdjHMS]")
_DIGITS = {"%Y": "[0-9]{4}", "%j": "[0-9]{3}", "%f": "[0-9]+", "%.f": r"(?:\.[0-9]+)?", "%3f": "[0-9]{3}"}
_DIGITS |= dict.fromkeys(("%y", "%m", "%d", "%H", "%M", "%S"), "[0-9]{2}")
_LOOSE_DIGITS = _DIGITS | dict.fromkeys(("%m", "%d", "%e", "%H", "%M", "%S"), " ?[0-9]{1,2}")
_LOOSE_DIGITS |= {"%D": "[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}"}
_OFFSET = re.compile(r"%(?::{0,3}z|#z|\+)")
"""A part of a format that is an offset from UTC."""

_WITH_COLON = re.compile("%[TRXrc+]")
_WORDS = dict.fromkeys(("%b", "%B", "%h", "%a", "%A"), "[A-Za-z]+")
"""How parts of days and moments are written; a format with any other part is left to the parser."""

_GAP = r":\s|[0-9]T\s"
"""A blank where the first digit of an hour, minute or second belongs."""

_SERIAL = r"^([0-9]{1,6})(?:\.0+)?$"
_LEAP_DAY_THAT_NEVER_WAS = 60
"""29 February 1900, which Excel counts."""


def parse_day(text: pl.Expr, dialect: Dialect, formats: Sequence[str] = ()) -> pl.Expr:
    """Return the day that ``text`` names; null when no format fits or two formats read different days.

    Parameters
    ----------
    text : text column.
    dialect : how the source writes days.
    formats : how this column writes days; none means as the dialect says.
    """
    return _agree([_read_day(text, day_format, dialect) for day_format in formats or dialect.date_format])


def parse_moment(text: pl.Expr, dialect: Dialect, day_formats: Sequence[str] = ()) -> pl.Expr:
    """Return the UTC moment that ``text`` names; a day counts from its first moment.

    Null when no format fits or two formats read different moments. An offset that the text gives is reckoned
    with; without one, the text is taken for UTC.
    """
    moment = _agree([_parse(text, pl.Datetime("us"), written) for written in dialect.timestamp_format])
    day = parse_day(text, dialect, day_formats).cast(pl.Datetime("us"))
    return pl.coalesce(moment, day).dt.replace_time_zone("UTC")


def _agree(readings: list[pl.Expr]) -> pl.Expr:
    """Return what all readings that there are say; null when they differ."""
    if len(readings) == 1:
        return readings[0]
    earliest = pl.min_horizontal(readings)
    return pl.when(earliest == pl.max_horizontal(readings)).then(earliest)


def read_moments(text: pl.Series, dialect: Dialect, day_formats: Sequence[str] = ()) -> pl.Series:
    """Return ``parse_moment`` of a column; quicker when all values are days, or all are moments.

    That is safe where days are written without a colon and moments with one: no text is then both.
    """
    frame = text.alias("text").to_frame()
    column = pl.col("text")
    if len(dialect.timestamp_format) != 1 or not _can_be_told_apart(
        day_formats or dialect.date_format, dialect.timestamp_format
    ):
        return frame.select(parse_moment(column, dialect, day_formats)).to_series()
    likely = parse_day(column, dialect, day_formats)
    if frame.select(likely.first().is_null() & column.first().is_not_null()).item():
        likely = _parse(column, pl.Datetime("us"), dialect.timestamp_format[0])
    moments = frame.select(likely.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")).to_series()
    if moments.null_count() == text.null_count():
        return moments
    return frame.select(parse_moment(column, dialect, day_formats)).to_series()


def _can_be_told_apart(day_formats: Sequence[str], moment_formats: Sequence[str]) -> bool:
    """Whether every moment is written with a colon and no day is."""
    return all(":" in _spell_out(text) for text in moment_formats) and not any(
        ":" in _spell_out(text) for text in day_formats
    )


def _spell_out(time_format: str) -> str:
    """Return the format with a colon for each of its parts that is written with one."""
    return _WITH_COLON.sub(":", time_format)


def _read_day(text: pl.Expr, day_format: str, dialect: Dialect) -> pl.Expr:
    if day_format in {EXCEL_SERIAL, EXCEL_SERIAL_1904}:
        return _read_serial(text, day_format)
    day = _parse(text, pl.Date(), day_format)
    if "%y" not in day_format and "%D" not in day_format:
        return day
    first = dialect.two_digit_years_from or 0
    year = day.dt.year()
    meant = first + (year - first) % _CENTURY
    moved = pl.date(meant, day.dt.month(), 1) + pl.duration(days=day.dt.day() - 1)
    return pl.when(moved.dt.month() == day.dt.month()).then(moved)  # 29 February of a common year is no day


def _parse(text: pl.Expr, data_type: pl.Date | pl.Datetime, time_format: str) -> pl.Expr:
    """Return the day or moment; null where a digit is missing that a parser would do without.

    Parsers fill gaps from the left: 2026105 would be 5 October and may be 5 January, 4/2/6 would be 2006. They
    skip blanks: 10: 5 would be 10:05 and may have been 10:45.
    """
    value = text.str.strptime(data_type, time_format, strict=False)
    if data_type == pl.Datetime and _OFFSET.search(time_format):
        value = value.dt.replace_time_zone(None)  # Polars gives UTC where a format has an offset
    if data_type == pl.Datetime and not re.search(_GAP, time_format):
        value = pl.when(~text.str.contains(_GAP)).then(value)
    pattern = write_pattern(time_format)
    return value if pattern is None else pl.when(text.str.contains(pattern)).then(value)


def write_pattern(time_format: str) -> str | None:
    """Return the pattern that text must match before it is parsed; None where the format is safe.

    Without it a parser would fill gaps: 2026105, written as ``%Y%m%d``, would be 5 October.
    """
    is_unseparated = bool(_UNSEPARATED.search(time_format))
    if not (is_unseparated or "%y" in time_format or "%D" in time_format):
        return None
    known = (_DIGITS if is_unseparated else _LOOSE_DIGITS) | _WORDS
    parts = re.split(r"(%(?:\.?[0-9]*f|[A-Za-z]))", time_format)
    if any(part.startswith("%") and part not in known for part in parts):
        return None
    return "^" + "".join(known.get(part, re.escape(part)) for part in parts) + "$"


def _read_serial(text: pl.Expr, day_format: str) -> pl.Expr:
    serial = text.str.extract(_SERIAL, 1).cast(pl.Int64)
    if day_format == EXCEL_SERIAL_1904:
        return pl.lit(date(1904, 1, 1)) + pl.duration(days=serial)
    start = (
        pl.when(serial > _LEAP_DAY_THAT_NEVER_WAS)
        .then(pl.lit(date(1899, 12, 30)))
        .otherwise(pl.lit(date(1899, 12, 31)))
    )
    return pl.when(serial != _LEAP_DAY_THAT_NEVER_WAS).then(start + pl.duration(days=serial))
