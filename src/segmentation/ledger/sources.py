"""Files of a delivery read into the ``raw_`` tables: canonical columns, still as text.

Belongs here: finding files, checking their columns against the mapping, routing rows to tables. Does
not belong here: types, plausibility and duplicates (conversion).
"""

import hashlib
import os
from pathlib import Path

import polars as pl

from segmentation.domain.core_tables import RAW_FILE, RAW_QUARANTINE, RAW_TABLES
from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.delimited import better_delimiter, split_file
from segmentation.ledger.mapping import (
    DERIVED_COLUMNS,
    OBSERVED_AT,
    TABLES,
    ColumnSource,
    Dialect,
    FileMapping,
    SourceMapping,
    TableMapping,
    nearest,
)
from segmentation.ledger.moments import ISO_MOMENT, parse_moment
from segmentation.ledger.records import LINE, RecordSet
from segmentation.ledger.rules import REMEDIES

_DATA_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".dat", ".xlsx", ".xls", ".parquet", ".json", ".xml"})
_TRUTH = "truth"
_WORKSPACE_MARKS = ("warehouse.duckdb", "run.lock")
"""Files by which a folder is known to be a data root of this program and not part of a delivery."""

_PUBLISHED = "published"


def read_raw(ledger: Path, mapping: SourceMapping) -> dict[str, pl.DataFrame]:
    """Return every ``raw_`` table: the delivery's rows as text under their canonical names.

    Parameters
    ----------
    ledger : folder of the delivery, or its only file.
    mapping : how its files become the canonical ledger.

    Returns
    -------
    Frames of ``RAW_TABLES`` by name. Blank fields are null. ``observed_at`` alone is derived: the
    latest of its source columns as an ISO 8601 moment, or their text where that cannot be read.

    Raises
    ------
    InputRefusedError
        When a file is missing or cannot be understood well enough to trust any row of it.
    """
    files = list_delivery_files(ledger)
    kinds = _assign_kinds(ledger, files, mapping)
    tables: dict[str, list[pl.DataFrame]] = {name: [] for name in RAW_TABLES}
    for source_file, path in files.items():
        data = _read_bytes(path, source_file)
        kind = kinds.get(source_file)
        if kind is None:
            tables["raw_file"].append(_describe_file(source_file, data, None, []))
            continue
        content = split_file(data, mapping.dialect, source_file)
        unmapped = _check_header(content.header, kind, mapping.dialect, source_file)
        tables["raw_file"].append(_describe_file(source_file, data, content, unmapped))
        tables["raw_quarantine"].append(_describe_rejects(source_file, content, kind))
        for name, table_mapping in kind.tables.items():
            rows = _route_rows(content, name, table_mapping, mapping.dialect)
            tables[f"raw_{name}"].append(rows.with_columns(pl.lit(source_file).alias("source_file")))
    raw = {
        name: RAW_TABLES[name].conform(pl.concat(frames, how="diagonal_relaxed"))
        if frames
        else RAW_TABLES[name].empty()
        for name, frames in tables.items()
    }
    if not raw["raw_invoice"].height:
        raise InputRefusedError(
            "The delivery has no invoices",
            where=", ".join(name for name, kind in kinds.items() if "invoice" in kind.tables) or str(ledger),
            remedy="Export it again and check that it has rows below the header.",
        )
    return raw


def list_delivery_files(ledger: Path) -> dict[str, Path]:
    """Return the files that count as the delivery, by their path relative to the ledger folder, sorted.

    Parameters
    ----------
    ledger : folder of the delivery, or its only file.

    Raises
    ------
    InputRefusedError
        When there is no such folder or file, or a file or folder in it cannot be read.

    Notes
    -----
    Not part of a delivery: hidden files and folders, backups (``~``), files of other kinds than data,
    ``truth`` folders of simulated worlds, and data roots of this program (what it published must not
    come back as input).
    """
    if ledger.is_file():
        _require_readable(ledger, ledger.name)
        return {ledger.name: ledger}
    if not ledger.is_dir():
        raise InputRefusedError(
            "There is no such ledger folder or file",
            where=str(ledger),
            remedy="Give the path of the folder that holds the exported files.",
        )
    found: dict[str, Path] = {}
    for folder, subfolders, names in os.walk(ledger, onerror=_refuse_unreadable):
        here = Path(folder)
        subfolders[:] = [name for name in subfolders if _may_hold_files(here, name, ledger)]
        for name in names:
            if name.startswith((".", "~")) or Path(name).suffix.lower() not in _DATA_SUFFIXES:
                continue
            relative = (here / name).relative_to(ledger).as_posix()
            _require_readable(here / name, relative)
            found[relative] = here / name
    return {name: found[name] for name in sorted(found, key=lambda name: Path(name).parts)}


def _may_hold_files(parent: Path, name: str, ledger: Path) -> bool:
    if name == _TRUTH or name.startswith((".", "~")) or _is_workspace(parent / name):
        return False
    return not (name == _PUBLISHED and parent == ledger and _is_workspace(ledger))


def _is_workspace(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in _WORKSPACE_MARKS)


def _require_readable(path: Path, name: str) -> None:
    if not path.is_file():
        raise InputRefusedError(
            "This is a broken link or not a file",
            where=name,
            remedy="Take it out of the ledger folder, or put the file there that it stands for.",
        )
    if not os.access(path, os.R_OK):
        raise _unreadable(name, "no permission")


def _refuse_unreadable(error: OSError) -> None:
    raise _unreadable(str(error.filename), str(error.strerror)) from None


