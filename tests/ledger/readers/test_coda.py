"""CODA as Febelfin's standard for coded statements of account, version 2, lays it out."""

import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.coda import read_coda
from segmentation.ledger.records import LINE

ACCOUNT = "BE71096123456769"


def amount(text):
    sign = "1" if text.startswith("-") else "0"
    euros, cents = text.removeprefix("-").split(".")
    return f"{sign}{euros:0>12}{cents:0<3}"


def record(*fields):
    """Return a record: every field is (last position, text)."""
    line = ""
    for end, text in fields:
        line += text.ljust(end - len(line))
        assert len(line) == end, (text, end)
    return line


def header():
    return record(
        (16, "00000" + "020226" + "539" + "05"), (24, ""), (34, "FILE000001"), (60, "OUR OWN COMPANY"),
        (71, "EXAMBEBB"), (82, "00123456749"), (127, ""), (128, "2"),
    )  # fmt: skip


def old_balance(text, number="031"):
    return record(
        (5, "12" + number), (39, ACCOUNT), (42, "EUR"), (58, amount(text)),
        (64, "300126"), (90, "OUR OWN COMPANY"), (125, "CURRENT ACCOUNT"), (128, number),
    )  # fmt: skip


def movement(sequence, text, communication, code="00150000", kind="0", detail="0000", follows="0"):
    return record(
        (10, f"21{sequence}{detail}"), (31, f"BANKREF{sequence}"), (47, amount(text)), (53, "310126"),
        (61, code), (62, kind), (115, communication[:53]), (121, "010226"), (124, "031"), (125, "0"),
        (126, follows), (128, " 0"),
    )  # fmt: skip


def more(sequence, communication="", reference="", returned="", reason="", detail="0000", follows="1"):
    return record(
        (10, f"22{sequence}{detail}"), (63, communication), (98, reference), (112, ""), (113, returned),
        (117, reason), (125, ""), (126, follows), (128, " 0"),
    )  # fmt: skip


def counterparty(sequence, account, name, communication="", detail="0000"):
    return record(
        (10, f"23{sequence}{detail}"), (44, account), (47, "EUR"), (82, name), (125, communication),
        (126, "0"), (128, " 0"),
    )  # fmt: skip


def new_balance(text, number="031"):
    return record(
        (4, "8" + number), (38, ACCOUNT), (41, "EUR"), (57, amount(text)), (63, "010226"), (128, "")
    )


def trailer(count, debit, credit):
    return record(
        (16, "9"), (22, f"{count:06}"), (37, amount(debit)[1:].zfill(15)), (52, amount(credit)[1:].zfill(15)),
        (127, ""), (128, "2"),
    )  # fmt: skip


def statement():
    mandate = "0" * 9 + "BE69ZZZ0123456749".ljust(35) + "MANDATE-7".ljust(35)
    return [
        header(),
        old_balance("1000.00"),
        movement("0001", "121.05", "101090933755493", kind="1", follows="1"),
        more("0001", reference="E2E-1001"),
        counterparty("0001", "BE68539007547034", "EXAMPLE BAKERY"),
        movement("0002", "15.50", "INVOICE F-17 AND A TEXT THAT GOES ON IN THE NEXT RECO", follows="1"),
        more("0002", "RD OF IT", follows="0"),
        movement("0003", "400.00", "", code="10150000"),
        movement("0003", "150.00", "INVOICE F-20", code="50150000", detail="0001"),
        movement("0003", "250.00", "100RF18539007547034", code="50150000", kind="1", detail="0002"),
        movement("0004", "-50.00", "127" + mandate[:50], code="00503000", kind="1", follows="1"),
        more("0004", mandate[50:], "E2E-0900", "2", "MS03"),
        counterparty("0004", "NL91ABNA0417164300", "CUSTOMER 1004"),
        new_balance("1486.55"),
        trailer(13, "50.00", "536.55"),
    ]


