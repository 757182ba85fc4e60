"""Files written after the ISO 20022 message definition of camt.053.001.02 and .08."""

import re
from pathlib import Path

import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.camt053 import read_camt053
from segmentation.ledger.records import LINE

FILES = Path(__file__).parent / "files"
V02 = (FILES / "camt053_v02.xml").read_bytes()
V08 = (FILES / "camt053_v08.xml").read_bytes()


def entries_of(data):
    return read_camt053(data, "a.xml")[0].rows.to_dicts()


def test_an_entry_says_who_paid_what_and_why():
    entry = entries_of(V02)[0]
    line = entry.pop(LINE)
    assert V02.decode().split("\n")[line - 1].strip() == "<Ntry>"
    assert {name: value for name, value in entry.items() if value is not None} == {
        "statement_id": "2026-031",
        "entry_id": "BE71096123456769/BANK-REF-1/2026-01-31/121.05",
        "status": "BOOK",
        "account": "BE71096123456769",
        "booking_date": "2026-02-01",
        "value_date": "2026-01-31",
        "amount": "121.05",
        "currency": "EUR",
        "credit_debit": "CRDT",
        "is_reversal": "false",
        "end_to_end_id": "E2E-1001",
        "structured_reference": "090933755493",
        "structured_reference_type": "OGM",
        "counterparty_name": "Example Bakery",
        "counterparty_account": "BE68539007547034",
        "transaction_code": "PMNT/RCDT/ESCT",
        "bank_reference": "BANK-REF-1",
    }


def test_a_batch_becomes_one_record_per_payment():
    batch = [entry for entry in entries_of(V02) if entry["bank_reference"] == "BANK-REF-2"]
    assert [(entry["entry_id"][-2:], entry["amount"]) for entry in batch] == [
        ("#1", "150.00"),
        ("#2", "250.00"),
    ]
    assert [entry["counterparty_name"] for entry in batch] == ["Customer 1002", "Customer 1003"]
    assert batch[0]["remittance_text"] == "Invoice F-17 and F-18"
    assert batch[0]["end_to_end_id"] is None
    assert batch[0]["mandate_id"] == "MANDATE-7"
    assert batch[1]["structured_reference_type"] == "RF"


def test_a_payment_of_several_invoices_says_all_that_it_is_for():
    (ogm,) = re.findall(rb"<Strd>.*?090933755493.*?</Strd>", V02, re.DOTALL)
    more = (
        ogm.replace(b"090933755493", b"000123456735")
        + b"<Strd><RfrdDocInf><Nb>F-21</Nb></RfrdDocInf><RfrdDocInf><Nb>F-22</Nb></RfrdDocInf></Strd>"
    )
    entry = entries_of(V02.replace(ogm, ogm + more))[0]
    assert entry["structured_reference"] == "090933755493"
    assert entry["remittance_text"] == "+++000123456735+++ ; F-21 ; F-22"


def test_a_returned_direct_debit_names_the_customer_and_the_reason():
    entry = entries_of(V02)[3]
    assert (entry["amount"], entry["is_reversal"], entry["return_reason"]) == ("-50.00", "true", "AM04")
    assert (entry["counterparty_name"], entry["counterparty_account"]) == (
        "Customer 1004",
        "NL91ABNA0417164300",
    )


def test_our_own_account_is_never_the_other_party():
    swapped = V02.replace(b"<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>", b"").replace(
        b"<RvslInd>true</RvslInd>", b""
    )
    entry = entries_of(swapped)[3]
    assert (entry["counterparty_name"], entry["is_reversal"]) == ("Customer 1004", "false")


def test_what_is_not_booked_is_told_apart_and_counts_in_no_sum():
    assert [(entry["status"], entry["amount"]) for entry in entries_of(V02)][-1] == ("PDNG", "999.00")


