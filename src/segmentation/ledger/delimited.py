"""Delimited text split into records by a declared dialect, block by block, with the line of each.

Belongs here: bytes to columns of text, and everything that makes a file as a whole unreadable. Does
not belong here: what the columns mean (sources), what the values must look like (conversion).

The records are told apart first (record_scan), and only those that are well formed and have as many
fields as the header reach the parser: no reader option has to be trusted not to guess.
"""

import csv
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.dialect import Dialect
from segmentation.ledger.encoded_text import UTF8_MARK, as_utf8, is_utf8_declared, wrong_encoding
from segmentation.ledger.records import BLANKS, LINE, MAX_VALUE_LENGTH, REJECT_SCHEMA, RecordSet

if TYPE_CHECKING:
    from segmentation.ledger.record_scan import RecordScan

BLOCK_BYTES = 1 << 25
"""Text that is held as columns at one time."""

_OTHER_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class _Block:
    """A piece of a file that begins at a record, and the records in it."""

    text: bytes
    scan: "RecordScan"
    first_line: int

    @property
    def lines(self) -> np.ndarray:
        """Line in the file of each record."""
        return self.scan.lines + (self.first_line - 1)


def read_delimited(
    path: Path, dialect: Dialect, source_file: str, block_bytes: int = BLOCK_BYTES
) -> Iterator[RecordSet]:
    """Yield the records of a delimited file, a block at a time; at least one block, if only a header.

    Parameters
    ----------
    path : the file.
    dialect : how it is written.
    source_file : its name in messages.
    block_bytes : size of a block; the result does not depend on it.

    Raises
    ------
    InputRefusedError
        When the file is empty, a web page, in another encoding, cut off, or has an unusable header.
    """
    with path.open("rb") as file:
        if path.stat().st_size and is_utf8_declared(dialect.encoding):
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                yield from split_file(content, dialect, source_file, block_bytes)
        else:
            yield from split_file(file.read(), dialect, source_file, block_bytes)


def split_file(
    data: bytes | mmap.mmap, dialect: Dialect, source_file: str, block_bytes: int = BLOCK_BYTES
) -> Iterator[RecordSet]:
    """Yield the records of a delimited file that is held as bytes; see ``read_delimited``."""
    text = as_utf8(data, dialect, source_file)
    offset, end = _find_header(text, dialect, source_file), 0
    line = dialect.header_line
    header: list[str] | None = None
    last_is_short = None
    while offset < len(text) or header is None:
        end = min(max(end, offset) + block_bytes, len(text))
        is_last = end == len(text)
        content = _take_block(text[offset:end], line, dialect, source_file, is_last=is_last)
        block = _Block(content, _scan(content, line, dialect, source_file, is_last=is_last), line)
        offset, line = offset + block.scan.consumed, line + block.scan.line_count
        if isinstance(text, mmap.mmap):  # what was read need not stay in memory
            text.madvise(mmap.MADV_DONTNEED, 0, offset - offset % mmap.PAGESIZE)
        if not block.scan.starts.size and not is_last:
            continue  # blank lines, or a record longer than a block: take more
        skipped = 0
        if header is None:
            header, skipped = _read_header(block, dialect, source_file), 1
        records = _read_records(block, header, dialect, source_file, skipped=skipped)
        if block.scan.starts.size > skipped:
            short = records.rejects.filter(pl.col("rule") == "too_few_fields").tail(1)
            is_short = short.height and short.item(0, LINE) >= block.lines[-1]
            last_is_short = short.row(0) if is_short else None
        yield records
    if last_is_short is not None:
        raise InputRefusedError(
            f"The last line has fewer fields than the header: {last_is_short[2]!r}",
            where=f"{source_file}, line {last_is_short[0]}",
            remedy="The file was probably cut off, or ends with a footer: export it again, without footer.",
        )


