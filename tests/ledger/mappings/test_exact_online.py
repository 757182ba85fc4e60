"""Exact Online: resources of the REST API as files (REST API reference, CashflowReceivables and its neighbours)."""

from datetime import date

import polars as pl
import pytest

from tests.ledger.mappings import exports

SYSTEM = "exact_online"
FOLDER = exports.folder_of(SYSTEM)


@pytest.fixture(scope="module")
def loaded():
    return exports.load(FOLDER, SYSTEM)


def test_balances_and_days_late_are_those_worked_by_hand(loaded):
    assert loaded.as_of == date(2025, 4, 21)
    assert exports.balances(loaded) == {
        ("e-1", 1): ("0.00", 3),  # due 31 March, money of 3 April
        ("e-2", 1): ("0.00", 4),  # 300 due 4 April, paid on 8 April
        ("e-2", 2): ("600.00", -13),  # due 4 May
        ("e-3", 1): ("0.00", 4),  # 500 due 9 April: 120 credited, 377 of 12 April, 3 let go on 13 April
        ("e-5", 1): ("200.00", 7),  # USD, due 14 April; the payment came back
    }
    third = loaded.ledger["core_instalment_balance"].filter(invoice_id="e-3").row(0, named=True)
    assert [f"{third[name]:.2f}" for name in ("paid_amount", "credited_amount", "written_off_amount")] == [
        "377.00",
        "120.00",
        "3.00",
    ]
    assert exports.on_account(loaded) == {"acc-1001": ("50.00", "0.00"), "acc-1003": ("0.00", "80.00")}


def test_everything_is_accounted_for_and_agrees_with_the_receivables_list(loaded):
    exports.assert_trusted(loaded)
    exports.assert_accounted(FOLDER, SYSTEM)


def test_parts_of_a_bank_line_are_one_payment_and_a_return_takes_it_back(loaded):
    payments = loaded.ledger["core_payment"].select("payment_id", "amount", "reversal_of").rows()
    assert {(p, f"{a:.2f}", r) for p, a, r in payments} == {
        ("bl-1", "1050.00", None),
        ("bl-2", "300.00", None),
        ("bl-3", "377.00", None),
        ("bl-5", "200.00", None),
        ("bl-6", "-200.00", "bl-5"),
    }


def test_the_sign_of_sales_entries_decides_what_is_owed(tmp_path, loaded):
    def turned(row):
        return row | {
            name: str(-float(row[name])) for name in ("AmountFC", "AmountDC", "TransactionAmountFC")
        }

    folder = exports.rewrite(FOLDER, tmp_path / "turned", {"Receivables.csv": turned})
    assert exports.balances(exports.load(folder, SYSTEM)) == exports.balances(loaded)


def test_credit_notes_are_no_open_invoices(loaded):
    documents = loaded.ledger["core_invoice"]
    notes = documents.filter(pl.col("document_type") == "credit_note")["invoice_id"].to_list()
    assert notes == ["e-4", "e-6"]


def cut_back(cut, target):
    """Return the receivables as they were: what was matched later was open, and not yet split off."""
    matched = {"r-01": "2025-04-04", "r-02": "2025-04-04", "r-04": "2025-04-08", "r-06": "2025-04-08"}
    matched |= {"r-07": "2025-03-21", "r-08": "2025-03-21", "r-09": "2025-04-14", "r-10": "2025-04-14"}
    matched |= {"r-11": "2025-04-14", "r-13": "2025-04-17", "r-14": "2025-04-17"}

    def receivable(row):
        if exports.is_later(row["InvoiceDate"], cut) or exports.is_later(row["Created"], cut):
            return None
        if exports.is_later(row["Modified"], cut):
            row = row | {"Modified": row["Created"]}
        if exports.is_later(matched.get(row["ID"], ""), cut):
            row = row | {"EndDate": "", "LastPaymentDate": "", "IsFullyPaid": "false", "Status": "20"}
        if row["ID"] == "r-09" and exports.is_later(matched["r-07"], cut):
            row = row | {"AmountFC": "-500.00", "AmountDC": "-500.00"}
        return row

    folder = exports.rewrite(FOLDER, target, {"Receivables.csv": receivable})
    (folder / "ReceivablesList.csv").unlink()
    return folder


@pytest.mark.parametrize("day", ["2025-03-21", "2025-04-04", "2025-04-14", "2025-04-17"])
def test_a_past_day_knows_nothing_of_what_came_later(tmp_path, day):
    cut = date.fromisoformat(day)
    exports.assert_same_on(cut, FOLDER, cut_back(cut, tmp_path / "past"), SYSTEM)


def test_a_bad_row_is_in_quarantine_with_its_place(tmp_path):
    good = (FOLDER / "Receivables.csv").read_text().splitlines()[12]
    bad = good.replace("r-12", "r-99").replace("e-5", "e-99").replace("-200.00", "2OO")
    folder, line = exports.append(FOLDER, tmp_path / "bad", "Receivables.csv", bad)
    found = exports.quarantined(folder, SYSTEM)
    assert ("Receivables.csv", line, "not_a_number", "amount") in found
    assert {place[:2] for place in found} == {("Receivables.csv", line)}
    exports.assert_accounted(folder, SYSTEM)


@pytest.mark.parametrize("amount", ["-1000.0049", "-1e3", "-1_000", "- 1000"])
def test_an_amount_that_is_not_plainly_written_is_in_quarantine(tmp_path, amount):
    def change(row):
        return row | {"AmountFC": amount} if row["ID"] == "r-01" else row

    folder = exports.rewrite(FOLDER, tmp_path / "changed", {"Receivables.csv": change})
    refused = exports.load(folder, SYSTEM).ledger["core_quarantine"]
    assert amount in refused["value"].to_list()


def test_a_document_of_which_one_part_is_blank_is_not_the_sum_of_the_others(tmp_path):
    blank = {"Receivables.csv": lambda row: row | ({"AmountFC": ""} if row["ID"] == "r-02" else {})}
    folder = exports.rewrite(FOLDER, tmp_path / "blank", blank)
    ledger = exports.load(folder, SYSTEM).ledger
    assert "b-1" not in ledger["core_payment"]["payment_id"].to_list()
    refused = ledger["core_quarantine"].filter(pl.col("table_name") == "core_payment")
    assert refused.select("rule", "customer_id").rows() == [("not_a_number", "acc-1001")]
