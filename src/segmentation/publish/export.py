"""Copies of published tables for other programs: CSV, Parquet or JSON lines.

Belongs here: writing the tables of a snapshot into a folder of the user's choice. Does not belong
here: the snapshot itself, which consumers read in place.

Names of persons are left empty unless they are asked for.

A spreadsheet takes a text cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break for a
formula, and a formula can send data away (OWASP, *CSV Injection*). In CSV such a cell gets an apostrophe
in front, which spreadsheets do not show. Numbers and dates are never touched, so a negative amount
stays a number. Parquet and JSON lines hold every text unchanged: use them between programs.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from segmentation.domain.errors import UsageError
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.domain.schema import DataType, Role, Table
from segmentation.publish.layout import UNFINISHED_PREFIX
from segmentation.publish.reader import Snapshot

_FORMULA_START = r"^[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
"""Also the full-width forms, which some spreadsheets take for the plain ones."""


def export_snapshot(
    snapshot: Snapshot, directory: Path, file_format: str = "csv", *, with_names: bool = False
) -> list[Path]:
    """Write every table of a snapshot to a folder and return the files, in the order of the contract.

    Parameters
    ----------
    snapshot : snapshot to export; every file is checked before it is read.
    directory : folder to write to; made when missing, files of the same name are replaced.
    file_format : ``csv``, ``parquet`` or ``jsonl`` (rows as the JSON Schemas of the snapshot describe).
    with_names : whether to export names of persons; without it they are null.

    Raises
    ------
    UsageError
        When the format is unknown or the folder cannot be written to.
    IntegrityError
        When a file of the snapshot was changed.
    """
    if file_format not in _WRITERS:
        raise UsageError(
            f"Unknown format {file_format!r}", remedy=f"Choose one of {', '.join(sorted(_WRITERS))}."
        )
    write, suffix = _WRITERS[file_format], file_format
    written = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, table in PUBLISHED_TABLES.items():
            if name not in snapshot.manifest.tables:
                continue
            frame = snapshot.read_table(name)
            if not with_names:
                frame = _without_names(frame, table)
            final = directory / f"{name}.{suffix}"
            aside = directory / f"{UNFINISHED_PREFIX}{final.name}"
            try:
                write(frame, table, aside)
                aside.replace(final)
            finally:
                aside.unlink(missing_ok=True)
            written.append(final)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(
            f"The export could not be written: {getattr(error, 'strerror', None) or error}",
            where=str(directory),
            remedy="Choose a folder that you may write to, on a disk with room.",
        ) from error
    return written


def neutralise_formulas(text: pl.Expr) -> pl.Expr:
    """Return the text with an apostrophe in front where a spreadsheet would take it for a formula."""
    marked = pl.concat_str(pl.lit("'"), text)
    return pl.when(text.str.contains(_FORMULA_START)).then(marked).otherwise(text).name.keep()


def _without_names(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    return frame.with_columns(
        pl.lit(None, dtype=pl.String).alias(name) for name in table.columns_with(Role.PERSONAL)
    )


def _write_csv(frame: pl.DataFrame, table: Table, path: Path) -> None:
    lists = [c.name for c in table.columns if c.data_type is DataType.TEXT_LIST]
    texts = [c.name for c in table.columns if c.data_type is DataType.TEXT]
    frame.with_columns(
        *(neutralise_formulas(pl.col(name)) for name in texts),
        # A list is one cell of JSON text, so that no separator of ours can clash with what is in it.
        *(_as_json(name) for name in lists),
    ).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ", line_terminator="\r\n")


def _as_json(name: str) -> pl.Expr:
    wrapped = pl.struct(pl.col(name).alias("x")).struct.json_encode()
    return wrapped.str.strip_prefix('{"x":').str.strip_suffix("}").alias(name)


def _write_parquet(frame: pl.DataFrame, _table: Table, path: Path) -> None:
    frame.write_parquet(path)


def _write_json_lines(frame: pl.DataFrame, _table: Table, path: Path) -> None:
    frame.write_ndjson(path)


_WRITERS: Mapping[str, Callable[[pl.DataFrame, Table, Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "jsonl": _write_json_lines,
}
