"""Parquet read as text, a group of rows at a time: typed values written out without loss.

Belongs here: how each Parquet type is written as text. Does not belong here: what the columns mean.

Binary floating point is written with the shortest digits that give the same number back, never
rounded: 0.1 + 0.2 shows as 0.30000000000000004 and is then refused by rule. A whole number is written without
a fraction, as in workbooks, since pandas keeps identifiers with gaps as floating point.

Tables are often written by programs whose days are midnights. A midnight without a zone is written as the day;
so is a column with a zone of which every moment is a midnight there: in UTC it would be the day before.
"""

import io
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import polars as pl

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.records import LINE, REJECT_SCHEMA, RecordSet

_FIRST_LINE = 2
"""Line of the first row, as if a header stood above it."""


def read_parquet(data: bytes | Path, source_file: str, decimal_mark: str = ".") -> Iterator[RecordSet]:
    """Yield the row groups of a Parquet file, so that not all of it is in memory at once.

    Parameters
    ----------
    data : the file's bytes, or where it is: only what a row group needs is then read.
    source_file : name used in errors.
    decimal_mark : mark with which numbers are written, as amounts that are text are.

    Yields
    ------
    At least one set, without a name. ``source_line`` counts rows from 2, through all row groups.

    Raises
    ------
    InputRefusedError
        When the file is damaged, or has columns that cannot be written as text.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = data if isinstance(data, Path) else io.BytesIO(data)
    try:
        file = pq.ParquetFile(source, page_checksum_verification=True)
        header = _check_schema(file.schema_arrow, source_file)
        days = _find_days(file)
        if not file.num_row_groups:
            yield _make_set(file.schema_arrow.empty_table(), header, _FIRST_LINE, decimal_mark, days)
        line = _FIRST_LINE
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            yield _make_set(table, header, line, decimal_mark, days)
            line += table.num_rows
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputRefusedError(
            f"The Parquet file cannot be read: {reason}",
            where=source_file,
            remedy="It was probably cut off or damaged, or has a column of an unusual type: deliver it again.",
        ) from None


def _check_schema(schema: Any, source_file: str) -> list[str]:
    import pyarrow.types as kinds

    header = [name.strip() for name in schema.names]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or "" in header:
        raise InputRefusedError(
            f"The file names {', '.join(map(repr, twice))} more than once"
            if twice
            else "The file has a column without a name",
            where=source_file,
            remedy="Give every column a name of its own and deliver again.",
        )
    for field in schema:
        kind = field.type.value_type if kinds.is_dictionary(field.type) else field.type
        if not (
            kinds.is_integer(kind)
            or kinds.is_floating(kind)
            or kinds.is_decimal128(kind)
            or kinds.is_boolean(kind)
            or kinds.is_date(kind)
            or kinds.is_time(kind)
            or kinds.is_timestamp(kind)
            or kinds.is_string(kind)
            or kinds.is_large_string(kind)
            or kinds.is_string_view(kind)
            or kinds.is_null(kind)
        ):
            raise InputRefusedError(
                f"Column {field.name!r} is of type {field.type}, which is not a single value in text",
                where=source_file,
                remedy="Leave the column out, or write it as plain columns, and deliver again.",
            )
    return header


def _find_days(file: Any) -> frozenset[str]:
    """Return the columns with a time zone of which every moment is a midnight there."""
    import pyarrow.types as kinds

    zoned = [field.name for field in file.schema_arrow if kinds.is_timestamp(field.type) and field.type.tz]
    for number in range(file.num_row_groups):
        if not zoned:
            break
        moments = _to_frame(file.read_row_group(number, columns=zoned))
        zoned = [column.name for column in moments if (column.dt.time() == time()).all()]
    return frozenset(name.strip() for name in zoned)


def _to_frame(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("a table became something else than a frame")
    return frame


def _make_set(table: Any, header: list[str], line: int, decimal_mark: str, days: frozenset[str]) -> RecordSet:
    frame = _to_frame(table.rename_columns(header))
    frame = frame.with_columns(pl.col(name).dt.date() for name in frame.columns if name in days)
    rows = frame.select(
        pl.int_range(line, line + frame.height, dtype=pl.Int64).alias(LINE),
        *(_as_text(name, kind, decimal_mark) for name, kind in frame.schema.items()),
    )
    return RecordSet("", header, rows, pl.DataFrame(schema=REJECT_SCHEMA))


def _as_text(name: str, kind: pl.DataType, decimal_mark: str) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        fraction = "%.9f" if kind.time_unit == "ns" else "%.6f"
        if kind.time_zone is not None:
            return column.dt.convert_time_zone("UTC").dt.strftime(f"%Y-%m-%dT%H:%M:%S{fraction}Z")
        moment = column.dt.strftime(f"%Y-%m-%dT%H:%M:%S{fraction}")
        return pl.when(column.dt.time() == time()).then(column.dt.strftime("%Y-%m-%d")).otherwise(moment)
    if isinstance(kind, pl.Date):
        return column.dt.strftime("%Y-%m-%d")
    if isinstance(kind, pl.Time):
        return column.dt.strftime("%H:%M:%S%.f")
    if kind.is_float() or kind.is_decimal():
        number = column.cast(pl.String).str.replace(".", decimal_mark, literal=True)
        return number.str.strip_suffix(f"{decimal_mark}0") if kind.is_float() else number
    stripped = column.cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped).alias(name)
