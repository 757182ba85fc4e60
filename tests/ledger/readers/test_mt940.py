"""Files written after the SWIFT standard of message type MT940 and the layouts of field :86: in use."""

from pathlib import Path

import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.mt940 import read_mt940
from segmentation.ledger.records import LINE

STATEMENT = (Path(__file__).parent / "files" / "mt940.sta").read_bytes()


def entries_of(data):
    return read_mt940(data, "a.sta")[0].rows.to_dicts()


def test_an_entry_with_code_words():
    entry = {name: value for name, value in entries_of(STATEMENT)[0].items() if value is not None}
    assert entry == {
        LINE: 6,
        "statement_id": "2026-02-01/31/1",
        "entry_id": "NL91ABNA0417164300/BANKREF1/2026-01-31/121.05",
        "status": "BOOK",
        "account": "NL91ABNA0417164300",
        "booking_date": "2026-02-01",
        "value_date": "2026-01-31",
        "amount": "121.05",
        "currency": "EUR",
        "credit_debit": "CRDT",
        "is_reversal": "false",
        "end_to_end_id": "E2E-1001",
        "remittance_text": "Invoice F-17",
        "counterparty_name": "Example Bakery",
        "counterparty_account": "BE68539007547034",
        "transaction_code": "NTRF",
        "bank_reference": "BANKREF1",
    }


@pytest.mark.parametrize(
    ("sub_fields", "said"),
    [
        (b"?20SVWZ+RE-NR 123456789?21VOM 01.12.2025", "RE-NR 123456789 VOM 01.12.2025"),
        (b"?20SVWZ+RECHNUNG VOM 1.12. RE1?2123456", "RECHNUNG VOM 1.12. RE123456"),
        (b"?20INV 1001?21INV 1002?60INV 1003?61INV 1004", "INV 1001 INV 1002 INV 1003 INV 1004"),
    ],
)
def test_sub_fields_are_joined_within_a_word_only_when_full(sub_fields, said):
    old = b"?20EREF+E2E-9?21MREF+MANDATE-7?22SVWZ+Invoice F-20"
    name = b"?32Customer 1004?33and Sons"
    assert old in STATEMENT
    entry = entries_of(STATEMENT.replace(old, sub_fields).replace(b"?32Customer 1004", name))[1]
    assert (entry["remittance_text"], entry["counterparty_name"]) == (said, "Customer 1004 and Sons")
    assert entry["counterparty_account"] == "DE02120300000000202051"


def test_a_reversed_credit_takes_money_back():
    entry = entries_of(STATEMENT)[1]
    assert (entry["amount"], entry["credit_debit"], entry["is_reversal"]) == ("-50.00", "DBIT", "true")
    assert (entry["end_to_end_id"], entry["mandate_id"], entry["return_reason"]) == (
        "E2E-9",
        "MANDATE-7",
        "901",
    )
    assert (entry["counterparty_name"], entry["counterparty_account"]) == (
        "Customer 1004",
        "DE02120300000000202051",
    )
    assert (entry["remittance_text"], entry["transaction_code"]) == ("Invoice F-20", "NRTI/166")


def test_free_text_stays_and_ends_with_its_entry():
    entry = entries_of(STATEMENT)[2]
    assert entry["remittance_text"] == "***090/9337/55493*** Customer 1005"
    assert entry["end_to_end_id"] is None
    assert (entry["value_date"], entry["booking_date"]) == ("2025-12-30", "2026-01-02")


def test_every_statement_of_a_file_is_read():
    entries, balances = read_mt940(STATEMENT, "a.sta")
    assert entries.rows.get_column(LINE).to_list() == [6, 9, 12, 23, 24]
    assert balances.rows.select(LINE, "kind", "amount").rows() == [
        (5, "opening", "1000.00"),
        (14, "closing", "1072.55"),
        (22, "opening", "-5.00"),
        (26, "closing", "-10.25"),
    ]
    last = entries.rows.row(-1, named=True)
    assert (last["structured_reference"], last["structured_reference_type"]) == ("RF18539007547034", "RF")
    assert last["entry_id"] == "NL91ABNA0417164300/2026-02-02/32/1/2"


