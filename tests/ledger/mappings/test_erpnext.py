"""ERPNext: one file per DocType (ERPNext documentation, "Sales Invoice", "Payment Entry", "Dunning")."""

from datetime import date

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
