"""Odoo: import-compatible exports of its models (Odoo documentation, "Export and import data")."""

from datetime import date

import polars as pl
import pytest

from segmentation.ledger.balance_list import BALANCE_LIST_CHECK
from tests.ledger.mappings import exports

SYSTEM = "odoo"
FOLDER = exports.folder_of(SYSTEM)


@pytest.fixture(scope="module")
def loaded():
    return exports.load(FOLDER, SYSTEM)


def test_balances_and_days_late_are_those_worked_by_hand(loaded):
    assert loaded.as_of == date(2025, 4, 21)  # the day after the last record
    assert exports.balances(loaded) == {
        ("move_1", 1): ("0.00", 3),  # 1000 due 31 March, on the bank statement of 3 April
        ("move_2", 1): ("0.00", 4),  # the term of 4 April comes first: 300 paid on 8 April
        ("move_2", 2): ("600.00", -13),  # due 4 May
        ("move_3", 1): ("0.00", 3),  # 500 due 9 April: 120 credited, 376.50 paid on 12 April, 3.50 let go
        ("move_5", 1): ("0.00", -14),  # cancelled on 28 March, due 11 April
        ("move_7", 1): ("200.00", 7),  # USD, due 14 April; the payment came back
        ("move_14", 1): ("0.00", -12),  # written off on 20 April, due 2 May
    }
    assert exports.covered(loaded)[("move_14", 1)] == "write_off"
    assert exports.covered(loaded)[("move_5", 1)] == "credit_note"
    third = loaded.ledger["core_instalment_balance"].row(
        by_predicate=pl.col("invoice_id") == "move_3", named=True
    )
    assert [f"{third[name]:.2f}" for name in ("paid_amount", "credited_amount", "written_off_amount")] == [
        "376.50",
        "120.00",
        "3.50",
    ]


def test_what_is_too_much_stays_on_account(loaded):
    assert exports.on_account(loaded) == {"__export__.res_partner_1001": ("50.00", "0.00")}


def test_everything_is_accounted_for_and_agrees_with_the_residuals(loaded):
    exports.assert_trusted(loaded)
    exports.assert_accounted(FOLDER, SYSTEM)


def test_drafts_and_credit_notes_are_no_open_invoices(loaded):
    documents = dict(loaded.ledger["core_invoice"].select("invoice_id", "document_type").rows())
    assert "move_6" not in documents
    assert documents["move_4"] == documents["cancellation-move_5"] == "credit_note"


def test_a_reconciliation_that_was_undone_between_two_exports_fails_and_names_the_invoice(tmp_path):
    newer = {"line_3": "300.00", "line_10": "-300.00"}  # partial_2, which an older file still has
    folder = exports.rewrite(
        FOLDER,
        tmp_path / "undone",
        {
            "account.move.line.csv": lambda row: (
                row | {"amount_residual_currency": newer.get(row["id"], row["amount_residual_currency"])}
            )
        },
    )
    found = exports.load(folder, SYSTEM).ledger["core_quality"].filter(check_name=BALANCE_LIST_CHECK)
    assert found["verdict"].item() == "fail"
    assert "invoice move_2 900.00 EUR on the list, 600.00 in the ledger" in found["statement"].item()


def cut_back(cut, target):
    later = exports.without_later

    def move(row):
        kept = later(cut, ("create_date", "invoice_date"))(row)
        if kept is None or not exports.is_later(row["write_date"], cut):
            return kept
        return kept | {"write_date": kept["create_date"], "state": kept["state"].replace("cancel", "posted")}

    def line(row):
        kept = later(cut, ("create_date", "date"), ("amount_residual_currency",))(row)
        if kept is None or not exports.is_later(row["write_date"], cut):
            return kept
        return kept | {
            "write_date": kept["create_date"],
            "parent_state": kept["parent_state"].replace("cancel", "posted"),
        }

    return exports.rewrite(
        FOLDER,
        target,
        {
            "res.partner.csv": later(cut, ("create_date",)),
            "account.move.csv": move,
            "account.move.line.csv": line,
            "account.payment.csv": later(cut, ("create_date", "date")),
            "account.partial.reconcile.csv": later(cut, ("create_date", "max_date")),
        },
    )


@pytest.mark.parametrize("day", ["2025-03-28", "2025-04-10", "2025-04-18"])
def test_a_past_day_knows_nothing_of_what_came_later(tmp_path, day):
    cut = date.fromisoformat(day)
    exports.assert_same_on(cut, FOLDER, cut_back(cut, tmp_path / "past"), SYSTEM)


def test_a_cancelled_invoice_was_open_until_it_was_cancelled():
    assert exports.balances(exports.load(FOLDER, SYSTEM, date(2025, 3, 28)))[("move_5", 1)][0] == "75.00"