def test_line_ends_and_a_byte_order_mark_change_nothing():
    plain = STATEMENT[STATEMENT.index(b":20:") :]
    assert entries_of(b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")) == entries_of(plain)


def test_text_in_another_declared_encoding():
    data = STATEMENT.replace(b"Example Bakery", b"B\xe4ckerei").replace(b"Ex\nample Bakery", b"B\xe4ckerei")
    assert read_mt940(data, "a.sta", "windows-1252")[0].rows.item(0, "counterparty_name") == "Bäckerei"
    with pytest.raises(InputRefusedError, match="not written in utf-8") as error:
        read_mt940(data, "a.sta")
    assert error.value.where == "a.sta, line 7"
    with pytest.raises(InputRefusedError, match="not written in windows-1252"):
        read_mt940(data.decode("windows-1252").encode(), "a.sta", "windows-1252")


def test_a_statement_that_does_not_add_up_is_refused_with_the_amounts():
    with pytest.raises(
        InputRefusedError, match=r"opening 1000.00 and entries 72.55 make 1072.55 EUR.* says 1072.56"
    ):
        read_mt940(STATEMENT.replace(b"EUR1072,55\n:64", b"EUR1072,56\n:64"), "a.sta")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"C121,05NTRF", b"C1.121,05NTRF", "not to the standard"),
        (b"C121,05NTRF", b"C121.05NTRF", "not to the standard"),
        (b"2601310201C", b"2613310201C", "cannot be read"),
        (b"260130EUR1000,00", b"260130EUR1.000,00", "not to the standard"),
        (b":62M:D260202EUR10,25\n-}\n", b"", "no closing balance"),
        (b":60M:D260201EUR5,00\n", b"", "no opening balance"),
        (b":60M:D260201EUR5,00", b":60M:D260201USD5,00", "opens in USD"),
        (b":25:NL91ABNA0417164300EUR\n:28C:32/1\n", b":28C:32/1\n", "names no account"),
        (STATEMENT, b"date;amount\n2026-01-01;5,00\n", "no MT940"),
        (STATEMENT, b"", "empty"),
    ],
)
def test_what_cannot_be_trusted_is_refused(old, new, message):
    assert old in STATEMENT
    with pytest.raises(InputRefusedError, match=message):
        read_mt940(STATEMENT.replace(old, new), "a.sta")


def message(entry, details, opening="260113", closing="260127", number="7/1"):
    """Return a statement with one entry of 100 euros."""
    lines = [
        ":20:S",
        ":25:NL91ABNA0417164300EUR",
        f":28C:{number}",
        f":60F:C{opening}EUR0,00",
        f":61:{entry}",
    ]
    lines += [f":86:{details}"] if details else []
    return "\n".join([*lines, f":62F:C{closing}EUR100,00", "-", ""]).encode()


@pytest.mark.parametrize("word", ["EREF", "PREF", "NONREF", "N/A", "0", "KREF+"])
def test_a_word_for_no_reference_is_none(word):
    (entry,) = entries_of(message(f"2601150115C100,00NTRF{word}//B1", "/EREF/NOTPROVIDED/REMI/USTD//INV-1/"))
    assert entry["end_to_end_id"] is None
    assert entry["remittance_text"] == "INV-1"


@pytest.mark.parametrize(
    ("details", "remittance", "name"),
    [
        (
            "166?00GUTSCHRIFT?20INV-1001 INV-1002?21EREF+NOTPROVIDED?32Alfa BV",
            "INV-1001 INV-1002",
            "Alfa BV",
        ),
        ("166?00GUTSCHRIFT?20INV-1001?21SVWZ+Thanks?32Alfa BV", "INV-1001 Thanks", "Alfa BV"),
        ("073~00PRZELEW~20INV-1001~21INV-1002~32Alfa BV~33Company", "INV-1001 INV-1002", "Alfa BV Company"),
        ("073^00PRZELEW^20INV-1001^32Alfa BV", "INV-1001", "Alfa BV"),
    ],
)
def test_all_that_sub_fields_say_is_kept(details, remittance, name):
    (entry,) = entries_of(message("2601150115C100,00NTRFNONREF//B1", details))
    assert (entry["remittance_text"], entry["counterparty_name"]) == (remittance, name)


def test_without_details_what_follows_the_entry_is_its_text():
    (entry,) = entries_of(message("2601150115C100,00NTRFNONREF//B1\nINV-1001 INV-1002", ""))
    assert entry["remittance_text"] == "INV-1001 INV-1002"


def test_an_entry_without_its_day_is_told_with_its_statement():
    (entry,) = entries_of(message("260115C100,00NTRFNONREF//B1", "INV-1001"))
    assert (entry["value_date"], entry["booking_date"]) == ("2026-01-15", "2026-01-27")


@pytest.mark.parametrize(("day", "value_date"), [("260228", "2026-02-28"), ("260230", "2026-02-28")])
def test_the_thirtieth_of_february_is_the_last_day_of_it(day, value_date):
    (entry,) = entries_of(message(f"{day}0227C100,00NTRFNONREF", "INV-1001", closing="260228"))
    assert entry["value_date"] == value_date


@pytest.mark.parametrize("day", ["260231", "260299"])
def test_a_day_that_no_february_has_is_refused(day):
    with pytest.raises(InputRefusedError, match="no day") as error:
        entries_of(message(f"{day}0228C100,00NTRFNONREF", "INV-1001", closing="260228"))
    assert error.value.where == "a.sta, line 5"


def test_entries_of_two_pages_that_share_a_reference_keep_keys_of_their_own():
    entry = "2601150115C100,00NTRFNONREF//B1"
    second = message(entry, "INV-1", number="7/2").replace(b"EUR0,00", b"EUR100,00")
    second = second.replace(b":62F:C260127EUR100,00", b":62F:C260127EUR200,00")
    keys = [found["entry_id"] for found in entries_of(message(entry, "INV-1") + second)]
    assert len(set(keys)) == 2