def better_delimiter(header: list[str], expected: set[str], dialect: Dialect) -> str | None:
    """Return another delimiter that would yield more of the expected columns; None when there is none."""
    line = dialect.delimiter.join(header)
    found = {
        other: len(expected & {name.strip().strip(dialect.quote) for name in line.split(other)})
        for other in _OTHER_DELIMITERS
        if other != dialect.delimiter
    }
    best = max(found, key=lambda other: found[other])
    return best if found[best] > len(expected & set(header)) else None


def _find_header(text: bytes | mmap.mmap, dialect: Dialect, source_file: str) -> int:
    """Return the offset of the line on which the header stands."""
    offset = len(UTF8_MARK) if text[: len(UTF8_MARK)] == UTF8_MARK else 0
    for _ in range(dialect.header_line - 1):
        offset = text.find(b"\n", offset) + 1
        if not offset:
            raise InputRefusedError(
                f"The file ends before line {dialect.header_line}, where its header should be",
                where=source_file,
                remedy="Correct `header_line` in the mapping, or export the file again.",
            )
    return offset


def _take_block(block: bytes, first_line: int, dialect: Dialect, source_file: str, *, is_last: bool) -> bytes:
    """Return the block, the last one with the line end that it may lack; refuse what is no text."""
    if (position := block.find(b"\x00")) >= 0:
        raise InputRefusedError(
            "The file holds NUL bytes, so it is not a text file in the declared encoding",
            where=f"{source_file}, line {first_line + _count_lines(block, position)}",
            remedy=f"Export it again as text in {dialect.encoding}, or correct `encoding` in the mapping.",
        )
    if is_last and block and not block.endswith(b"\n"):
        if dialect.final_newline == "required":
            raise InputRefusedError(
                "The last line has no end, so the file may have been cut off",
                where=f"{source_file}, line {first_line + _count_lines(block, len(block))}",
                remedy="Export it again; if the source never ends its last line, set `final_newline: optional`.",
            )
        return block + b"\n"
    return block


def _count_lines(block: bytes, end: int) -> int:
    return block.count(b"\n", 0, end)


def _scan(
    block: bytes, first_line: int, dialect: Dialect, source_file: str, *, is_last: bool
) -> "RecordScan":
    from segmentation.ledger.record_scan import scan_records

    scan = scan_records(block, dialect.delimiter, dialect.quote)
    if is_last and scan.open_quote_line:
        raise InputRefusedError(
            "A quoted field is opened and never closed",
            where=f"{source_file}, line {first_line + scan.open_quote_line - 1}",
            remedy="The file was cut off, or a quote inside the field is not doubled: export it again.",
        )
    if not block.isascii():
        try:
            block[: scan.consumed].decode("utf-8")
        except UnicodeDecodeError as error:
            line = first_line + _count_lines(block, error.start)
            raise wrong_encoding(dialect, "windows-1252", f"{source_file}, line {line}") from None
    return scan


def _read_header(block: _Block, dialect: Dialect, source_file: str) -> list[str]:
    scan = block.scan
    if not scan.starts.size:
        raise InputRefusedError(
            "The file is empty",
            where=source_file,
            remedy="Export it again and check that it has a header and rows.",
        )
    where = f"{source_file}, line {block.lines[0]}"
    if scan.is_malformed[0]:
        raise InputRefusedError(
            "The header has a stray quote", where=where, remedy="Correct the header and deliver again."
        )
    text = block.text[int(scan.starts[0]) : int(scan.ends[0])].decode("utf-8")
    if dialect.quote not in text:
        return check_header(text.split(dialect.delimiter), where)
    try:
        fields = next(csv.reader([text], delimiter=dialect.delimiter, quotechar=dialect.quote))
    except csv.Error as error:
        raise InputRefusedError(
            f"The header cannot be split into names: {error}",
            where=where,
            remedy="Correct the header, or `header_line` in the mapping, and deliver again.",
        ) from None
    return check_header(fields, where)


