"""Cells of a workbook with their types, whatever its file format.

Belongs here: opening the formats, and finding the cells that the libraries pass over. Does not belong
here: headers, text (workbook).

python-calamine reads .xlsx, .xlsm and .ods, but shows an error cell and a formula without a value as
empty: so the sheet's own XML is searched for both. For .xls, whose cells cannot be searched like that,
xlrd is used, which says what is an error.
"""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from segmentation.domain.errors import InputRefusedError

Cell = str | int | float | bool | date | datetime | time | timedelta

_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_MARK = "EncryptedPackage".encode("utf-16-le")
_MAX_UNPACKED = 2 * 1024 * 1024 * 1024
_MAX_ROWS_BETWEEN = 1_048_576
_REFERENCE = re.compile(r"([A-Z]+)(\d+)")
_MAY_HAVE_FAULTS = re.compile(rb"<(?:\w+:)?f[\s>/]|t=[\"']e[\"']")


@dataclass(frozen=True)
class Fault:
    """A cell that cannot be read: the rule it breaks and what it shows."""

    rule: str
    text: str


@dataclass
class Sheet:
    """Cells that are not empty.

    Parameters
    ----------
    name : the sheet's name.
    rows : row number from 1, then column from 0: the cell, or why it cannot be read.
    merged : top and bottom row, left and right column of merged cells.
    """

    name: str
    rows: dict[int, dict[int, Cell | Fault]] = field(default_factory=dict)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def read_sheets(data: bytes, source_file: str) -> list[Sheet]:
    """Return every sheet of cells of a workbook.

    Raises
    ------
    InputRefusedError
        When the file is no workbook, is encrypted or damaged, or would unpack to more than 2 GiB.
    """
    if data.startswith(_COMPOUND):
        if _ENCRYPTED_MARK in data:
            raise _encrypted(source_file)
        return _read_old(data, source_file)
    if not data.startswith(_ZIP):
        raise InputRefusedError(
            "The file is no workbook, whatever its name says" if data.strip() else "The file is empty",
            where=source_file,
            remedy="Save it as .xlsx, or read it as `format: delimited` if it is text.",
        )
    return _read_new(data, source_file)


def _encrypted(source_file: str) -> InputRefusedError:
    return InputRefusedError(
        "The workbook is protected by a password",
        where=source_file,
        remedy="Save a copy without password and deliver that.",
    )


def _damaged(source_file: str, error: Exception) -> InputRefusedError:
    return InputRefusedError(
        f"The workbook cannot be read: {error}",
        where=source_file,
        remedy="It was probably cut off or damaged: open it, save it again, deliver it again.",
    )


def _read_old(data: bytes, source_file: str) -> list[Sheet]:
    import xlrd

    try:
        with xlrd.open_workbook(file_contents=data, logfile=io.StringIO(), formatting_info=True) as book:
            return [_read_old_sheet(sheet, book) for sheet in book.sheets()]
    except Exception as error:  # noqa: BLE001 - a damaged workbook breaks its parser in any way it likes
        if "encrypt" in str(error).lower() or "password" in str(error).lower():
            raise _encrypted(source_file) from None
        raise _damaged(source_file, error) from None


def _read_old_sheet(sheet: Any, book: Any) -> Sheet:
    import xlrd

    found = Sheet(sheet.name)
    found.merged = [(top + 1, bottom, left, right - 1) for top, bottom, left, right in sheet.merged_cells]
    for row in range(sheet.nrows):
        for column, cell in enumerate(sheet.row(row)):
            value: Cell | Fault
            if cell.ctype == xlrd.XL_CELL_ERROR:
                value = Fault("error_cell", str(xlrd.error_text_from_code.get(cell.value, cell.value)))
            elif cell.ctype == xlrd.XL_CELL_DATE:
                value = xlrd.xldate_as_datetime(cell.value, book.datemode)
            elif cell.ctype == xlrd.XL_CELL_BOOLEAN:
                value = bool(cell.value)
            elif cell.ctype in {xlrd.XL_CELL_TEXT, xlrd.XL_CELL_NUMBER}:
                value = cell.value
            else:
                continue
            _put(found, row + 1, column, value)
    return found


def _put(sheet: Sheet, row: int, column: int, value: Cell | Fault) -> None:
    if not isinstance(value, str) or value.strip():
        sheet.rows.setdefault(row, {})[column] = value


def _read_new(data: bytes, source_file: str) -> list[Sheet]:
    import python_calamine as calamine

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _require_plain(archive, source_file)
            with calamine.load_workbook(io.BytesIO(data)) as book:
                kinds = {sheet.name: sheet.typ for sheet in book.sheets_metadata}
                sheets = [
                    _read_new_sheet(book.get_sheet_by_name(name))
                    for name in book.sheet_names
                    if kinds[name] == calamine.SheetTypeEnum.WorkSheet
                ]
            _mark_faults(sheets, archive)
    except InputRefusedError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged workbook breaks its parser in any way it likes
        raise _damaged(source_file, error) from None
    return sheets


