"""Columns of a file held against what the mapping needs.

Belongs here: missing and unmapped columns. Does not belong here: the rows (sources).
"""

import functools
import re

from segmentation.domain.core_tables import PROGRAM_COLUMNS
from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.delimited import better_delimiter
from segmentation.ledger.mapping import TABLES, Format, TableMapping
from segmentation.ledger.near_words import nearest
from segmentation.ledger.record_files import SourceFile
from segmentation.ledger.records import BLANKS, RecordSet

_WORD = re.compile(r"\w+")
_BEGINNING = 1 << 16
_MOST_NAMES, _MOST_LETTERS = 12, 40


def check_header(source: SourceFile, records: RecordSet) -> list[str]:
    """Return the columns that are neither mapped nor ignored.

    Raises
    ------
    InputRefusedError
        When a mapped column is missing.
    """
    required: set[str] = set()
    usable: set[str] = set()
    for name, routes in source.kind.tables.items():
        for route in routes:
            if route.records == records.name:
                required |= required_columns(name, route)
                usable |= set(TABLES[name].column_names) if route.as_is else set()
    _require_columns(source, records.header, required, usable)
    looked_up = {word for kind in source.mapping.files for word in _words(kind.sql)}
    known = required | usable | set(source.kind.ignored) | looked_up
    return [name for name in records.header if name not in known]


def required_columns(name: str, route: TableMapping) -> set[str]:
    """Return the source columns that a way of filling a table needs."""
    if route.as_is:
        return {
            column.name
            for column in TABLES[name].columns
            if not column.is_nullable and column.name not in PROGRAM_COLUMNS
        }
    named = {column for source in route.columns.values() for column in source.source_columns}
    return named | set(route.when) | set(route.where) | set(route.where_not)


@functools.cache
def _words(sql: str) -> frozenset[str]:
    """Return the column names in a query: its words, and what stands in double quotes."""
    return frozenset(_WORD.findall(sql)) | frozenset(re.findall(r'"([^"]+)"', sql))


def _require_columns(source: SourceFile, header: list[str], required: set[str], usable: set[str]) -> None:
    missing = sorted(required - set(header))
    if not missing:
        return
    dialect = source.dialect
    where = f"{source.name}, line {dialect.header_line}"
    if source.kind.format == Format.DELIMITED and not source.kind.sql:
        other = better_delimiter(header, required | usable, dialect)
        if other is not None:
            raise InputRefusedError(
                f"The columns are separated by {_name(other)}, not by {_name(dialect.delimiter)}",
                where=where,
                remedy="Set `delimiter` in the mapping to it, or export the file as the mapping says.",
            )
    if source.kind.format == Format.DELIMITED and (line := _find_header_line(source, required)):
        raise InputRefusedError(
            f"The file has no column {', '.join(map(repr, missing))}: its columns are named in line {line}",
            where=where,
            remedy=f"Set `header_line: {line}` in the mapping, or export the file without what stands above.",
        )
    likely = nearest(missing[0], [name for name in header if name not in required])
    raise InputRefusedError(
        f"The file has no column {', '.join(map(repr, missing))}"
        + (f"; {missing[0]!r} may be {likely!r}" if likely else ""),
        where=where,
        remedy=f"Correct the mapping or the file. Its columns are: {_show(header)}.",
    )


def _find_header_line(source: SourceFile, required: set[str]) -> int | None:
    """Return the line among the first ones that names all required columns; None when none does."""
    with source.path.open("rb") as file:
        beginning = file.read(_BEGINNING).decode(source.dialect.encoding, errors="replace")
    for number, line in enumerate(re.split("\r\n|\n|\r", beginning), start=1):
        names = line.split(source.dialect.delimiter)
        if required <= {name.strip(BLANKS).strip(source.dialect.quote).strip(BLANKS) for name in names}:
            return number
    return None


def _show(header: list[str]) -> str:
    """Return the names as a message can hold them."""
    shown = [
        "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name[:_MOST_LETTERS])
        + ("..." if len(name) > _MOST_LETTERS else "")
        for name in header[:_MOST_NAMES]
    ]
    more = len(header) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _name(delimiter: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}.get(
        delimiter, repr(delimiter)
    )