def check_header(fields: list[str], where: str) -> list[str]:
    """Return the column names, those left blank numbered.

    Raises
    ------
    InputRefusedError
        When a name is there twice.
    """
    header = [name.strip(BLANKS) for name in fields]
    named = [name for name in header if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise InputRefusedError(
            f"The header names {', '.join(map(repr, twice))} more than once",
            where=where,
            remedy="It cannot be known which of them counts: rename or remove one and deliver again.",
        )
    return [name or f"(column {number})" for number, name in enumerate(header, start=1)]


def _read_records(
    block: _Block, header: list[str], dialect: Dialect, source_file: str, *, skipped: int
) -> RecordSet:
    from segmentation.ledger.record_scan import HAS_EDGE_BLANK, HAS_QUOTE

    scan = block.scan
    is_good = ~scan.is_malformed & (scan.field_counts == len(header))
    is_good[:skipped] = False
    is_bad = ~is_good
    is_bad[:skipped] = False
    count = int(is_good.sum())
    rows = _parse(_cut(block, is_good), header, dialect, has_quotes=bool(scan.marks & HAS_QUOTE))
    if rows.height != count:
        raise InputRefusedError(
            f"The file could not be split reliably: {count} records gave {rows.height} rows",
            where=f"{source_file}, from line {block.first_line}",
            remedy="Check `delimiter` and `quote` in the mapping; write the file as plain CSV.",
        )
    if scan.marks & HAS_EDGE_BLANK:
        stripped = rows.with_columns(pl.all().str.strip_chars(BLANKS))
        rows = stripped.with_columns(pl.when(pl.all() != "").then(pl.all()))
    rows = rows.insert_column(0, pl.Series(LINE, block.lines[is_good], dtype=pl.Int64))
    rejects = _list_rejects(block, is_bad, len(header))
    return RecordSet("", header, rows, rejects, may_have_lost_digits=b"E+" in block.text)


def _cut(block: _Block, is_good: np.ndarray) -> bytes:
    """Return the text of the good records, each with its line end."""
    scan, text = block.scan, block.text
    edges = np.flatnonzero(np.diff(is_good.astype(np.int8), prepend=0, append=0))
    if not scan.is_contiguous:
        places = zip(scan.starts[is_good].tolist(), scan.ends[is_good].tolist(), strict=True)
        return b"".join(text[start:end] + b"\n" for start, end in places)
    bounds = np.append(scan.starts, scan.consumed)[edges].tolist()  # unbroken runs of good records
    if len(bounds) == 2:  # noqa: PLR2004  start and end of the only one
        return text[bounds[0] : bounds[1]]
    return b"".join(text[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True))


def _parse(text: bytes, header: list[str], dialect: Dialect, *, has_quotes: bool) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = dict.fromkeys(header, pl.String())
    if not text:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(
        text,
        has_header=False,
        separator=dialect.delimiter,
        quote_char=dialect.quote if has_quotes else None,
        schema=schema,
        raise_if_empty=False,
    )


def _list_rejects(block: _Block, is_bad: np.ndarray, field_count: int) -> pl.DataFrame:
    """Return every physical line of the bad records: how many rows a torn one held cannot be known."""
    scan, lines = block.scan, block.lines
    rejects = []
    for number in np.flatnonzero(is_bad).tolist():
        rule = "too_few_fields" if scan.field_counts[number] < field_count else "too_many_fields"
        if scan.is_malformed[number]:
            rule = "stray_quote"
        record = block.text[int(scan.starts[number]) : int(scan.ends[number])].decode("utf-8")
        rejects += [
            (int(lines[number]) + step, rule, line.removesuffix("\r")[:MAX_VALUE_LENGTH])
            for step, line in enumerate(record.split("\n"))
            if line.strip(" \r")
        ]
    return pl.DataFrame(rejects, schema=REJECT_SCHEMA, orient="row")