def test_balances_are_records():
    balances = read_camt053(V08, "a.xml")[1].rows
    assert balances.select("kind", "balance_date", "amount", "currency").rows() == [
        ("opening", "2026-02-01", "-10.00", "EUR"),
        ("closing", "2026-02-02", "20.50", "EUR"),
    ]


def test_a_later_version_with_other_prefixes_is_read_alike():
    (entry,) = entries_of(V08)
    assert (entry["amount"], entry["currency"], entry["booking_date"]) == ("30.50", "EUR", "2026-02-02")
    assert (entry["counterparty_name"], entry["status"]) == ("Customer 2001", "BOOK")
    assert entry["entry_id"] == "BE71096123456769/2026-02-02/2026-032/1"


def test_the_same_bank_reference_is_the_same_entry_in_another_statement():
    again = V02.replace(b"<Id>2026-031</Id>", b"<Id>2026-031-COPY</Id>")
    assert [entry["entry_id"] for entry in entries_of(V02)][:4] == [
        entry["entry_id"] for entry in entries_of(again)
    ][:4]


def test_a_statement_number_that_comes_again_in_another_year_is_another_statement():
    closing = V08.rindex(b"</c:Bal>")
    next_year = V08[:closing].replace(b"2026-02-02", b"2027-02-02") + V08[closing:]
    pages = V08.replace(b"</c:Id>\n", b"</c:Id><c:StmtPgntn><c:PgNb>2</c:PgNb></c:StmtPgntn>\n", 1)
    keys = [entries_of(data)[0]["entry_id"] for data in (V08, V08, next_year, pages)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_entries_that_share_a_reference_keep_keys_of_their_own():
    start, end = V02.index(b"<Ntry>"), V02.index(b"</Ntry>") + len(b"</Ntry>")
    twice = V02[:end] + V02[start:end] + V02[end:]
    keys = [entry["entry_id"] for entry in entries_of(twice.replace(b">1471.05<", b">1592.10<"))]
    assert len(set(keys)) == len(keys) == 6


def test_a_batch_that_does_not_add_up_is_one_payment_that_says_what_all_say():
    content = read_camt053(V02.replace(b">150.00<", b">150.01<"), "a.xml")[0]
    assert content.rejects.is_empty()
    (entry,) = [e for e in content.rows.to_dicts() if e["bank_reference"] == "BANK-REF-2"]
    assert (entry["amount"], entry["structured_reference"]) == ("400.00", None)
    assert entry["remittance_text"] == "Invoice F-17 and F-18 ; RF18539007547034"
    assert entry["counterparty_name"] is None


def statement_of(*entries, opening="0.00", closing, page=None):
    """Return a statement whose entries are given as XML."""
    pages = f"<StmtPgntn><PgNb>{page}</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>" if page else ""
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-20</Dt></Dt></Bal>"
        for code, amount in (("OPBD", opening), ("CLBD", closing))
    )
    return (
        f"<Stmt><Id>S-1</Id>{pages}<Acct><Id><IBAN>BE71096123456769</IBAN></Id></Acct>{balances}"
        f"{''.join(entries)}</Stmt>"
    )


def entry_of(amount, *details, sign="CRDT", more="", days="<BookgDt><Dt>2026-01-20</Dt></BookgDt>"):
    days += "" if "ValDt" in days or "BookgDt" not in days else "<ValDt><Dt>2026-01-19</Dt></ValDt>"
    listed = "".join(f"<TxDtls>{detail}</TxDtls>" for detail in details)
    return (
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts>BOOK</Sts>{days}"
        f"<AcctSvcrRef>COLL</AcctSvcrRef>{more}<NtryDtls>{listed}</NtryDtls></Ntry>"
    )


def said(number, amount=None, more=""):
    """Return a detail that names an invoice, and what was paid before the bank took its part."""
    gross = f"<AmtDtls><TxAmt><Amt Ccy='EUR'>{amount}</Amt></TxAmt></AmtDtls>" if amount else ""
    return f"{gross}{more}<RmtInf><Ustrd>{number}</Ustrd></RmtInf>"


