"""SAP: the customer line item list FBL5N with the headings of its user's language, as CSV and as a spreadsheet.

Meaning of the columns by SAP Help Portal, "Customer Line Item Display" and "Clearing Open Items".
"""

import csv
from datetime import date

import polars as pl
import pytest

from segmentation.domain.errors import SegmentationError
from tests.ledger.mappings import exports
from tests.ledger.workbook_files import number, row, text, workbook

SYSTEM = "sap_fbl5n"
FOLDER = exports.folder_of(SYSTEM)
LIST = "FBL5N_DE.csv"
ENGLISH = {
    "Buchungskreis": "Company Code",
    "Debitor": "Customer",
    "Belegnummer": "Document Number",
    "Position": "Line item",
    "Geschäftsjahr": "Fiscal Year",
    "Belegart": "Document type",
    "Belegdatum": "Document Date",
    "Buchungsdatum": "Posting Date",
    "Erfassungsdatum": "Entry Date",
    "Nettofälligkeit": "Net due date",
    "Sonderhauptbuchkennz.": "Special G/L ind.",
    "Betrag in Belegwährung": "Amount in doc. curr.",
    "Belegwährung": "Document currency",
    "Ausgleichsdatum": "Clearing date",
    "Ausgleichsbeleg": "Clearing Document",
    "Referenz": "Reference",
}


@pytest.fixture(scope="module")
def loaded():
    return exports.load(FOLDER, SYSTEM)


def test_balances_and_days_late_are_those_worked_by_hand(loaded):
    assert loaded.as_of == date(2025, 4, 21)
    assert {key[0][5:15] + f".{key[1]}": found for key, found in exports.balances(loaded).items()} == {
        "1800000001.1": ("0.00", 5),  # due 2 April, paid on 7 April
        "1800000002.1": ("500.00", 12),  # due 9 April; the 200 paid are on account until they are cleared
        "1800000002.2": ("500.00", -19),
        "1800000003.1": ("0.00", 3),  # cleared on 14 April but for a residual item of 100
        "1400000003.1": ("100.00", 10),  # the residual item, due as what it is left of: 11 April
        "1800000004.1": ("0.00", 36),  # cleared on 20 April without anything: written off
        "1800000005.1": ("0.00", 3),  # 300 USD due 13 April: 80 credited and 220 paid, cleared on 16 April
    }
    assert {key[0][5:15]: by for key, by in exports.covered(loaded).items()} == {
        "1800000001": "payment",
        "1800000003": "payment",
        "1800000004": "write_off",
        "1800000005": "payment",
    }
    assert exports.on_account(loaded) == {"100101": ("200.00", "0.00")}


def test_nothing_is_lost_and_the_open_items_agree(loaded):
    exports.assert_trusted(loaded)
    exports.assert_accounted(FOLDER, SYSTEM)
    files = loaded.files.row(0, named=True)
    assert (files["row_count"], files["left_out_count"]) == (14, 2)  # a noted item and the line of totals


def as_cell(name, place, value):
    """Return a cell as the SAP GUI's spreadsheet has it: days and amounts as numbers, the rest as text."""
    if name.endswith("datum") or name == "Nettofälligkeit":
        day, month, year = map(int, value.split("."))
        return number(place, (date(year, month, day) - date(1899, 12, 30)).days, style=1)
    if name.startswith("Betrag"):
        amount = value.replace(".", "").replace(",", ".")
        return number(place, f"-{amount[:-1]}" if amount.endswith("-") else amount)
    return text(place, value)


def write_spreadsheet(path, headings):
    """Write the list as a spreadsheet with the headings of another language."""
    with (FOLDER / LIST).open(encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter=";")
    places = [chr(ord("A") + column) for column in range(len(header))]
    lines = [row(1, *(text(f"{place}1", headings[name]) for place, name in zip(places, header, strict=True)))]
    for line, values in enumerate(rows, start=2):
        filled = [cell for cell in zip(header, places, values, strict=True) if cell[2]]
        lines.append(row(line, *(as_cell(name, f"{place}{line}", value) for name, place, value in filled)))
    path.write_bytes(workbook(Data=lines))


