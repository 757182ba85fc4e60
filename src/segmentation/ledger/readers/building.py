"""Records collected one by one and made into a set; amounts and days as every reader writes them.

Belongs here: what readers of documents and statements share. Does not belong here: any format.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

import polars as pl

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.encoded_text import is_utf8, is_utf8_declared
from segmentation.ledger.records import LINE, MAX_VALUE_LENGTH, REJECT_SCHEMA, RecordSet


class RecordBuilder:
    """Collects the records and rejects of one kind of record.

    Parameters
    ----------
    name : kind of record.
    columns : column names, in order.
    """

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        self.name = name
        self.columns = list(columns)
        self._rows: list[tuple[int | str | None, ...]] = []
        self._rejects: list[tuple[int | str | None, ...]] = []
        self._tells_more = False

    def add(self, line: int, record: Mapping[str, str | None]) -> None:
        """Add a record; blank values become null and columns it does not name are null."""
        unknown = record.keys() - set(self.columns)
        if unknown:
            raise KeyError(f"no column {', '.join(sorted(unknown))} in {self.name}")
        self._rows.append((line, *(strip_or_none(record.get(column)) for column in self.columns)))

    def reject(
        self, line: int, rule: str, value: str, record: Mapping[str, str | None] | None = None
    ) -> None:
        """Say that the record on that line cannot be read, why, and what of it was read all the same."""
        read = (strip_or_none((record or {}).get(column)) for column in self.columns)
        self._rejects.append((line, rule, value[:MAX_VALUE_LENGTH], *read))
        self._tells_more = self._tells_more or record is not None

    def finish(self) -> RecordSet:
        """Return everything that was collected."""
        columns: dict[str, pl.DataType] = dict.fromkeys(self.columns, pl.String())
        rejects = pl.DataFrame(self._rejects, schema=REJECT_SCHEMA | columns, orient="row")
        return RecordSet(
            self.name,
            self.columns,
            pl.DataFrame(self._rows, schema={LINE: pl.Int64(), **columns}, orient="row"),
            rejects if self._tells_more else rejects.select(*REJECT_SCHEMA),
        )


def strip_or_none(value: str | None) -> str | None:
    """Return the text without space around it; null when nothing is left."""
    return None if value is None else value.strip() or None


def exact_amount(value: str | None) -> Decimal | None:
    """Return a plain decimal number (point before the cents); null when the text is none."""
    if value is None or not value.strip().removeprefix("-").removeprefix("+")[:1].isdigit():
        return None
    try:
        amount = Decimal(value.strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def write_amount(amount: Decimal) -> str:
    """Return the number in plain digits with at least two decimals, without further trailing noughts."""
    whole, _, decimals = f"{amount:f}".partition(".")
    text = f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
    return text.removeprefix("-") if not amount else text


def write_day(day: date | None) -> str | None:
    """Return an ISO day; null for none."""
    return None if day is None else day.isoformat()


def decode_text(data: bytes, encoding: str, source_file: str) -> str:
    """Return the text of a file in a declared encoding, without byte order mark and carriage returns.

    Raises
    ------
    InputRefusedError
        When the file is empty, holds NUL bytes, or is in another encoding.
    """
    if not data.strip():
        raise InputRefusedError("The file is empty", where=source_file, remedy="Deliver it again.")
    is_declared = is_utf8_declared(encoding)
    try:
        text = data.decode("utf-8-sig" if is_declared else encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _other_encoding(encoding, f"{source_file}, line {line}") from None
    if "\x00" in text or (not is_declared and not data.isascii() and is_utf8(data)):
        raise _other_encoding(encoding, source_file)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _other_encoding(encoding: str, where: str) -> InputRefusedError:
    return InputRefusedError(
        f"The file is not written in {encoding}",
        where=where,
        remedy="Set `encoding` in the mapping to what the bank writes, or download the file again.",
    )
