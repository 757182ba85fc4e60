"""ERPNext: one file per DocType (ERPNext documentation, "Sales Invoice", "Payment Entry", "Dunning")."""

import csv
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from tests.ledger.mappings import exports

SYSTEM = "erpnext"
FOLDER = exports.folder_of(SYSTEM)


@pytest.fixture(scope="module")
def loaded():
    return exports.load(FOLDER, SYSTEM)


def test_balances_and_days_late_are_those_worked_by_hand(loaded):
    assert loaded.as_of == date(2025, 4, 21)
    assert {key[0][-2:] + f".{key[1]}": found for key, found in exports.balances(loaded).items()} == {
        "01.1": ("5.00", 19),  # 605 due 2 April, 600 paid
        "01.2": ("605.00", -11),  # due 2 May; the grand total is rounded to 1210
        "02.1": ("0.00", 3),  # due 9 April, 297 paid on 12 April and 3 deducted
        "03.1": ("380.00", 11),  # 500 due 10 April less the return of 120; the draft payment is none
        "05.1": ("0.00", -14),  # cancelled on 28 March, due 11 April
        "07.1": ("200.00", 7),  # USD, due 14 April; its payment was cancelled
        "08.1": ("0.00", 3),  # written off on 18 April, due 15 April
        "10.1": ("70.00", 2),  # 100 due 19 April, 30 of a return set against it
    }
    covered = exports.covered(loaded)
    assert covered["ACC-SINV-2025-00008", 1] == "write_off"
    assert covered["ACC-SINV-2025-00002", 1] == "payment"
    assert exports.on_account(loaded) == {"CUST-1001": ("50.00", "0.00")}


def test_everything_is_accounted_for_and_agrees_with_the_outstanding_amounts(loaded):
    exports.assert_trusted(loaded)
    exports.assert_accounted(FOLDER, SYSTEM)


def test_a_dunning_is_a_contact(loaded):
    events = loaded.ledger["core_contact_event"].select("contact_id", "customer_id", "dunning_level")
    assert events.rows() == [("DUNN-04-25-00001", "CUST-1002", 1)]


def test_drafts_and_returns_are_no_open_invoices(loaded):
    documents = dict(loaded.ledger["core_invoice"].select("invoice_id", "document_type").rows())
    assert "ACC-SINV-2025-00006" not in documents
    assert documents["ACC-SINV-2025-00004"] == "credit_note"


def test_money_on_account_stays_there_whatever_its_cheque_is_numbered(tmp_path):
    row = (FOLDER / "Payment Entry.csv").read_text(encoding="utf-8").splitlines()[1]
    cheque = row.replace("00001,1,", "00099,1,").replace("650.00", "5.00").replace(",50.00,", ",5.00,")
    folder, _ = exports.append(
        FOLDER, tmp_path / "cheque", "Payment Entry.csv", cheque.replace("E2E-1", "ACC-SINV-2025-00001")
    )
    loaded = exports.load(folder, SYSTEM)
    assert exports.balances(loaded) == exports.balances(exports.load(FOLDER, SYSTEM))
    exports.assert_trusted(loaded)


def cut_back(cut, target):
    later = exports.without_later

    def restored(known, blanked):
        def change(row):
            kept = later(cut, known, blanked)(row)
            if kept is None or not exports.is_later(row["modified"][:19], cut):
                return kept
            return kept | {"modified": kept["creation"], "docstatus": kept["docstatus"].replace("2", "1")}

        return change

    entries = {"ACC-JV-2025-00001": date(2025, 4, 18), "ACC-JV-2025-00002": date(2025, 4, 19)}
    return exports.rewrite(
        FOLDER,
        target,
        {
            "Customer.csv": later(cut, ("creation",)),
            "Sales Invoice.csv": restored(("creation", "posting_date"), ("outstanding_amount",)),
            "Payment Schedule.csv": later(cut, ("creation",), ("outstanding", "paid_amount")),
            "Payment Entry.csv": restored(("creation", "posting_date"), ("unallocated_amount",)),
            "Payment Entry Reference.csv": later(cut, ("creation",)),
            "Journal Entry.csv": later(cut, ("creation", "posting_date")),
            "Journal Entry Account.csv": lambda row: row if entries[row["parent"]] < cut else None,
            "Dunning.csv": later(cut, ("creation",)),
        },
    )