def _unreadable(name: str, why: str) -> InputRefusedError:
    return InputRefusedError(
        f"The file or folder cannot be read: {why}",
        where=name,
        remedy="Check its permissions and that no other program is writing it.",
    )


def _assign_kinds(ledger: Path, files: dict[str, Path], mapping: SourceMapping) -> dict[str, FileMapping]:
    kinds = {name: kind for name in files if (kind := mapping.file_mapping(name)) is not None}
    if not kinds and ledger.is_file() and len(mapping.files) == 1:
        return {ledger.name: mapping.files[0]}  # the user named the file: its name need not fit
    for kind in mapping.files:
        if kind.optional or any(found is kind for found in kinds.values()):
            continue
        strays = [name for name in files if name not in kinds]
        likely = nearest(kind.filename, strays)
        raise InputRefusedError(
            f"The ledger has no file {kind.filename}" + (f"; is it {likely!r}?" if likely else ""),
            where=str(ledger),
            remedy=f"Add or rename the file, or choose another mapping than {mapping.name!r}.",
        )
    return kinds


def _read_bytes(path: Path, source_file: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(source_file, str(error.strerror)) from None


def _check_header(header: list[str], kind: FileMapping, dialect: Dialect, source_file: str) -> list[str]:
    """Return the columns that are neither mapped nor ignored; refuse when a mapped one is missing."""
    required: set[str] = set()
    usable: set[str] = set()
    for name, mapping in kind.tables.items():
        required |= _required_columns(name, mapping)
        usable |= set(TABLES[name].column_names) if mapping.as_is else set()
    missing = sorted(required - set(header))
    if missing:
        other = better_delimiter(header, required | usable, dialect)
        if other is not None:
            raise InputRefusedError(
                f"The columns are separated by {_name(other)}, not by {_name(dialect.delimiter)}",
                where=f"{source_file}, line 1",
                remedy="Set `delimiter` in the mapping to it, or export the file as the mapping says.",
            )
        likely = nearest(missing[0], [name for name in header if name not in required])
        raise InputRefusedError(
            f"The file has no column {', '.join(map(repr, missing))}"
            + (f"; {missing[0]!r} may be {likely!r}" if likely else ""),
            where=f"{source_file}, line 1",
            remedy=f"Correct the mapping or the file. Its columns are: {', '.join(header)}.",
        )
    known = required | usable | set(kind.ignored)
    return [name for name in header if name not in known]


def _required_columns(name: str, mapping: TableMapping) -> set[str]:
    if mapping.as_is:
        return {
            column.name
            for column in TABLES[name].columns
            if not column.is_nullable and column.name not in DERIVED_COLUMNS
        }
    named = {column for source in mapping.columns.values() for column in source.source_columns}
    return named | set(mapping.where) | ({mapping.when} if mapping.when else set())


def _name(delimiter: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}.get(
        delimiter, repr(delimiter)
    )


def _route_rows(content: RecordSet, name: str, mapping: TableMapping, dialect: Dialect) -> pl.DataFrame:
    rows = content.rows
    if mapping.when is not None:
        rows = rows.filter(pl.col(mapping.when).is_not_null())
    for column, value in mapping.where.items():
        rows = rows.filter(pl.col(column).eq_missing(pl.lit(value.strip())))
    if mapping.as_is:
        sources = {
            column: ColumnSource(column=column)
            for column in TABLES[name].column_names
            if column in content.header and column not in DERIVED_COLUMNS
        }
    else:
        sources = mapping.columns
    return rows.select(
        LINE,
        *(
            (_read_observed_at(source, dialect) if column == OBSERVED_AT else _read_value(source)).alias(
                column
            )
            for column, source in sources.items()
        ),
    )


def _read_value(source: ColumnSource) -> pl.Expr:
    if source.column is None:
        return pl.lit(source.constant, dtype=pl.String)
    value = pl.col(source.column)
    if source.values:
        value = value.replace(source.values)
    return pl.lit(source.prefix) + value if source.prefix else value


def _read_observed_at(source: ColumnSource, dialect: Dialect) -> pl.Expr:
    if source.constant is not None:
        texts = [pl.lit(source.constant, dtype=pl.String)]
    else:
        texts = [pl.col(column) for column in source.source_columns]
    formats = source.date_format or dialect.date_format
    moments = [parse_moment(text, dialect.timestamp_format, formats) for text in texts]
    is_readable = pl.all_horizontal(
        text.is_null() | moment.is_not_null() for text, moment in zip(texts, moments, strict=True)
    )
    latest = pl.max_horizontal(moments).dt.strftime(ISO_MOMENT)
    return (
        pl.when(is_readable).then(latest).otherwise(pl.concat_str(texts, separator=" | ", ignore_nulls=True))
    )


def _describe_file(
    source_file: str, data: bytes, content: RecordSet | None, unmapped: list[str]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source_file": [source_file],
            "sha256": [hashlib.sha256(data).hexdigest()],
            "byte_count": [len(data)],
            "row_count": [content.row_count if content else 0],
            "is_mapped": [content is not None],
            "unmapped_columns": [unmapped],
        },
        schema=RAW_FILE.polars_schema,
    )


def _describe_rejects(source_file: str, content: RecordSet, kind: FileMapping) -> pl.DataFrame:
    """Return the lines that could not be split, under the table that the file is mainly about."""
    main = "invoice" if "invoice" in kind.tables else next(iter(kind.tables))
    return RAW_QUARANTINE.conform(
        content.rejects.with_columns(
            pl.lit(source_file).alias("source_file"),
            pl.lit(f"core_{main}").alias("table_name"),
            pl.col("rule").replace_strict(REMEDIES, default=None, return_dtype=pl.String).alias("remedy"),
        )
    )