def _require_plain(archive: zipfile.ZipFile, source_file: str) -> None:
    if sum(part.file_size for part in archive.infolist()) > _MAX_UNPACKED:
        raise InputRefusedError(
            "The workbook unpacks to more than 2 GiB",
            where=source_file,
            remedy="Deliver the table as CSV or Parquet.",
        )
    manifest = "META-INF/manifest.xml"
    if manifest in archive.namelist() and b"encryption-data" in archive.read(manifest):
        raise _encrypted(source_file)


def _read_new_sheet(sheet: Any) -> Sheet:
    found = Sheet(sheet.name)
    found.merged = [
        (top + 1, bottom + 1, left, right) for (top, left), (bottom, right) in sheet.merged_cell_ranges or []
    ]
    for row, cells in enumerate(sheet.to_python(skip_empty_area=False), start=1):
        for column, value in enumerate(cells):
            _put(found, row, column, value)
    return found


def _mark_faults(sheets: list[Sheet], archive: zipfile.ZipFile) -> None:
    """Put a fault where a cell shows an error or holds a formula that was never calculated."""
    by_name = {sheet.name: sheet for sheet in sheets}
    names = set(archive.namelist())
    if "content.xml" in names:
        for name, row, column, fault in _find_faults_ods(archive.read("content.xml")):
            _put(by_name[name], row, column, fault)
        return
    for name, path in _sheet_paths(archive):
        if name in by_name and path in names:
            for row, column, fault in _find_faults_xlsx(archive.read(path)):
                _put(by_name[name], row, column, fault)


def _sheet_paths(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    from segmentation.ledger.readers.xml import find_all, parse_xml

    workbook = parse_xml(archive.read("xl/workbook.xml"), "xl/workbook.xml")
    links = parse_xml(archive.read("xl/_rels/workbook.xml.rels"), "xl/_rels/workbook.xml.rels")
    targets = {link.get("Id"): str(link.get("Target")) for link in find_all(links, "Relationship")}
    for sheet in find_all(workbook, "sheets/sheet"):
        link = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), None)
        target = targets.get(link)
        if target is not None:
            yield sheet.get("name"), posixpath.normpath(posixpath.join("/xl", target)).removeprefix("/")


def _find_faults_xlsx(content: bytes) -> Iterator[tuple[int, int, Fault]]:
    from lxml import etree

    if not _MAY_HAVE_FAULTS.search(content):
        return
    row, column = 0, -1
    for event, element in etree.iterparse(
        io.BytesIO(content), events=("start", "end"), tag=("{*}c", "{*}row"), no_network=True
    ):
        is_row = element.tag.endswith("}row")
        if is_row and event == "start":
            row, column = int(element.get("r") or row + 1), -1
        elif is_row:
            element.clear()
        elif event == "start":
            match = _REFERENCE.fullmatch(element.get("r") or "")
            column = _column_number(match[1]) if match else column + 1
        else:
            fault = _fault_of(element)
            if fault is not None:
                yield row, column, fault


def _fault_of(cell: Any) -> Fault | None:
    shown = cell.findtext("{*}v")
    if cell.get("t") == "e":
        return Fault("error_cell", shown or "?")
    if cell.find("{*}f") is not None and shown is None and cell.find("{*}is") is None:
        return Fault("formula_without_value", f"={cell.findtext('{*}f') or ''}")
    return None


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _find_faults_ods(content: bytes) -> Iterator[tuple[str, int, int, Fault]]:
    from segmentation.ledger.readers.xml import find_all, local_name, parse_xml, text_of

    root = parse_xml(content, "content.xml")
    for table in find_all(root, "body/spreadsheet/table"):
        name, row = _attribute(table, "name"), 1
        for line in table.iter("{*}table-row"):
            column = 0
            for cell in line.iterchildren("{*}table-cell", "{*}covered-table-cell"):
                kinds = [value for key, value in cell.attrib.items() if key.endswith("}value-type")]
                formula = _attribute(cell, "formula")
                shown = text_of(cell)
                if local_name(cell) == "table-cell" and name is not None:
                    if "error" in kinds or (formula and (shown or "").startswith(("#", "Err:"))):
                        yield name, row, column, Fault("error_cell", shown or "?")
                    elif formula and not kinds:
                        yield name, row, column, Fault("formula_without_value", formula)
                column += int(_attribute(cell, "number-columns-repeated") or 1)
            row += min(int(_attribute(line, "number-rows-repeated") or 1), _MAX_ROWS_BETWEEN)


def _attribute(element: Any, name: str) -> str | None:
    return next((str(value) for key, value in element.attrib.items() if key.endswith("}" + name)), None)