def read_statements(*statements):
    head = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'><BkToCstmrStmt>"
    return entries_of(f"{head}{''.join(statements)}</BkToCstmrStmt></Document>".encode())


BOTH_WAYS = (
    "<Chrgs><Rcrd><Amt Ccy='EUR'>4.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd>"
    "<Rcrd><Amt Ccy='EUR'>1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Rcrd></Chrgs>"
)
TAKEN = "<Chrgs><TtlChrgsAndTaxAmt Ccy='EUR'>3.00</TtlChrgsAndTaxAmt></Chrgs>"


@pytest.mark.parametrize(
    ("entry", "closing", "amounts"),
    [
        (entry_of("97.00", said("INV-1", "100.00", TAKEN)), "97.00", ["100.00"]),
        (entry_of("97.00", said("INV-1", "100.00"), more=TAKEN), "97.00", ["100.00"]),
        (entry_of("97.00", said("INV-1", "100.00"), more=BOTH_WAYS), "97.00", ["100.00"]),
        (entry_of("97.00", said("INV-1", "100.00")), "97.00", ["97.00"]),
        (entry_of("197.00", said("A", "100.00"), said("B", "100.00"), more=TAKEN), "197.00", ["100.00"] * 2),
        (entry_of("200.00", said("A", "100.00"), said("B", "100.00"), more=TAKEN), "200.00", ["100.00"] * 2),
        (entry_of("197.00", said("A", "100.00"), said("B", "100.00")), "197.00", ["197.00"]),
    ],
)
def test_what_the_bank_took_is_no_part_of_what_somebody_owes(entry, closing, amounts):
    assert [e["amount"] for e in read_statements(statement_of(entry, closing=closing))] == amounts


def test_a_returned_debit_with_charges_takes_back_what_was_collected():
    debit = entry_of("103.00", said("INV-1", "100.00", TAKEN + "<RtrInf/>"), sign="DBIT")
    (entry,) = read_statements(statement_of(debit, opening="200.00", closing="97.00"))
    assert (entry["amount"], entry["is_reversal"]) == ("-100.00", "true")


@pytest.mark.parametrize(
    ("days", "booked", "valued"),
    [
        ("<BookgDt><Dt>2026-01-20</Dt></BookgDt><ValDt/>", "2026-01-20", "2026-01-20"),
        ("<ValDt><Dt>2026-01-19</Dt></ValDt>", "2026-01-19", "2026-01-19"),
    ],
)
def test_a_day_that_is_not_told_is_the_other_one(days, booked, valued):
    (entry,) = read_statements(statement_of(entry_of("5.00", said("INV-1"), days=days), closing="5.00"))
    assert (entry["booking_date"], entry["value_date"]) == (booked, valued)


def test_entries_of_two_pages_that_share_a_reference_keep_keys_of_their_own():
    first = statement_of(entry_of("50.00", said("INV-1")), closing="50.00", page=1)
    second = statement_of(entry_of("50.00", said("INV-1")), opening="50.00", closing="100.00", page=2)
    keys = [entry["entry_id"] for entry in read_statements(first, second)]
    assert len(set(keys)) == 2
    again = [entry["entry_id"] for entry in read_statements(first, second, first, second)]
    assert again == keys * 2