@pytest.mark.parametrize("day", ["2025-03-28", "2025-04-14", "2025-04-18"])
def test_a_past_day_knows_nothing_of_what_came_later(tmp_path, day):
    cut = date.fromisoformat(day)
    exports.assert_same_on(cut, FOLDER, cut_back(cut, tmp_path / "past"), SYSTEM)


def test_a_bad_row_is_in_quarantine_with_its_place(tmp_path):
    bad = "per05,ACC-PAY-2025-00001,2,Sales Invoice,ACC-SINV-2025-00001,,5O.00,2025-04-19 10:00:00"
    folder, line = exports.append(FOLDER, tmp_path / "bad", "Payment Entry Reference.csv", bad)
    assert exports.quarantined(folder, SYSTEM) == {
        ("Payment Entry Reference.csv", line, "not_a_number", "amount")
    }
    exports.assert_accounted(folder, SYSTEM)


NEW_COLUMNS = {
    "party_account_currency": "EUR",
    "base_grand_total": "",
    "base_rounded_total": "",
    "base_write_off_amount": "",
    "is_pos": "0",
    "paid_amount": "0",
    "base_paid_amount": "0",
    "change_amount": "0.000000000",
    "base_change_amount": "0",
}


def with_invoices(tmp_path, *invoices):
    """Return the export with all columns that receivables and tills need, and invoices more."""
    folder = exports.rewrite(FOLDER, tmp_path / "more", {})
    path = folder / "Sales Invoice.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = rows[0] | {"outstanding_amount": "0", "rounded_total": "0", "docstatus": "1"}
    rows = [row | NEW_COLUMNS | {"party_account_currency": row["currency"]} for row in rows]
    rows += [first | NEW_COLUMNS | invoice for invoice in invoices]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


FOREIGN = {
    "name": "ACC-SINV-2025-00020",
    "currency": "USD",
    "grand_total": "110.00",
    "base_grand_total": "100.00",
    "outstanding_amount": "60.00",
    "write_off_amount": "11.00",
    "base_write_off_amount": "10.00",
}
TILL = {
    "name": "ACC-SINV-2025-00021",
    "grand_total": "80.00",
    "is_pos": "1",
    "paid_amount": "100.00",
    "change_amount": "20.00",
}
TILL_RETURN = TILL | {
    "name": "ACC-SINV-2025-00022",
    "is_return": "1",
    "return_against": "ACC-SINV-2025-00021",
    "grand_total": "-30.00",
    "paid_amount": "-30.00",
    "change_amount": "0",
}
TILL_CANCELLED = TILL | {"name": "ACC-SINV-2025-00023", "docstatus": "2", "outstanding_amount": "80.00"}


def test_an_invoice_in_another_currency_than_its_account_is_owed_in_that_of_the_account(tmp_path):
    folder = with_invoices(tmp_path, FOREIGN)
    reference = (
        "per20,ACC-PAY-2025-00001,2,Sales Invoice,ACC-SINV-2025-00020,,30.00,2025-04-08 10:00:00.000000"
    )
    path = folder / "Payment Entry Reference.csv"
    path.write_text(path.read_text(encoding="utf-8") + reference + "\n", encoding="utf-8")
    entries = folder / "Payment Entry.csv"
    entries.write_text(entries.read_text(encoding="utf-8").replace(",50.00,", ",20.00,"), encoding="utf-8")
    loaded = exports.load(folder, SYSTEM)
    row = loaded.ledger["core_instalment_balance"].filter(pl.col("invoice_id") == FOREIGN["name"])
    assert row.select("currency", "amount", "written_off_amount", "open_amount").rows() == [
        ("EUR", Decimal(100), Decimal(10), Decimal(60))
    ]
    assert exports.on_account(loaded) == {"CUST-1001": ("20.00", "0.00")}
    exports.assert_trusted(loaded)


