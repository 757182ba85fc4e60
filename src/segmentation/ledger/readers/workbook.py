"""Workbooks (.xlsx, .xlsm, .xls, .ods) read as one set of text records per sheet.

Belongs here: header, rows and how each type of cell is written as text. Does not belong here: what
the columns mean, opening the file formats (workbook_cells).
"""

from datetime import date, datetime, time
from decimal import Decimal

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.building import RecordBuilder
from segmentation.ledger.readers.workbook_cells import Cell, Fault, Sheet, read_sheets
from segmentation.ledger.records import RecordSet

_EXACT_DIGITS = 15
"""Significant digits that Excel keeps of a number (its published specifications and limits)."""

_MIDNIGHT = time(0)


def read_workbook(
    data: bytes, source_file: str, header_line: int | None = None, decimal_mark: str = "."
) -> list[RecordSet]:
    """Return the records of every sheet that is not empty, in the order of the workbook.

    Parameters
    ----------
    data : bytes of the workbook.
    source_file : name used in errors.
    header_line : row of the column names, from 1; None means the first row that is not empty.
    decimal_mark : mark with which numbers are written, as amounts that are text are: a cell with the
        number 1.234 is not one thousand.

    Returns
    -------
    One set per sheet, under the sheet's name; ``source_line`` is the row's number in the sheet. Days
    and moments are ISO, numbers have the fewest digits that say the same, text stays as it stands.
    Rows with an error (#N/A), a formula that was never calculated, a number beyond fifteen digits or
    a value without a column name above it are rejected.

    Raises
    ------
    InputRefusedError
        When the workbook is damaged, encrypted or empty, or a header has no name, the same name
        twice or merged cells.
    """
    found = [
        _read_sheet(sheet, source_file, header_line, decimal_mark)
        for sheet in read_sheets(data, source_file)
        if sheet.rows
    ]
    if not found:
        raise InputRefusedError(
            "The workbook has no cells",
            where=source_file,
            remedy="Export it again and check that it has rows.",
        )
    return found


def _read_sheet(sheet: Sheet, source_file: str, header_line: int | None, decimal_mark: str) -> RecordSet:
    place = f"{source_file}, sheet {sheet.name!r}"
    line = header_line or min(sheet.rows)
    cells = sheet.rows.get(line)
    if cells is None:
        raise InputRefusedError(
            f"Row {line} is empty, so it is no header",
            where=place,
            remedy="Set `header_line` in the mapping to the row of the column names.",
        )
    first, header = _read_header(cells, sheet, line, place)
    builder = RecordBuilder(sheet.name, header)
    for number in sorted(row for row in sheet.rows if row > line):
        values = sheet.rows[number]
        fault = _find_fault(values, first, len(header))
        if fault is not None:
            builder.reject(number, *fault)
        else:
            texts = {
                header[column - first]: write_cell(value, decimal_mark)
                for column, value in values.items()
                if not isinstance(value, Fault)
            }
            builder.add(number, texts)
    return builder.finish()


def _read_header(
    cells: dict[int, Cell | Fault], sheet: Sheet, line: int, place: str
) -> tuple[int, list[str]]:
    first, last = min(cells), max(cells)
    where = f"{place}, row {line}"
    for top, bottom, left, right in sheet.merged:
        if top <= line <= bottom:
            raise InputRefusedError(
                f"The header has merged cells: {name_column(left)}{top} to {name_column(right)}{bottom}",
                where=where,
                remedy="Split them and name every column, or set `header_line` to the row below.",
            )
    header: list[str] = []
    for column in range(first, last + 1):
        value = cells.get(column)
        text = "" if value is None or isinstance(value, Fault) else (write_cell(value) or "").strip()
        if not text:
            raise InputRefusedError(
                f"Column {name_column(column)} has no name",
                where=where,
                remedy="Name the column or delete it, or set `header_line` to the row of the column names.",
            )
        header.append(text)
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InputRefusedError(
            f"The header names {', '.join(map(repr, twice))} more than once",
            where=where,
            remedy="It cannot be known which of them counts: rename or remove one and deliver again.",
        )
    return first, header


def _find_fault(values: dict[int, Cell | Fault], first: int, width: int) -> tuple[str, str] | None:
    """Return the rule and value of the leftmost cell that cannot be read; None when all can."""
    for column in sorted(values):
        value = values[column]
        if isinstance(value, Fault):
            return value.rule, f"{name_column(column)}: {value.text}"
        if not first <= column < first + width:
            return "value_beside_the_table", f"{name_column(column)}: {write_cell(value)}"
        if isinstance(value, (int, float)) and _is_beyond_precision(value):
            return "number_beyond_precision", f"{name_column(column)}: {write_cell(value)}"
    return None


def _is_beyond_precision(value: float) -> bool:
    return not isinstance(value, bool) and abs(value) >= 10**_EXACT_DIGITS


def write_cell(value: Cell | None, decimal_mark: str = ".") -> str | None:
    """Return the text of a cell; null when it is empty.

    Notes
    -----
    A workbook stores binary numbers, of which Excel shows fifteen digits: so many are kept, which
    makes 12.3 of 12.300000000000001.
    """
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return write_number(value).replace(".", decimal_mark)
        case datetime():
            return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat()
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def write_number(value: float) -> str:
    """Return a number in plain digits, without exponent and trailing noughts."""
    text = f"{value:.{_EXACT_DIGITS}g}"
    if "e" in text:
        text = f"{Decimal(text):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def name_column(column: int) -> str:
    """Return the letters of a column, counted from 0."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