def test_an_english_spreadsheet_gives_the_same_ledger(tmp_path, loaded):
    write_spreadsheet(tmp_path / "fbl5n export.xlsx", ENGLISH)
    found = exports.load(tmp_path, SYSTEM)
    exports.assert_same(exports.without_tables(loaded), exports.without_tables(found))
    exports.assert_trusted(found)


def with_header(target, change):
    text = (FOLDER / LIST).read_text(encoding="utf-8")
    header, rows = text.split("\n", 1)
    target.mkdir()
    (target / "fbl5n.csv").write_text(change(header) + "\n" + rows, encoding="utf-8")
    return target


def test_headings_may_be_written_in_capitals(tmp_path, loaded):
    found = exports.load(with_header(tmp_path / "capitals", str.upper), SYSTEM)
    exports.assert_same(exports.without_tables(loaded), exports.without_tables(found))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Referenz", "Konto", "'Debitor' and 'Konto' both stand for KUNNR"),
        ("Nettofälligkeit", "Fälligkeit", "no column 'NETDT'"),
    ],
)
def test_headings_that_cannot_be_understood_are_refused(tmp_path, old, new, said):
    folder = with_header(tmp_path / "unclear", lambda header: header.replace(old, new))
    with pytest.raises(SegmentationError, match=said):
        exports.load(folder, SYSTEM)


def test_a_bad_amount_is_in_quarantine_with_its_place(tmp_path):
    good = (FOLDER / LIST).read_text(encoding="utf-8").splitlines()[1]
    bad = good.replace("1800000001", "1800000009").replace("1.190,00", "1.19,00")
    folder, line = exports.append(FOLDER, tmp_path / "bad", LIST, bad)
    found = exports.quarantined(folder, SYSTEM)
    assert (LIST, line, "not_a_number", "amount") in found
    assert {place[:2] for place in found} == {(LIST, line)}
    exports.assert_accounted(folder, SYSTEM)


def is_later(text, cut):
    return exports.is_later(text, cut, "%d.%m.%Y")


def cut_back(cut, target):
    """Return the list as it was: what was cleared later, or cleared by what was entered later, was open then."""
    late = {"1400000001": "08.04.2025"}  # a clearing entered after its day

    def item(row):
        if is_later(row["Erfassungsdatum"], cut) or is_later(row["Buchungsdatum"], cut):
            return None
        if is_later(late.get(row["Ausgleichsbeleg"], row["Ausgleichsdatum"]), cut):
            row |= {"Ausgleichsdatum": "", "Ausgleichsbeleg": ""}
        return row

    return exports.rewrite(FOLDER, target, {LIST: item}, delimiter=";")


@pytest.mark.parametrize("day", ["2025-03-26", "2025-04-08", "2025-04-16", "2025-04-20"])
def test_a_past_day_knows_nothing_of_what_came_later(tmp_path, day):
    cut = date.fromisoformat(day)
    past = cut_back(cut, tmp_path / "past")
    before = exports.without_tables(exports.load(FOLDER, SYSTEM, cut), "core_stated_balance")
    after = exports.without_tables(exports.load(past, SYSTEM, cut), "core_stated_balance")
    exports.assert_same(before, after)


def test_a_list_without_item_numbers_and_years_tells_items_apart(tmp_path):
    def unnumbered(row):
        return row | {"Position": "", "Geschäftsjahr": "", "Erfassungsdatum": ""}

    folder = exports.rewrite(FOLDER, tmp_path / "short", {LIST: unnumbered}, delimiter=";")
    found = exports.load(folder, SYSTEM)
    exports.assert_trusted(found)
    opened = found.ledger["core_instalment_balance"].filter("is_open")["open_amount"].sort()
    assert opened.to_list() == pl.Series([100, 500, 500]).to_list()
