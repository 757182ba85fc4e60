"""Dynamics 365 Finance: tables as files (Microsoft Learn, "Common Data Model": CustTrans and its neighbours)."""

from datetime import date
from decimal import Decimal

import pytest

from tests.ledger.mappings import exports

SYSTEM = "dynamics365"
FOLDER = exports.folder_of(SYSTEM)


@pytest.fixture(scope="module")
def loaded():
    return exports.load(FOLDER, SYSTEM)


def test_balances_and_days_late_are_those_worked_by_hand(loaded):
    assert loaded.as_of == date(2025, 4, 21)
    assert exports.balances(loaded) == {
        ("101", 1): ("0.00", 3),  # due 31 March, money of 3 April
        ("102", 1): ("0.00", 5),  # due 9 April, 298 of 13 April and 2 let go on 14 April
        ("102", 2): ("300.00", -18),  # due 9 May
        ("201", 1): ("200.00", 7),  # USD, due 14 April; settled and taken back
    }
    assert exports.covered(loaded) == {("101", 1): "payment", ("102", 1): "payment"}
    assert exports.on_account(loaded) == {"exmf/C-1001": ("50.00", "50.00")}  # 950 - 900; 120 - 70 paid out


def test_a_returned_payment_takes_the_first_one_back(loaded):
    payments = loaded.ledger["core_payment"].select("payment_id", "reversal_of").drop_nulls().rows()
    assert payments == [("203", "202")]


def test_everything_is_accounted_for_and_agrees_with_the_open_transactions(loaded):
    exports.assert_trusted(loaded)
    exports.assert_accounted(FOLDER, SYSTEM)


def test_letters_and_disputes_are_read_and_credit_notes_are_no_invoices(loaded):
    events = loaded.ledger["core_contact_event"].select("contact_id", "customer_id", "dunning_level").rows()
    assert events == [("CL-1", "exmf/C-1002", 1)]
    disputes = loaded.ledger["core_dispute"].select("dispute_id", "invoice_id", "closed_at").rows()
    assert disputes == [("601", "201", None)]
    documents = dict(loaded.ledger["core_invoice"].select("invoice_id", "document_type").rows())
    assert documents == {"101": "invoice", "102": "invoice", "104": "credit_note", "201": "invoice"}


def cut_back(cut, target):
    """Return the tables as they were: what was settled later stood in CustTransOpen then."""
    later = exports.without_later
    settled = {}

    def settlement(row):
        if kept := later(cut, ("CreatedDateTime", "TransDate"))(row):
            return kept
        key = (row["TransRecId"], row["DueDate"])
        settled[key] = settled.get(key, Decimal(0)) + Decimal(row["SettleAmountCur"])
        return None

    def transaction(row):
        kept = later(cut, ("CreatedDateTime", "TransDate"))(row)
        if kept is not None and exports.is_later(row["ModifiedDateTime"][:19], cut):
            kept |= {"ModifiedDateTime": kept["CreatedDateTime"]}
        return kept

    folder = exports.rewrite(
        FOLDER,
        target,
        {
            "CustSettlement.csv": settlement,
            "CustTrans.csv": transaction,
            "CustDispute.csv": later(cut, ("CreatedDateTime",)),
            "CustCollectionLetterJour.csv": later(cut, ("CreatedDateTime", "TransDate")),
        },
    )
    known = (folder / "CustTrans.csv").read_text().splitlines()[1:]
    accounts = {line.split(",")[0]: line.split(",")[1] for line in known}
    path = folder / "CustTransOpen.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    header, rows = rows[0], [row for row in rows[1:] if row[1] in accounts]
    for row in rows:
        row[5] = str(Decimal(row[5]) + settled.pop((row[1], row[4]), Decimal(0)))
    for (trans, due), amount in settled.items():
        if trans in accounts and amount:
            rows.append([f"9{trans}", trans, accounts[trans], due, due, str(amount), "exmf"])
    path.write_text("".join(",".join(row) + "\n" for row in [header, *rows]))
    return folder


@pytest.mark.parametrize("day", ["2025-03-26", "2025-04-14", "2025-04-17", "2025-04-18"])
def test_a_past_day_knows_nothing_of_what_came_later(tmp_path, day):
    cut = date.fromisoformat(day)
    past = cut_back(cut, tmp_path / "past")
    before = exports.without_tables(exports.load(FOLDER, SYSTEM, cut), "core_stated_balance")
    after = exports.load(past, SYSTEM, cut)
    exports.assert_same(before, exports.without_tables(after, "core_stated_balance"))
    failed = after.ledger["core_quality"].filter(verdict="fail")  # its own balances as well
    assert failed.is_empty(), failed["statement"].to_list()