def test_a_bad_row_is_in_quarantine_with_its_place(tmp_path):
    bad = "partial_7,line_2,line_9,5O.00,5O.00,50.00,2025-04-20,2025-04-20 10:00:00"
    folder, line = exports.append(FOLDER, tmp_path / "bad", "account.partial.reconcile.csv", bad)
    assert exports.quarantined(folder, SYSTEM) == {
        ("account.partial.reconcile.csv", line, "not_a_number", "amount")
    }
    exports.assert_accounted(folder, SYSTEM)


def test_a_torn_line_of_a_file_that_is_only_looked_up_is_in_quarantine_too(tmp_path):
    folder, line = exports.append(FOLDER, tmp_path / "torn", "account.payment.csv", "payment_9" + "," * 9)
    found = exports.quarantined(folder, SYSTEM)
    assert found == {("account.payment.csv", line, "too_many_fields", None)}
    exports.assert_accounted(folder, SYSTEM)


def test_the_number_printed_on_an_invoice_is_its_name(loaded):
    printed = dict(loaded.ledger["core_invoice"].select("invoice_id", "invoice_number").rows())
    assert printed["move_2"] == "INV/2025/00002"


def test_an_exchange_gain_sets_nothing_off_and_is_in_no_quarantine(tmp_path):
    """Its entry has no amount in the currency of the invoice: what it is reconciled with was paid by money."""
    gain = (
        "line_90,move_90,__export__.res_partner_1001,asset_receivable,posted,2025-04-03,2025-04-03,0.00,0.00,EUR,,,"
        "2025-04-10 10:00:00,2025-04-10 10:00:00"
    )
    folder, _ = exports.append(FOLDER, tmp_path / "line", "account.move.line.csv", gain)
    pair = "partial_90,line_90,line_9,10.00,0.00,0.00,2025-04-03,2025-04-10 10:00:00"
    folder, _ = exports.append(folder, tmp_path / "pair", "account.partial.reconcile.csv", pair)
    loaded = exports.load(folder, SYSTEM)
    exports.assert_trusted(loaded)
    assert exports.balances(loaded) == exports.balances(exports.load(FOLDER, SYSTEM))


def test_what_another_currency_leaves_of_a_payment_is_on_account(tmp_path):
    """Of 300 euros 184 paid the invoice of 200 dollars; the other 116 hold the customer."""

    def settle(row):
        return row | {"amount_residual_currency": "0.00"} if row["id"] == "line_8" else row

    folder = exports.rewrite(FOLDER, tmp_path / "euros", {"account.move.line.csv": settle})
    added = {
        "account.move.csv": "move_99,PBNK1/2025/00099,entry,posted,True,2025-04-19,,,,EUR,300.00,,2025-04-19 11:00:00,2025-04-19 11:00:00",
        "account.move.line.csv": "line_99,move_99,__export__.res_partner_1003,asset_receivable,posted,2025-04-19,2025-04-19,-300.00,-116.00,EUR,payment_99,,2025-04-19 11:00:00,2025-04-19 11:00:00",
        "account.payment.csv": "payment_99,PBNK1/2025/00099,inbound,paid,300.00,EUR,2025-04-19,2025-04-19 11:00:00",
        "account.partial.reconcile.csv": "partial_99,line_8,line_99,184.00,200.00,184.00,2025-04-19,2025-04-19 11:00:00",
    }
    for name, line in added.items():
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    loaded = exports.load(folder, SYSTEM)
    assert exports.balances(loaded)["move_7", 1][0] == "0.00"
    assert exports.on_account(loaded)["__export__.res_partner_1003"] == ("116.00", "0.00")
    exports.assert_trusted(loaded)


@pytest.mark.parametrize("amount", ["300.00-", "(300.00)", "x", ""])
def test_money_of_which_the_sign_cannot_be_read_is_no_money_paid_out(tmp_path, amount):
    def change(row):
        return row | {"amount_currency": amount} if row["id"] == "line_9" else row

    folder = exports.rewrite(FOLDER, tmp_path / "odd", {"account.move.line.csv": change})
    payments = exports.load(folder, SYSTEM).ledger["core_payment"]
    assert "line_9" not in payments["payment_id"].to_list()


def test_a_reconciliation_that_cannot_be_read_is_no_write_off(tmp_path):
    bad = "partial_7,line_2,line_11,600.00,600.00,6OO.00,2025-04-19,2025-04-19 10:00:00"
    folder, line = exports.append(FOLDER, tmp_path / "bad", "account.partial.reconcile.csv", bad)
    assert exports.quarantined(folder, SYSTEM) == {
        ("account.partial.reconcile.csv", line, "not_a_number", "payment_amount")
    }
