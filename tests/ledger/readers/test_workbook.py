"""Workbooks made here after ECMA-376 (.xlsx) and OpenDocument 1.3 (.ods); the .xls was written by xlwt."""

from pathlib import Path

import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.workbook import read_workbook, write_number
from segmentation.ledger.records import LINE
from tests.ledger.workbook_files import number, pack, row, text, workbook

OLD = (Path(__file__).parent / "files" / "workbook.xls").read_bytes()
OPEN_DOCUMENT = "urn:oasis:names:tc:opendocument:xmlns"


HEADER = row(1, text("A1", "id"), text("B1", "amount"))


def read_one(*rows, **options):
    (content,) = read_workbook(workbook(Sheet=rows), "a.xlsx", **options)
    return content


def read_cell(cell):
    return read_one(HEADER, row(2, text("A2", "1"), cell)).rows.item(0, "amount")


def test_every_type_of_cell_is_written_as_it_is_meant():
    assert read_cell(text("B2", "00012")) == "00012"
    assert read_cell(number("B2", "12.300000000000001")) == "12.3"
    assert read_cell(number("B2", "0.30000000000000004")) == "0.3"
    assert read_cell(number("B2", "1E-3")) == "0.001"
    assert read_cell(number("B2", "1234567.89")) == "1234567.89"
    assert read_cell(number("B2", "-100")) == "-100"
    assert read_cell(number("B2", "46053", style=1)) == "2026-01-31"
    assert read_cell(number("B2", "46053.5", style=2)) == "2026-01-31T12:00:00"
    assert read_cell('<c r="B2" t="b"><v>1</v></c>') == "true"
    assert read_cell('<c r="B2"><f>1+1</f><v>2</v></c>') == "2"
    assert read_cell('<c r="B2"/>') is None


@pytest.mark.parametrize(
    ("value", "written"),
    [(999999999999999.0, "999999999999999"), (0.1 + 0.7, "0.8"), (-0.0, "0"), (100.0, "100")],
)
def test_numbers_have_no_exponent_and_no_trailing_noughts(value, written):
    assert write_number(value) == written


def test_a_number_of_three_decimals_is_no_thousands_where_points_are_thousands_marks():
    rows = [HEADER, row(2, text("A2", "1.234,50"), number("B2", "12.345")), row(3, number("B3", "1250.5"))]
    assert read_one(*rows, decimal_mark=",").rows.rows() == [(2, "1.234,50", "12,345"), (3, None, "1250,5")]


def test_rows_keep_the_numbers_that_the_sheet_shows():
    rows = [
        row(3, text("B3", "id"), text("C3", "amount")),
        row(5, text("B5", "1"), number("C5", 5)),
        row(9, text("B9", "2")),
    ]
    content = read_one(*rows)
    assert content.rows.rows() == [(5, "1", "5"), (9, "2", None)]


def test_a_title_above_the_table_is_passed_by_when_told():
    rows = [
        row(1, text("A1", "Open items")),
        row(4, text("A4", "id"), text("B4", "amount")),
        row(5, text("A5", "1")),
    ]
    assert read_one(*rows, header_line=4).rows.rows() == [(5, "1", None)]
    with pytest.raises(InputRefusedError, match="Row 2 is empty"):
        read_one(*rows, header_line=2)


def test_every_sheet_is_a_set_and_empty_ones_are_left_out():
    data = workbook(Invoices=[HEADER, row(2, text("A2", "1"))], Notes=[], Payments=[HEADER])
    assert [(content.name, content.row_count) for content in read_workbook(data, "a.xlsx")] == [
        ("Invoices", 1),
        ("Payments", 0),
    ]


@pytest.mark.parametrize(
    ("cell", "rule", "value"),
    [
        ('<c r="B2" t="e"><v>#N/A</v></c>', "error_cell", "B: #N/A"),
        ('<c t="e"><f>1/0</f><v>#DIV/0!</v></c>', "error_cell", "B: #DIV/0!"),
        ('<c r="B2"><f>SUM(A1:A9)</f></c>', "formula_without_value", "B: =SUM(A1:A9)"),
        (number("B2", "1234567890123456"), "number_beyond_precision", "B: 1234567890123460"),
        (number("C2", "5"), "value_beside_the_table", "C: 5"),
    ],
)
def test_a_row_with_a_cell_that_cannot_be_read_is_rejected(cell, rule, value):
    content = read_one(HEADER, row(2, text("A2", "1"), cell), row(3, text("A3", "2")))
    assert content.rejects.rows() == [(2, rule, value)]
    assert content.rows.get_column(LINE).to_list() == [3]
    assert content.row_count == 2


