"""A file of the delivery and its records, whatever its format.

Belongs here: which reader reads which format. Does not belong here: the readers, what the records mean
(sources).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.delimited import read_delimited
from segmentation.ledger.delivery_files import unreadable
from segmentation.ledger.dialect import Dialect
from segmentation.ledger.labels import translate_header
from segmentation.ledger.mapping import FileMapping, Format, SourceMapping
from segmentation.ledger.records import RecordSet


@dataclass(frozen=True)
class SourceFile:
    """A file that the mapping reads.

    Parameters
    ----------
    name : path relative to the ledger folder, as rows and messages name it.
    path : where it is.
    kind : what the mapping says about it.
    mapping : the mapping.
    """

    name: str
    path: Path
    kind: FileMapping
    mapping: SourceMapping

    @cached_property
    def dialect(self) -> Dialect:
        """How the file is written."""
        return self.mapping.dialect_of(self.kind)


def read_record_sets(source: SourceFile) -> Iterator[RecordSet]:
    """Yield the records of a file, a block at a time; each set comes at least once, if only as a header.

    Raises
    ------
    InputRefusedError
        When the file cannot be understood well enough to trust any row of it.
    """
    try:
        for records in _read_as_named(source):
            yield translate_header(records, source.kind, source.name)
    except OSError as error:
        raise unreadable(source.name, str(error.strerror)) from None


def _read_as_named(source: SourceFile) -> Iterator[RecordSet]:
    """Yield the records under the headings that the file has."""
    if source.kind.format == Format.DELIMITED:
        yield from read_delimited(source.path, source.dialect, source.name)
    elif source.kind.format == Format.PARQUET:
        from segmentation.ledger.readers.parquet import read_parquet

        yield from read_parquet(source.path, source.name, source.dialect.decimal_mark)
    else:
        yield from _require_named(_read_whole(source), source)


def _read_whole(source: SourceFile) -> list[RecordSet]:
    """Return the records of a file in a format that is read at once; its library is loaded only here."""
    data = source.path.read_bytes()
    match source.kind.format:
        case Format.EXCEL:
            from segmentation.ledger.readers.workbook import read_workbook

            dialect = source.dialect
            return read_workbook(data, source.name, dialect.header_line, dialect.decimal_mark)
        case Format.UBL:
            from segmentation.ledger.readers.ubl import read_ubl

            return read_ubl(data, source.name)
        case Format.FACTURX:
            from segmentation.ledger.readers.facturx import read_facturx

            return read_facturx(data, source.name)
        case Format.CAMT053:
            from segmentation.ledger.readers.camt053 import read_camt053

            return read_camt053(data, source.name)
        case Format.MT940:
            from segmentation.ledger.readers.mt940 import read_mt940

            return read_mt940(data, source.name, source.dialect.encoding)
        case _:
            from segmentation.ledger.readers.coda import read_coda

            return read_coda(data, source.name, source.dialect.encoding)


def _require_named(record_sets: list[RecordSet], source: SourceFile) -> list[RecordSet]:
    """Return the sets; a file with one sheet need not have it named in the mapping."""
    names = [records.name for records in record_sets]
    wanted = {route.records for routes in source.kind.tables.values() for route in routes}
    if wanted == {""} and len(record_sets) == 1:
        only = record_sets[0]
        return [RecordSet("", only.header, only.rows, only.rejects)]
    missing = sorted(wanted - set(names))
    if missing:
        raise InputRefusedError(
            f"The file has no {missing[0]!r}"
            if missing[0]
            else "The file has several sheets or kinds of record",
            where=source.name,
            remedy=f"Name one of them under `records` in the mapping: {', '.join(names)}.",
        )
    return record_sets