def test_what_was_paid_at_the_till_is_paid_on_its_day(tmp_path):
    loaded = exports.load(with_invoices(tmp_path, TILL, TILL_RETURN, TILL_CANCELLED), SYSTEM)
    found = exports.balances(loaded)
    assert found["ACC-SINV-2025-00021", 1][0] == "0.00"
    assert found["ACC-SINV-2025-00023", 1][0] == "0.00"
    assert exports.on_account(loaded) == {"CUST-1001": ("50.00", "0.00")}
    payments = loaded.ledger["core_payment"].filter(pl.col("payment_id").str.contains("till"))
    assert {
        (p, f"{a:.2f}", d) for p, a, d in payments.select("payment_id", "amount", "value_date").rows()
    } == {
        ("till-ACC-SINV-2025-00021", "80.00", date(2025, 3, 3)),
        ("till-ACC-SINV-2025-00022", "-30.00", date(2025, 3, 3)),
        ("till-ACC-SINV-2025-00023", "80.00", date(2025, 3, 3)),
        ("cancelled-till-ACC-SINV-2025-00023", "-80.00", date(2025, 4, 8)),
    }
    exports.assert_trusted(loaded)


@pytest.mark.parametrize(
    ("column", "value"), [("rounded_total", "8O.00"), ("paid_amount", "1OO.00"), ("change_amount", "2O")]
)
def test_an_amount_that_cannot_be_read_is_no_other_amount(tmp_path, column, value):
    loaded = exports.load(with_invoices(tmp_path, TILL | {column: value}), SYSTEM)
    assert (TILL["name"], 1) not in exports.balances(loaded)
    assert "not_a_number" in loaded.ledger["core_quarantine"]["rule"].to_list()


def test_a_reference_that_cannot_be_read_is_no_deduction(tmp_path):
    bad = "per05,ACC-PAY-2025-00002,2,Sales Invoice,ACC-SINV-2025-00001,,5O.00,2025-04-19 10:00:00"
    folder, line = exports.append(FOLDER, tmp_path / "bad", "Payment Entry Reference.csv", bad)
    assert exports.quarantined(folder, SYSTEM) == {
        ("Payment Entry Reference.csv", line, "not_a_number", "amount")
    }


@pytest.mark.parametrize("own", ["0", "1"])
@pytest.mark.parametrize("docstatus", ["1", "2"])
def test_a_cancelled_return_at_the_till_leaves_its_invoice_paid(tmp_path, own, docstatus):
    returned = TILL_RETURN | {"docstatus": docstatus, "update_outstanding_for_self": own}
    loaded = exports.load(with_invoices(tmp_path, TILL, returned), SYSTEM)
    assert exports.balances(loaded)[TILL["name"], 1][0] == "0.00"
    assert exports.on_account(loaded) == {"CUST-1001": ("50.00", "0.00")}
    exports.assert_trusted(loaded)


@pytest.mark.parametrize("own", ["0", "1"])
def test_what_a_return_rounds_off_is_written_off_where_its_money_went(tmp_path, own):
    rounded = {"grand_total": "-30.02", "write_off_amount": "-0.02", "update_outstanding_for_self": own}
    loaded = exports.load(with_invoices(tmp_path, TILL, TILL_RETURN | rounded), SYSTEM)
    assert exports.balances(loaded)[TILL["name"], 1][0] == "0.00"
    assert exports.on_account(loaded) == {"CUST-1001": ("50.00", "0.00")}
    exports.assert_trusted(loaded)


@pytest.mark.parametrize("is_pos", ["True", "1.0", "Yes"])
def test_a_till_is_known_however_yes_is_written(tmp_path, is_pos):
    loaded = exports.load(with_invoices(tmp_path, TILL | {"is_pos": is_pos}), SYSTEM)
    assert exports.balances(loaded)[TILL["name"], 1][0] == "0.00"