def test_an_error_after_empty_rows_is_found_in_its_row():
    content = read_one(HEADER, row(5, text("A5", "1"), '<c r="B5" t="e"><v>#REF!</v></c>'))
    assert content.rejects.rows() == [(5, "error_cell", "B: #REF!")]
    assert content.rows.height == 0


@pytest.mark.parametrize(
    ("header", "after", "message"),
    [
        (row(1, text("A1", "id"), text("C1", "amount")), "", "Column B has no name"),
        (row(1, text("A1", "id"), text("B1", " id ")), "", "'id' more than once"),
        (HEADER, '<mergeCells><mergeCell ref="A1:B1"/></mergeCells>', "merged cells: A1 to B1"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_with_its_place(header, after, message):
    with pytest.raises(InputRefusedError, match=message) as error:
        read_workbook(workbook(after, Sheet=[header]), "a.xlsx")
    assert error.value.where == "a.xlsx, sheet 'Sheet', row 1"


def test_merged_cells_below_the_header_do_no_harm():
    rows = [HEADER, row(2, text("A2", "1"), text("B2", "5"))]
    data = workbook('<mergeCells><mergeCell ref="A2:A3"/></mergeCells>', Sheet=rows)
    assert read_workbook(data, "a.xlsx")[0].row_count == 1


def test_an_old_workbook():
    (content,) = read_workbook(OLD, "a.xls")
    assert content.name == "Open items"
    assert content.rows.rows() == [(2, "00012", "12.3", "2026-01-31", "true")]
    assert content.rejects.rows() == [(4, "error_cell", "B: #N/A")]


def open_document(*rows, manifest=""):
    return pack(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
            "content.xml": f'<office:document-content xmlns:office="{OPEN_DOCUMENT}:office:1.0" xmlns:table="{OPEN_DOCUMENT}:table:1.0" '
            f'xmlns:text="{OPEN_DOCUMENT}:text:1.0"><office:body><office:spreadsheet><table:table table:name="Items">{"".join(rows)}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        }
    )


def test_an_open_document():
    words = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>'
        for name in ["id", "amount", "due"]
    )
    good = (
        '<table:table-cell office:value-type="string"><text:p>00012</text:p></table:table-cell>'
        '<table:table-cell office:value-type="currency" office:value="12.3"><text:p>12,30 €</text:p></table:table-cell>'
        '<table:table-cell office:value-type="date" office:date-value="2026-01-31"><text:p>31/01/26</text:p></table:table-cell>'
    )
    bad = (
        '<table:table-cell office:value-type="string"><text:p>00013</text:p></table:table-cell>'
        '<table:table-cell table:formula="of:=1/0" office:value-type="string"><text:p>#DIV/0!</text:p></table:table-cell>'
    )
    empty = '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>'
    rows = [f"<table:table-row>{cells}</table:table-row>" for cells in (words, good)]
    (content,) = read_workbook(
        open_document(*rows, empty, f"<table:table-row>{bad}</table:table-row>"), "a.ods"
    )
    assert content.rows.rows() == [(2, "00012", "12.3", "2026-01-31")]
    assert content.rejects.rows() == [(6, "error_cell", "B: #DIV/0!")]


GOOD = workbook(Sheet=[HEADER])
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"id;amount\n1;2\n", "no workbook"),
        (GOOD[:-40], "cannot be read"),
        (OLD[:600], "cannot be read"),
        (pack({"a.txt": "no workbook"}), "cannot be read"),
        (COMPOUND + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le"), "password"),
        (open_document(manifest="<encryption-data/>"), "password"),
        (workbook(Sheet=[]), "no cells"),
    ],
)
def test_what_is_no_usable_workbook_is_refused(data, message):
    with pytest.raises(InputRefusedError, match=message):
        read_workbook(data, "a.xlsx")