def read(records):
    return read_coda("\n".join([*records, ""]).encode("windows-1252"), "a.cod")


def entries_of(records):
    return read(records)[0].rows.to_dicts()


def replaced(old, new):
    text = "\n".join(statement())
    assert old in text
    return text.replace(old, new).split("\n")


def test_a_movement_says_who_paid_what_and_why():
    entry = {name: value for name, value in entries_of(statement())[0].items() if value is not None}
    assert entry == {
        LINE: 3,
        "statement_id": "2026-02-01/031",
        "entry_id": f"{ACCOUNT}/2026-02-01/031/00010000",
        "status": "BOOK",
        "account": ACCOUNT,
        "booking_date": "2026-02-01",
        "value_date": "2026-01-31",
        "amount": "121.05",
        "currency": "EUR",
        "credit_debit": "CRDT",
        "is_reversal": "false",
        "end_to_end_id": "E2E-1001",
        "structured_reference": "090933755493",
        "structured_reference_type": "OGM",
        "counterparty_name": "EXAMPLE BAKERY",
        "counterparty_account": "BE68539007547034",
        "transaction_code": "00150000",
        "bank_reference": "BANKREF0001",
    }


def test_text_goes_on_in_the_next_record():
    assert entries_of(statement())[1]["remittance_text"] == (
        "INVOICE F-17 AND A TEXT THAT GOES ON IN THE NEXT RECORD OF IT"
    )


def test_a_collective_movement_becomes_its_details():
    details = entries_of(statement())[2:4]
    assert [(entry[LINE], entry["entry_id"][-8:], entry["amount"]) for entry in details] == [
        (9, "00030001", "150.00"),
        (10, "00030002", "250.00"),
    ]
    assert (details[1]["structured_reference"], details[1]["structured_reference_type"]) == (
        "RF18539007547034",
        "RF",
    )


def test_a_returned_direct_debit_names_mandate_and_reason():
    entry = entries_of(statement())[4]
    assert (entry["amount"], entry["is_reversal"], entry["return_reason"]) == ("-50.00", "true", "MS03")
    assert (entry["mandate_id"], entry["counterparty_name"]) == ("MANDATE-7", "CUSTOMER 1004")


def test_balances_and_several_statements_in_a_file():
    second = [
        header(),
        old_balance("1486.55", "032"),
        new_balance("1486.55", "032"),
        trailer(2, "0.00", "0.00"),
    ]
    balances = read([*statement(), *second])[1].rows
    assert balances.select(LINE, "statement_id", "kind", "amount", "currency").rows() == [
        (2, "2026-02-01/031", "opening", "1000.00", "EUR"),
        (14, "2026-02-01/031", "closing", "1486.55", "EUR"),
        (17, "2026-02-01/032", "opening", "1486.55", "EUR"),
        (18, "2026-02-01/032", "closing", "1486.55", "EUR"),
    ]


def test_details_that_do_not_add_up_are_one_payment_that_says_what_all_say():
    content = read(replaced(amount("150.00"), amount("150.01")))[0]
    assert content.rejects.is_empty()
    entry = content.rows.row(2, named=True)
    assert (entry[LINE], entry["amount"]) == (8, "400.00")
    assert (entry["remittance_text"], entry["structured_reference"]) == (
        "INVOICE F-20 ; RF18539007547034",
        None,
    )


def one_day(*movements, balance, closing=None):
    """Return a statement of movements, of which the first lines are as given."""
    is_paid_out = balance.startswith("-")
    sums = (balance.removeprefix("-"), "0.00") if is_paid_out else ("0.00", balance)
    opening = sums[0] if is_paid_out else "0.00"
    end = trailer(len(movements) + 2, *sums)
    return [header(), old_balance(opening), *movements, new_balance(closing or balance), end]


