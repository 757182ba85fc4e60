"""A correction that is learned later undoes no match: who has paid is not reminded."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from segmentation.ledger.loading import load_ledger

CUSTOMERS = (
    "customer_id,name,region,party_type,parent_customer_id,observed_at\n"
    "C1,Example Bakery BV,BE-VLG,legal_person,,2025-01-01T00:00:00Z\n"
)
INVOICES = (
    "invoice_id,customer_id,document_type,issue_date,due_date,amount,currency,remittance_reference,observed_at\n"
    "INV-2026-0012,C1,invoice,2026-01-01,2026-01-31,100.00,EUR,,2026-01-01T00:00:00Z\n"
)
PAYMENTS = (
    "payment_id,customer_id,value_date,amount,currency,remittance_text,payer_name,observed_at\n"
    "P1,,2026-02-02,100.00,EUR,{text},{name},2026-02-02T00:00:00Z\n"
)
DUE_LATER = "INV-2026-0012,C1,invoice,2026-01-01,2026-02-15,100.00,EUR,,2026-05-01T00:00:00Z\n"
MOVED = "C1,Example Bakery BV,BE-WAL,legal_person,,2026-05-01T00:00:00Z\n"
NAMED = "C1,Example Bakery BV,BE-VLG,legal_person,,2026-05-01T00:00:00Z\n"
NAMELESS = CUSTOMERS.replace("Example Bakery BV", "")


def load(folder, as_of=date(2026, 6, 1), *, customers=CUSTOMERS, invoices=INVOICES, text="", name=""):
    tables = {"customer": customers, "invoice": invoices, "payment": PAYMENTS.format(text=text, name=name)}
    for table, content in tables.items():
        (folder / f"{table}.csv").write_text(content)
    return load_ledger(folder, "canonical", as_of).ledger


@pytest.mark.parametrize(
    "case",
    [
        {"invoices": INVOICES + DUE_LATER, "text": "inv 2026/0012"},
        {"invoices": INVOICES + DUE_LATER, "name": "EXAMPLE BAKERY B.V."},
        {"customers": CUSTOMERS + MOVED, "name": "EXAMPLE BAKERY B.V."},
    ],
)
def test_a_later_correction_undoes_no_match(tmp_path, case):
    for as_of in (date(2026, 4, 1), date(2026, 6, 1)):
        ledger = load(tmp_path, as_of, **case)
        assert ledger["core_payment_match"].select("status", "decided_date").rows() == [
            ("matched", date(2026, 2, 2))
        ]
        assert ledger["core_instalment_balance"]["open_amount"].to_list() == [Decimal(0)]


def test_a_match_is_known_no_earlier_than_the_invoice_that_it_was_decided_by(tmp_path):
    ledger = load(tmp_path, invoices=INVOICES + DUE_LATER, text="INV-2026-0012")
    assert ledger["core_allocation"]["observed_at"].to_list() == [datetime(2026, 5, 1, tzinfo=UTC)]
    assert ledger["core_invoice"]["observed_at"].to_list() == [datetime(2026, 5, 1, tzinfo=UTC)]


def test_a_name_given_later_is_no_sign_of_an_earlier_payer(tmp_path):
    ledger = load(tmp_path, customers=NAMELESS + NAMED, name="EXAMPLE BAKERY B.V.")
    assert ledger["core_payment_match"]["status"].to_list() == ["unmatched"]
