"""Collected, returned and collected again: from a CAMT.053 file to the balance, and returns that are not clear."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.matching.matching import match_payments
from segmentation.ledger.unallocated_cash import build_unallocated_cash
from tests.ledger.matching_ledgers import make_ledger

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
)


def entry(number, day, amount, *, end_to_end=None, account="BE68539007547034", text=None, reason=None):
    sign = "DBIT" if reason else "CRDT"
    refs = f"<Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>" if end_to_end else ""
    parties = (
        f"<RltdPties><DbtrAcct><Id><IBAN>{account}</IBAN></Id></DbtrAcct></RltdPties>" if account else ""
    )
    why = f"<RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf>" if reason else ""
    said = f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf>" if text else ""
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>B{number}</AcctSvcrRef>"
        f"<NtryDtls><TxDtls>{refs}{parties}{said}{why}</TxDtls></NtryDtls></Ntry>"
    )


def balance(code, amount):
    sign = "CRDT" if amount >= 0 else "DBIT"
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{abs(amount)}</Amt>'
        f"<CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>2026-01-01</Dt></Dt></Bal>"
    )


def deliver(folder, entries, total):
    (folder / "ours.yaml").write_text("name: ours\nsource_system: ours\ninclude: [camt053, canonical]\n")
    delivery = folder / "delivery"
    delivery.mkdir()
    (delivery / "customer.csv").write_text(
        "customer_id,name,observed_at\n"
        "C-1,Example Bakery,2025-12-01T00:00:00Z\nC-2,Example Mill,2025-12-01T00:00:00Z\n"
    )
    (delivery / "invoice.csv").write_text(
        "invoice_id,customer_id,document_type,issue_date,due_date,amount,currency,observed_at\n"
        "INV-1001,C-1,invoice,2026-01-02,2026-01-20,100.00,EUR,2026-01-02T00:00:00Z\n"
        "INV-1002,C-2,invoice,2026-01-02,2026-01-20,100.00,EUR,2026-01-02T00:00:00Z\n"
    )
    (delivery / "camt.xml").write_text(
        f"{HEAD}<BkToCstmrStmt><Stmt><Id>S</Id><Acct><Id><IBAN>BE71096123456769</IBAN></Id></Acct>"
        f"{balance('OPBD', 0)}{balance('CLBD', total)}{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    )
    return lambda as_of: load_ledger(delivery, folder / "ours.yaml", as_of).ledger


def balances_of(ledger):
    rows = ledger["core_instalment_balance"].select("invoice_id", "open_amount", "covered_date", "days_late")
    return {row[0]: row[1:] for row in rows.rows()}


@pytest.mark.parametrize("reason", ["AM04", "MD06"])
def test_a_returned_debit_reopens_its_invoice_until_the_second_collection(tmp_path, reason):
    load = deliver(
        tmp_path,
        [
            entry(1, "2026-01-20", 100, end_to_end="INV-1001"),
            entry(2, "2026-01-27", 100, end_to_end="INV-1001", reason=reason),
            entry(3, "2026-02-03", 100, end_to_end="INV-1001"),
        ],
        100,
    )
    collected, returned, again = (load(date(2026, *day)) for day in ((1, 27), (1, 28), (2, 4)))
    assert balances_of(collected)["INV-1001"] == (Decimal(0), date(2026, 1, 20), 0)
    assert balances_of(returned)["INV-1001"] == (Decimal(100), None, 8)
    assert balances_of(again)["INV-1001"] == (Decimal(0), date(2026, 2, 3), 14)
    taken = again["core_payment"].filter(pl.col("amount") < 0).row(0, named=True)
    first = again["core_payment"].filter(pl.col("value_date") == date(2026, 1, 20)).row(0, named=True)
    assert (taken["reversal_of"], taken["reason_code"]) == (first["payment_id"], reason)
    for ledger in (collected, returned, again):
        assert ledger["core_unallocated_cash"].height == 0
        assert "fail" not in set(ledger["core_quality"]["verdict"])


def test_the_second_collection_may_be_returned_too(tmp_path):
    load = deliver(
        tmp_path,
        [
            entry(number, day, 100, end_to_end="INV-1001", reason=reason)
            for number, day, reason in (
                (1, "2026-01-20", None),
                (2, "2026-01-27", "AM04"),
                (3, "2026-01-27", None),
                (4, "2026-02-02", "AM04"),
            )
        ],
        0,
    )
    ledger = load(date(2026, 2, 3))
    assert balances_of(ledger)["INV-1001"] == (Decimal(100), None, 14)
    links = ledger["core_payment"].filter(pl.col("amount") < 0)["reversal_of"]
    assert links.n_unique() == 2
    assert links.null_count() == 0


def test_a_return_is_not_of_a_payment_from_another_account(tmp_path):
    """The id that all orders of the bank carry is no evidence against the accounts that both name."""
    load = deliver(
        tmp_path,
        [
            entry(1, "2026-01-15", 100, text="INV-1002", account="NL20INGB0001234567"),
            entry(2, "2026-01-20", 100, end_to_end="SALARIS", text="INV-1001", account="NL91ABNA0417164333"),
            entry(3, "2026-01-27", 100, end_to_end="SALARIS", reason="AM04", account="NL20INGB0001234567"),
        ],
        100,
    )
    ledger = load(date(2026, 1, 28))
    assert balances_of(ledger)["INV-1001"][0] == 0
    returned = ledger["core_payment"].filter(pl.col("amount") < 0)
    assert returned["reversal_of"].to_list() == [None]
    held = ledger["core_unallocated_cash"].filter(pl.col("possible_cash_amount") > 0)
    assert held["customer_id"].to_list() == ["C-1", "C-2"]


def test_a_return_that_may_be_of_two_customers_holds_both_and_is_told(tmp_path):
    """Both collections carry the same careless end-to-end id; the money taken back is of one of them."""
    load = deliver(
        tmp_path,
        [
            entry(1, "2026-01-20", 100, end_to_end="BATCH", text="INV-1001", account=None),
            entry(2, "2026-01-20", 100, end_to_end="BATCH", text="INV-1002", account=None),
            entry(3, "2026-01-27", 100, end_to_end="BATCH", reason="AM04", account=None),
        ],
        100,
    )
    ledger = load(date(2026, 1, 28))
    assert {key: row[0] for key, row in balances_of(ledger).items()} == {"INV-1001": 0, "INV-1002": 0}
    unclear = ledger["core_payment_match"].filter(pl.col("status") == "ambiguous")
    assert unclear.select("customer_id", "invoice_id", "amount", "candidate_count").rows() == [
        ("C-1", "INV-1001", 0, 2),
        ("C-2", "INV-1002", 0, 2),
    ]
    held = ledger["core_unallocated_cash"].select(
        "customer_id", "unmatched_cash_amount", "possible_cash_amount"
    )
    assert held.rows() == [("C-1", 0, 100), ("C-2", 0, 100)]
    told = ledger["core_quality"].filter(pl.col("check_name") == "core_payments_matched_by_rule")
    assert told["verdict"].to_list() == ["warn"]
    assert "1 ambiguous (-100.00 EUR)" in told["statement"][0]
    told = ledger["core_quality"].filter(pl.col("check_name") == "core_returned_payments_are_linked")
    assert told["verdict"].to_list() == ["warn"]
    assert "1 returns are of no clear payment, in all -100.00 EUR" in told["statement"][0]
    assert "2 customers are held" in told["statement"][0]


ACCOUNT = {"account": "BE01"}


def returned(payments, as_of="2026-04-01"):
    scenario = {
        "invoices": [
            {"id": "INV-1", "customer": "C-1", "amount": 100},
            {"id": "INV-2", "customer": "C-1", "amount": 100},
        ],
        "payments": payments,
    }
    ledger = match_payments(make_ledger(scenario), date.fromisoformat(as_of))
    links = ledger["core_payment"].filter(pl.col("amount") < 0).sort("payment_id")
    open_amounts = build_instalment_balances(ledger, date.fromisoformat(as_of)).sort("invoice_id")
    cash = build_unallocated_cash(ledger).select(
        "customer_id", "unmatched_cash_amount", "possible_cash_amount"
    )
    return links["reversal_of"].to_list(), open_amounts["open_amount"].to_list(), cash.rows()


PAID = {"id": "P-1", "known": "2026-02-01", "amount": 100, "text": "INV-1", **ACCOUNT}
BACK = {"id": "R-1", "known": "2026-02-10", "amount": -100, **ACCOUNT}


def test_account_and_amount_link_when_one_payment_fits():
    assert returned([PAID, BACK]) == (["P-1"], [100, 100], [])


def test_account_and_amount_link_only_within_the_time_of_refunds():
    links, left, cash = returned([PAID, BACK | {"known": "2026-04-15"}], "2026-05-01")
    assert (links, left) == ([None], [0, 100])
    assert cash == [("C-1", -100, 100)]


def test_of_two_payments_of_one_customer_none_is_taken_and_the_customer_is_held():
    other = PAID | {"id": "P-2", "text": "INV-2"}
    assert returned([PAID, other, BACK]) == ([None], [0, 0], [("C-1", -100, 100)])


def test_another_end_to_end_id_or_amount_does_not_link():
    named = PAID | {"end_to_end": "E-1"}
    assert returned([named, BACK | {"end_to_end": "E-2"}])[0] == [None]
    assert returned([named, BACK | {"end_to_end": "E-1", "amount": -105}])[0] == [None]
    assert returned([named, BACK | {"end_to_end": "E-1"}])[0] == ["P-1"]


def test_an_order_without_end_to_end_id_is_told_by_account_and_amount():
    other = {"id": "P-2", "known": "2026-02-01", "amount": 50, "account": "BE02"}
    nothing = {"end_to_end": "NOTPROVIDED"}
    assert returned([PAID | nothing, other | nothing, BACK | nothing])[0] == ["P-1"]


def test_the_same_reference_links():
    reference = {"reference": "090933755493"}
    paid = {**PAID, **reference, "account": None}
    assert returned([paid, {**BACK, **reference, "account": "BE02"}])[0] == ["P-1"]


def test_what_was_taken_back_once_is_not_taken_back_again():
    again = BACK | {"id": "R-2", "known": "2026-02-11"}
    assert returned([PAID, BACK, again])[0] == ["P-1", None]


def test_a_payment_of_a_later_day_is_not_what_came_back():
    assert returned([PAID | {"known": "2026-02-11"}, BACK])[0] == [None]


def test_a_refund_that_the_source_gives_to_a_customer_is_no_return():
    refund = BACK | {"customer": "C-1"}
    links, left, cash = returned([PAID, refund])
    assert (links, left, cash) == ([None], [0, 100], [("C-1", -100, 0)])
