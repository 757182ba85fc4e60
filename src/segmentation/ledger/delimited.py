"""Delimited text split into records by a declared dialect, with the physical line of each.

Belongs here: bytes to columns of text, and everything that makes a file as a whole unreadable. Does
not belong here: what the columns mean (sources), what the values must look like (conversion).

The lines are told apart first, by quote parity, and only records that are well formed and have as
many fields as the header reach the parser: no reader option has to be trusted not to guess.
"""

import csv
import re

import polars as pl

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.mapping import Dialect
from segmentation.ledger.records import LINE, MAX_VALUE_LENGTH, RecordSet

_OTHER_DELIMITERS = (",", ";", "\t", "|")
_WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of a zip archive (.xlsx) and of an older Office file (.xls)."""

_MARKUP = re.compile(r"\s*<(?:!doctype|\?xml|html|head|body|div|table|error)\b", re.IGNORECASE)


def split_file(data: bytes, dialect: Dialect, source_file: str) -> RecordSet:
    """Return the records of a delimited file.

    Raises
    ------
    InputRefusedError
        When the file is empty, a web page, in another encoding, cut off, or has an unusable header.
    """
    text = _decode(data, dialect, source_file)
    lines = _split_lines(text, dialect, source_file)
    records = _join_records(lines, dialect, source_file)
    header = _read_header(records.row(0, named=True), dialect, source_file)
    records = records.slice(1)
    field_count = pl.col("text").str.count_matches(dialect.delimiter, literal=True) + 1
    if dialect.quote in text:
        quoted = _quoted_pattern(dialect)
        unquoted = pl.col("text").str.replace_all(quoted, "")
        field_count = (
            pl.when(pl.col("text").str.contains(dialect.quote, literal=True))
            .then(unquoted.str.count_matches(dialect.delimiter, literal=True) + 1)
            .otherwise(field_count)
        )
    records = records.with_columns(
        pl.when(pl.col("is_malformed"))
        .then(pl.lit("stray_quote"))
        .when(field_count < len(header))
        .then(pl.lit("too_few_fields"))
        .when(field_count > len(header))
        .then(pl.lit("too_many_fields"))
        .alias("rule")
    )
    if records.height and records.item(-1, "rule") == "too_few_fields":
        raise InputRefusedError(
            f"The last line has fewer fields than the header: {_shorten(records.item(-1, 'text'))!r}",
            where=f"{source_file}, line {records.item(-1, LINE)}",
            remedy="The file was probably cut off, or ends with a footer: export it again, without footer.",
        )
    rows = _parse(records.filter(pl.col("rule").is_null()), header, dialect, source_file)
    rejects = _list_rejects(records.filter(pl.col("rule").is_not_null()))
    return RecordSet("", header, rows, rejects)


def _list_rejects(records: pl.DataFrame) -> pl.DataFrame:
    """Return every physical line of the records: how many rows a torn one held cannot be known."""
    lines = records.with_columns(pl.col("text").str.split("\n")).with_columns(
        pl.int_ranges(pl.col(LINE), pl.col(LINE) + pl.col("text").list.len().cast(pl.Int64)).alias(LINE)
    )
    return _drop_blank(lines.explode(LINE, "text")).select(
        LINE, "rule", pl.col("text").str.slice(0, MAX_VALUE_LENGTH).alias("value")
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


def _decode(data: bytes, dialect: Dialect, source_file: str) -> str:
    if not data.strip(b" \r\n\t\x00\xef\xbb\xbf"):
        raise InputRefusedError(
            "The file is empty", where=source_file, remedy="Export it again and check that it has rows."
        )
    if data.startswith(_WORKBOOK_MARKS):
        raise InputRefusedError(
            "The file is an Excel workbook or an archive, whatever its name says",
            where=source_file,
            remedy="Open it and save the sheet as CSV, or unpack it.",
        )
    is_utf8_declared = dialect.encoding.lower().replace("_", "-") in {"utf-8", "utf8", "utf-8-sig"}
    if is_utf8_declared and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _wrong_encoding(dialect, "utf-16", f"{source_file}, line 1")
    try:
        text = data.decode("utf-8-sig" if is_utf8_declared else dialect.encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _wrong_encoding(dialect, "windows-1252", f"{source_file}, line {line}") from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise InputRefusedError(
            "The file holds NUL bytes, so it is not a text file in the declared encoding",
            where=f"{source_file}, line {line}",
            remedy=f"Export it again as text in {dialect.encoding}, or correct `encoding` in the mapping.",
        )
    if not is_utf8_declared and not data.isascii() and _is_utf8(data):
        raise _wrong_encoding(dialect, "utf-8", source_file)
    if _MARKUP.match(text.removeprefix("\ufeff")):
        raise InputRefusedError(
            "The file is a web page or XML, not a table",
            where=f"{source_file}, line 1",
            remedy="The export or download probably failed: open the file, read its message, export again.",
        )
    return text.removeprefix("\ufeff")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _wrong_encoding(dialect: Dialect, likely: str, where: str) -> InputRefusedError:
    return InputRefusedError(
        f"The file is not written in {dialect.encoding}",
        where=where,
        remedy=f"Set `encoding` in the mapping to what the source writes ({likely} is likely), or export again.",
    )


def _split_lines(text: str, dialect: Dialect, source_file: str) -> pl.DataFrame:
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    if not text.endswith("\n") and dialect.final_newline == "required":
        raise InputRefusedError(
            "The last line has no end, so the file may have been cut off",
            where=f"{source_file}, line {text.count(chr(10)) + 1}",
            remedy="Export it again; if the source never ends its last line, set `final_newline: optional`.",
        )
    return (
        pl.DataFrame({"text": [text.removesuffix("\n")]})
        .select(pl.col("text").str.split("\n").explode().str.strip_suffix("\r"))
        .with_row_index(LINE, offset=1)
        .with_columns(pl.col(LINE).cast(pl.Int64))
    )


def _quoted_pattern(dialect: Dialect) -> str:
    quote = re.escape(dialect.quote)
    return f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}"


def _join_records(lines: pl.DataFrame, dialect: Dialect, source_file: str) -> pl.DataFrame:
    """Return records (text, first line, is_malformed); a quoted field may run over several lines."""
    quotes = pl.col("text").str.count_matches(dialect.quote, literal=True)
    if not lines.select(quotes.gt(0).any()).item():
        return _drop_blank(lines.with_columns(pl.lit(value=False).alias("is_malformed")))
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    inner = f"(?:[^{quote}]|{quote}{quote})*"
    field = f"(?:{quote}{inner}{quote}|[^{quote}{delimiter}]*)"
    opens = f"^(?:{field}{delimiter})*{quote}{inner}$"
    closes = f"^{inner}{quote}(?:{delimiter}{field})*$"
    is_odd = quotes % 2 == 1
    lines = lines.with_columns(
        (is_odd & ~pl.col("text").str.contains(opens) & ~pl.col("text").str.contains(closes)).alias(
            "is_stray"
        )
    )
    flips = (is_odd & ~pl.col("is_stray")).cast(pl.Int64)
    lines = lines.with_columns(flips.alias("flips")).with_columns(
        ((pl.col("flips").cum_sum() - pl.col("flips")) % 2 == 0).alias("is_start")
    )
    if lines.get_column("flips").sum() % 2:
        opened = lines.filter(pl.col("flips") == 1).item(-1, LINE)
        raise InputRefusedError(
            "A quoted field is opened and never closed",
            where=f"{source_file}, line {opened}",
            remedy="The file was cut off, or a quote inside the field is not doubled: export it again.",
        )
    record = lines.with_columns(pl.col("is_start").cum_sum().alias("record"))
    records = record.group_by("record", maintain_order=True).agg(
        pl.col(LINE).first(),
        pl.col("text").str.join("\n"),
        pl.col("is_stray").any(),
    )
    complete = f"^{field}(?:{delimiter}{field})*$"
    records = records.with_columns(
        (
            pl.col("is_stray")
            | (
                pl.col("text").str.contains(dialect.quote, literal=True)
                & ~pl.col("text").str.contains(complete)
            )
        ).alias("is_malformed")
    )
    return _drop_blank(records.select(LINE, "text", "is_malformed"))


def _drop_blank(records: pl.DataFrame) -> pl.DataFrame:
    return records.filter(pl.col("text").str.strip_chars(" ") != "")


def _read_header(record: dict[str, object], dialect: Dialect, source_file: str) -> list[str]:
    where = f"{source_file}, line {record[LINE]}"
    if record["is_malformed"]:
        raise InputRefusedError(
            "The header has a stray quote", where=where, remedy="Correct the header and deliver again."
        )
    fields = next(csv.reader([str(record["text"])], delimiter=dialect.delimiter, quotechar=dialect.quote))
    header = [name.strip() for name in fields]
    named = [name for name in header if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise InputRefusedError(
            f"The header names {', '.join(map(repr, twice))} more than once",
            where=where,
            remedy="It cannot be known which of them counts: rename or remove one and deliver again.",
        )
    return [name or f"(column {number})" for number, name in enumerate(header, start=1)]


def _parse(records: pl.DataFrame, header: list[str], dialect: Dialect, source_file: str) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = dict.fromkeys(header, pl.String())
    if not records.height:
        return pl.DataFrame(schema={LINE: pl.Int64(), **schema})
    text = records.select(pl.col("text").str.join("\n")).item()
    rows = pl.read_csv(
        text.encode(),
        has_header=False,
        separator=dialect.delimiter,
        quote_char=dialect.quote,
        schema=schema,
        raise_if_empty=False,
    )
    if rows.height != records.height:
        raise InputRefusedError(
            f"The file could not be split reliably: {records.height} records gave {rows.height} rows",
            where=source_file,
            remedy="Check `delimiter` and `quote` in the mapping; write the file as plain CSV.",
        )
    stripped = rows.with_columns(pl.all().str.strip_chars()).with_columns(
        pl.when(pl.all() != "").then(pl.all())
    )
    return stripped.insert_column(0, records.get_column(LINE))


def _shorten(value: str) -> str:
    return value[:MAX_VALUE_LENGTH]