@pytest.mark.parametrize(
    ("code", "sign", "is_reversal"),
    [
        ("IDDT/RCDD", "DBIT", "true"),
        ("RCDT/RRTN", "DBIT", "true"),
        ("IDDT/RRTN", "DBIT", "true"),
        ("RCHQ/UPCQ", "DBIT", "true"),
        ("DRFT/UDFT", "DBIT", "true"),
        ("ICDT/RRTN", "CRDT", "true"),
        ("ICDT/ESCT", "DBIT", "false"),
        ("RCDT/ESCT", "CRDT", "false"),
    ],
)
def test_a_code_of_returns_takes_back(code, sign, is_reversal):
    family, sub = code.split("/")
    told = f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn></BkTxCd>"
    closing = "10.00" if sign == "CRDT" else "0.00"
    opening = "5.00"
    (entry,) = read_statements(
        statement_of(entry_of("5.00", said("INV-1"), sign=sign, more=told), opening=opening, closing=closing)
    )
    assert entry["is_reversal"] == is_reversal


def test_what_is_sent_back_among_what_came_in_takes_back():
    parts = [
        "<Amt Ccy='EUR'>100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>",
        "<Amt Ccy='EUR'>40.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Refs><EndToEndId>E3</EndToEndId></Refs>",
    ]
    entries = read_statements(statement_of(entry_of("60.00", *parts), closing="60.00"))
    assert [(e["amount"], e["is_reversal"]) for e in entries] == [("100.00", "false"), ("-40.00", "true")]


def test_a_statement_that_does_not_add_up_is_refused_with_the_amounts():
    with pytest.raises(
        InputRefusedError, match=r"1000.00 and entries 471.05 make 1471.05 EUR.* says 1471.06"
    ) as error:
        read_camt053(V02.replace(b">1471.05<", b">1471.06<"), "a.xml")
    assert error.value.where == "a.xml, line 5"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"CLBD", b"CLAV", "no closing balance"),
        (b"OPBD", b"XPCD", "no opening balance"),
        (b'<Amt Ccy="EUR">121.05', b'<Amt Ccy="USD">121.05', "in USD"),
        (b">121.05<", b">121,05<", "no readable amount"),
        (b">121.05<", b">NaN<", "no readable amount"),
        (b"<CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK", b"<Sts>BOOK", "no readable amount"),
        (b"camt.053.001.02", b"camt.052.001.02", "no CAMT.053"),
        (b"<IBAN>BE71096123456769</IBAN></Id><Ccy>", b"</Id><Ccy>", "no Acct/Id/IBAN"),
        (b"</BkToCstmrStmt>\n</Document>\n", b"", "not well-formed"),
    ],
)
def test_what_cannot_be_trusted_is_refused(old, new, message):
    assert old in V02
    with pytest.raises(InputRefusedError, match=message):
        read_camt053(V02.replace(old, new), "a.xml")


@pytest.mark.parametrize("nothing", [b"NONREF", b"NOTPROVIDED", b"notprovided"])
def test_a_word_for_no_reference_names_no_entry(nothing):
    """Two payments of one amount and day in two statements would otherwise be one."""
    without = V02.replace(b"BANK-REF-1<", nothing + b"<")
    other = without.replace(b"<Id>2026-031</Id>", b"<Id>2026-032</Id>")
    first, second = entries_of(without)[0], entries_of(other)[0]
    assert first["bank_reference"] is None
    assert first["entry_id"] != second["entry_id"]


@pytest.mark.parametrize(
    ("code", "is_return"),
    [
        (b"<Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd><SubFmlyCd>UPDD</SubFmlyCd></Fmly></Domn>", "true"),
        (b"<Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd><SubFmlyCd>ESDD</SubFmlyCd></Fmly></Domn>", "false"),
        (b"<Prtry><Cd>NRTI+109+9070</Cd><Issr>DK</Issr></Prtry>", "true"),
        (b"<Prtry><Cd>NDDT+171+9070</Cd><Issr>DK</Issr></Prtry>", "false"),
    ],
)
def test_a_direct_debit_that_came_back_is_told_by_its_code_alone(code, is_return):
    unmarked = V02.replace(b"<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>", b"").replace(
        b"<RvslInd>true</RvslInd>", b"<BkTxCd>" + code + b"</BkTxCd>"
    )
    assert entries_of(unmarked)[3]["is_reversal"] == is_return