def test_a_detail_says_what_its_movement_says_where_it_says_nothing():
    records = one_day(
        movement("0001", "97.00", "INV-1001 INV-1002", code="34150000", follows="1"),
        more("0001", reference="NONREF"),
        counterparty("0001", "", "ALFA BV"),
        movement("0001", "100.00", "", code="84150100", detail="0001"),
        movement("0001", "-3.00", "", code="84150000", detail="0002"),
        balance="97.00",
    )
    paid, charged = entries_of(records)
    assert (paid["amount"], paid["remittance_text"]) == ("100.00", "INV-1001 INV-1002")
    assert (paid["counterparty_name"], paid["end_to_end_id"]) == ("ALFA BV", None)
    assert (charged["amount"], charged["credit_debit"], charged["is_reversal"]) == ("-3.00", "DBIT", "false")


def test_a_return_that_only_its_communication_tells_takes_back():
    told = "127" + "0" * 9 + "BE69ZZZ0123456749".ljust(35) + "MANDATE-7".ljust(35) + "INV-1".ljust(62)
    records = one_day(
        movement("0001", "-60.00", told, code="00503000", kind="1", follows="1"),
        more("0001", told[53:106], "E2E-1"),
        counterparty("0001", "", "ALFA BV", told[106:] + "2MS03"),
        balance="-60.00",
        closing="0.00",
    )
    (entry,) = entries_of(records)
    assert (entry["is_reversal"], entry["return_reason"], entry["end_to_end_id"]) == ("true", "MS03", "E2E-1")


def test_a_value_day_that_is_not_known_is_the_day_of_the_entry():
    line = movement("0001", "60.00", "INV-1001")
    (entry,) = entries_of(one_day(line[:47] + "000000" + line[53:], balance="60.00"))
    assert entry["value_date"] == entry["booking_date"] == "2026-02-01"


@pytest.mark.parametrize(("place", "text"), [(1, "4"), (1, " "), (5, " " * 37)])
def test_an_old_balance_without_account_is_refused_with_its_line(place, text):
    records = one_day(movement("0001", "60.00", "INV-1001"), balance="60.00")
    records[1] = records[1][:place] + text + records[1][place + len(text) :]
    with pytest.raises(InputRefusedError, match="names no account and currency") as error:
        read(records)
    assert error.value.where == "a.cod, line 2"


def test_a_statement_that_does_not_add_up_is_refused_with_the_amounts():
    with pytest.raises(
        InputRefusedError, match=r"opening 1000.00 and entries 486.55 make 1486.55 EUR.* says 1486.56"
    ):
        read(replaced(amount("1486.55"), amount("1486.56")))


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (statement()[:-1], "cut off"),
        (statement()[1:], "does not begin with a header"),
        ([*statement()[:5], *statement()[5:-1], trailer(12, "50.00", "536.55")], "counts 12 records"),
        ([*statement()[:-1], trailer(13, "50.00", "536.56")], "cannot be read"),
        ([line[:-1] for line in statement()], "has 127 characters"),
        (["5" + line[1:] for line in statement()], "begins with '5'"),
        ([line.replace("310126", "319926") for line in statement()], "cannot be read"),
        ([line.replace("0000000121050", "00000001,1050") for line in statement()], "not written in digits"),
        ([statement()[0][:-1] + "1", *statement()[1:]], "cannot be read"),
        ([header(), header(), *statement()[1:]], "one old balance"),
    ],
)
def test_what_cannot_be_trusted_is_refused(records, message):
    with pytest.raises(InputRefusedError, match=message):
        read(records)


def test_letters_beyond_ascii_keep_their_places():
    records = replaced("EXAMPLE BAKERY", "BÄCKEREI ÉTÉ  ")
    assert entries_of(records)[0]["counterparty_name"] == "BÄCKEREI ÉTÉ"
    with pytest.raises(InputRefusedError, match="not written in windows-1252"):
        read_coda("\n".join(records).encode(), "a.cod")