def test_a_bad_row_is_in_quarantine_with_its_place(tmp_path):
    bad = "415,C-1001,102,103,2025-04-19,2025-05-09 00:00:00.000,5O.00,1,,2025-04-19 09:00:00.000,exmf"
    folder, line = exports.append(FOLDER, tmp_path / "bad", "CustSettlement.csv", bad)
    assert exports.quarantined(folder, SYSTEM) == {("CustSettlement.csv", line, "not_a_number", "amount")}
    exports.assert_accounted(folder, SYSTEM)


def test_accounts_of_two_legal_entities_are_two_customers(tmp_path):
    other = "5009,C-1001,B2B,EUR,Net30,0,2025-01-02 08:00:00.000,demf"
    folder, _ = exports.append(FOLDER, tmp_path / "one", "CustTable.csv", other)
    paid = "199,C-1001,P-9,2025-04-01,,-40.00,EUR,15,,2025-04-01 09:00:00,2025-04-01 09:00:00,demf"
    folder, _ = exports.append(folder, tmp_path / "two", "CustTrans.csv", paid)
    loaded = exports.load(folder, SYSTEM)
    assert exports.on_account(loaded) == {"exmf/C-1001": ("50.00", "50.00"), "demf/C-1001": ("40.00", "0.00")}


def test_an_exchange_adjustment_of_nil_is_no_invoice(tmp_path):
    nil = (
        "198,C-1001,X-1,2025-04-01,1900-01-01,0.00,EUR,9,,2025-04-01 09:00:00,2025-04-01 09:00:00,exmf\n"
        "199,C-1001,X-2,2025-04-01,2025-04-30,0.00,EUR,9,,2025-04-01 09:00:00,2025-04-01 09:00:00,exmf"
    )
    folder, _ = exports.append(FOLDER, tmp_path / "nil", "CustTrans.csv", nil)
    loaded = exports.load(folder, SYSTEM)
    exports.assert_trusted(loaded)
    exports.assert_accounted(folder, SYSTEM)
    assert not {"198", "199"} & set(loaded.ledger["core_invoice"]["invoice_id"])


def settle_abroad(tmp_path, other):
    """Return the export with 45 euros paid from 100 dollars, of which the other side says this amount."""
    folder = exports.rewrite(FOLDER, tmp_path / "abroad", {})
    added = {
        "CustTrans.csv": "501,C-1002,INV-9,2025-03-15 00:00:00.000,2025-04-14 00:00:00.000,45.00,EUR,2,,2025-03-15 09:00:00.000,2025-04-17 09:00:00.000,exmf\n"
        "502,C-1002,PAY-9,2025-04-10 00:00:00.000,2025-04-10 00:00:00.000,-100.00,USD,15,,2025-04-10 09:00:00.000,2025-04-17 09:00:00.000,exmf\n",
        "CustSettlement.csv": "801,C-1002,501,502,2025-04-10 00:00:00.000,2025-04-14 00:00:00.000,45.00,0,PAY-9,2025-04-10 09:00:00.000,exmf\n"
        f"802,C-1002,502,501,2025-04-10 00:00:00.000,2025-04-10 00:00:00.000,{other},0,INV-9,2025-04-10 09:00:00.000,exmf\n",
        "CustTransOpen.csv": "305,502,C-1002,2025-04-10 00:00:00.000,2025-04-10 00:00:00.000,-50.00,exmf\n",
    }
    for name, lines in added.items():
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8") + lines, encoding="utf-8")
    return exports.load(folder, SYSTEM)


def test_what_another_currency_leaves_of_a_payment_is_on_account(tmp_path):
    loaded = settle_abroad(tmp_path, "-50.00")
    assert exports.on_account(loaded)["exmf/C-1002"] == ("50.00", "0.00")
    assert loaded.ledger["core_quarantine"].is_empty()


@pytest.mark.parametrize("other", ["-5O.00", "50.00-", "(50.00)", ""])
def test_what_was_taken_in_the_other_currency_is_not_guessed(tmp_path, other):
    loaded = settle_abroad(tmp_path, other)
    assert loaded.ledger["core_quarantine"].select("column_name", "rule").rows() == [
        ("payment_amount", "not_a_number")
    ]
    assert exports.on_account(loaded)["exmf/C-1002"] == ("100.00", "0.00")
