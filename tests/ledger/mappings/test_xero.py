"""Xero: endpoints of the Accounting API as files (Xero Developer documentation, "Accounting API")."""

from datetime import UTC, date, datetime, time

import pytest

from tests.ledger.mappings import exports

SYSTEM = "xero"
FOLDER = exports.folder_of(SYSTEM)


@pytest.fixture(scope="module")
def loaded():
    return exports.load(FOLDER, SYSTEM)


def test_balances_and_days_late_are_those_worked_by_hand(loaded):
    assert loaded.as_of == date(2025, 4, 21)
    assert exports.balances(loaded) == {
        ("i-1", 1): ("0.00", 12),  # due 31 March, 600 on 3 April and 400 on 12 April
        ("i-2", 1): ("300.00", 12),  # 500 due 9 April less 200 of the credit note
        ("i-3", 1): ("0.00", -14),  # due 11 April, voided on 28 March
        ("i-4", 1): ("200.00", 7),  # USD, due 14 April; the payment was deleted
        ("i-7", 1): ("0.00", 1),  # 150 due 19 April: 40 of the overpayment, 110 on 20 April
    }
    assert exports.covered(loaded) == {
        ("i-1", 1): "payment",
        ("i-3", 1): "credit_note",
        ("i-7", 1): "payment",
    }


def test_credit_and_overpayments_stay_on_account(loaded):
    assert exports.on_account(loaded) == {
        "c-1": ("0.00", "30.00"),  # credit note of 250: 200 allocated, 20 paid out
        "c-3": ("25.00", "0.00"),  # overpayment of 80: 40 allocated, 15 paid back
    }


def test_everything_is_accounted_for_and_agrees_with_the_amounts_due(loaded):
    exports.assert_trusted(loaded)
    exports.assert_accounted(FOLDER, SYSTEM)


def test_moments_keep_their_hour(loaded):
    voided = loaded.ledger["core_allocation"].filter(allocation_id="void-i-3")["observed_at"].item()
    assert voided.isoformat() == "2025-03-28T16:00:00+00:00"


def test_drafts_bills_and_credit_notes_are_no_open_invoices(loaded):
    documents = dict(loaded.ledger["core_invoice"].select("invoice_id", "document_type").rows())
    assert not {"i-5", "i-6"} & set(documents)
    assert documents["n-1"] == "credit_note"


def day_of(text):
    if text.startswith("/Date("):
        return datetime.fromtimestamp(int(text[6:].split("+")[0]) / 1000, UTC).date()
    return date.fromisoformat(text[:10])


def cut_back(cut, target):
    def change(name, *blanked):
        def back(row):
            if day_of(row[name]) >= cut:
                return None
            row = row | dict.fromkeys(blanked, "")
            if "UpdatedDateUTC" in row and day_of(row["UpdatedDateUTC"]) >= cut:
                row |= {
                    "UpdatedDateUTC": f"/Date({int(datetime.combine(day_of(row[name]), time(), UTC).timestamp())}000+0000)/",
                    "Status": {"VOIDED": "AUTHORISED", "DELETED": "AUTHORISED"}.get(
                        row["Status"], row["Status"]
                    ),
                }
            return row

        return back

    return exports.rewrite(
        FOLDER,
        target,
        {
            "Invoices.csv": change("DateString", "AmountDue", "AmountPaid", "AmountCredited"),
            "CreditNotes.csv": change("DateString", "RemainingCredit"),
            "CreditNoteAllocations.csv": change("Date"),
            "Payments.csv": change("Date"),
            "Overpayments.csv": change("DateString", "RemainingCredit"),
            "OverpaymentAllocations.csv": change("Date"),
        },
    )


@pytest.mark.parametrize("day", ["2025-03-28", "2025-04-12", "2025-04-17"])
def test_a_past_day_knows_nothing_of_what_came_later(tmp_path, day):
    cut = date.fromisoformat(day)
    exports.assert_same_on(cut, FOLDER, cut_back(cut, tmp_path / "past"), SYSTEM)


def test_a_bad_row_is_in_quarantine_with_its_place(tmp_path):
    bad = "a-9,n-1,1O.00,2025-04-19T00:00:00,i-2,false"
    folder, line = exports.append(FOLDER, tmp_path / "bad", "CreditNoteAllocations.csv", bad)
    assert exports.quarantined(folder, SYSTEM) == {
        ("CreditNoteAllocations.csv", line, "not_a_number", "amount")
    }
    exports.assert_accounted(folder, SYSTEM)


def test_customers_quote_the_number_of_the_invoice(loaded):
    references = loaded.ledger["core_invoice"].filter(invoice_id="i-1")["remittance_reference"]
    assert references.to_list() == ["INV-0001"]
