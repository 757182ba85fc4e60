"""SAP: customer line items BSID and BSAD with technical field names, as a German client exports them.

Fields by the ABAP Dictionary; their meaning by SAP Help Portal, "Customer Line Item Display (FBL5N)" and
"Clearing Open Items".
"""

from datetime import date, datetime

import polars as pl
import pytest

from tests.ledger.mappings import exports

SYSTEM = "sap"
FOLDER = exports.folder_of(SYSTEM)


@pytest.fixture(scope="module")
def loaded():
    return exports.load(FOLDER, SYSTEM)


def test_balances_and_days_late_are_those_worked_by_hand(loaded):
    assert loaded.as_of == date(2025, 4, 21)
    assert {key[0][14:15] + f".{key[1]}": found for key, found in exports.balances(loaded).items()} == {
        "1.1": ("0.00", 5),  # 3 March + 30 days net = 2 April, paid on 7 April
        "2.1": ("300.00", 12),  # 500 due 9 April, 200 paid on account of this item
        "2.2": ("500.00", -19),  # 10 April + 30 days = 10 May
        "3.1": ("100.00", 10),  # 1000 due 11 April, cleared but for a residual item of 100
        "4.1": ("0.00", 36),  # due 15 March, cleared on 20 April without anything: written off
        "5.1": ("300.00", 7),  # USD, due 14 April; the direct debit came back
        "6.1": ("0.00", -20),  # due 14 April, credited on 25 March
        "7.1": ("0.00", -17),  # due 19 April, 970 paid on 2 April and 30 discount
        "8.1": ("0.00", 1),  # due 14 April, 90 paid on the 15th with a credit memo of 30
    }
    assert {key[0][14:15]: by for key, by in exports.covered(loaded).items()} == {
        "1": "payment",
        "4": "write_off",
        "6": "credit_note",
        "7": "payment",
        "8": "payment",
    }
    assert exports.on_account(loaded) == {"0000100102": ("0.00", "150.00")}


def test_payments_are_the_money_and_not_what_was_cleared(loaded):
    payments = loaded.ledger["core_payment"].select("payment_id", "amount", "reversal_of").rows()
    assert {(p.split("/")[1], f"{a:.2f}", r and r.split("/")[1]) for p, a, r in payments} == {
        ("1400000001", "1190.00", None),
        ("1400000002", "200.00", None),
        ("1400000003", "900.00", None),
        ("1400000004", "300.00", None),
        ("1400000005", "-300.00", "1400000004"),
        ("1400000006", "970.00", None),
        ("1400000007", "90.00", None),
    }


def test_everything_is_accounted_for_and_agrees_with_the_open_items(loaded):
    exports.assert_trusted(loaded)
    exports.assert_accounted(FOLDER, SYSTEM)


def test_blocks_and_dunnings_are_read(loaded):
    blocks = loaded.ledger["core_dunning_block"].select("scope", "scope_id", "valid_from").rows()
    assert set(blocks) == {
        ("customer", "0000100103", date(2025, 4, 20)),
        ("invoice", "1000/1800000002/2025", date(2025, 4, 20)),
    }
    events = loaded.ledger["core_contact_event"].select("customer_id", "invoice_id", "dunning_level").rows()
    assert events == [("0000100102", "1000/1800000003/2025", 1)]


def test_noted_items_and_credit_memos_are_no_open_invoices(loaded):
    documents = loaded.ledger["core_invoice"]
    assert not documents["invoice_id"].str.contains("1700000001").any()
    notes = documents.filter(pl.col("document_type") == "credit_note")["invoice_id"].to_list()
    assert notes == [f"1000/160000000{n}/2025" for n in (1, 2, 3)]


def is_later(text, cut):
    return bool(text) and datetime.strptime(text, "%d.%m.%Y").date() >= cut  # noqa: DTZ007  a day


def cut_back(cut, target):
    """Return the open and cleared items as they were: what was cleared later was open then."""
    entered = {
        "1400000001": "08.04.2025",
        "1400000005": "18.04.2025",
        "1400000007": "16.04.2025",
    }  # clearings entered after their day

    def item(row):
        if is_later(row["CPUDT"], cut) or is_later(row["BUDAT"], cut):
            return None
        row = row | {"MANSP": ""}
        if is_later(row["MADAT"], cut):
            row |= {"MADAT": "", "MANST": "0"}
        if is_later(entered.get(row["AUGBL"], row["AUGDT"]), cut):
            row |= {"AUGDT": "", "AUGBL": ""}
        return row

    files = {"BSID_2025.csv": item, "BSAD_2025.csv": item, "KNB5.csv": lambda row: row | {"MANSP": ""}}
    return exports.rewrite(FOLDER, target, files, delimiter=";")


@pytest.mark.parametrize("day", ["2025-03-26", "2025-04-08", "2025-04-16", "2025-04-18"])
def test_a_past_day_knows_nothing_of_what_came_later(tmp_path, day):
    cut = date.fromisoformat(day)
    past = cut_back(cut, tmp_path / "past")
    before = exports.without_tables(exports.load(FOLDER, SYSTEM, cut), "core_stated_balance")
    after = exports.without_tables(exports.load(past, SYSTEM, cut), "core_stated_balance")
    exports.assert_same(before, after)


def test_a_bad_row_is_in_quarantine_with_its_place(tmp_path):
    good = (FOLDER / "BSID_2025.csv").read_text().splitlines()[1]
    bad = good.replace("1800000002", "1800000009").replace(";S;500,00;", ";S;5OO,00;")
    folder, line = exports.append(FOLDER, tmp_path / "bad", "BSID_2025.csv", bad)
    found = exports.quarantined(folder, SYSTEM)
    assert ("BSID_2025.csv", line, "not_a_number", "amount") in found
    assert {place[:2] for place in found} == {("BSID_2025.csv", line)}
    exports.assert_accounted(folder, SYSTEM)
    neither = bad.replace(";S;5OO,00;", ";X;500,00;")
    folder, line = exports.append(FOLDER, tmp_path / "neither", "BSID_2025.csv", neither)
    assert exports.quarantined(folder, SYSTEM) == {("BSID_2025.csv", line, "not_in_list", "document_type")}


def test_amounts_and_days_of_another_client_are_in_quarantine_and_never_guessed(tmp_path):
    english = {"500,00": "500.00", "1.190,00": "1,190.00", "30,00": "30.00"}

    def write_in_english(row):
        if row["BELNR"] == "1400000005":  # the clearing of the direct debit that came back
            return row | {"AUGDT": "2025-04-17"}
        return row | {name: english.get(row[name], row[name]) for name in ("WRBTR", "WSKTO")}

    folder = exports.rewrite(
        FOLDER,
        tmp_path / "english",
        dict.fromkeys(["BSID_2025.csv", "BSAD_2025.csv"], write_in_english),
        delimiter=";",
    )
    quarantine = exports.load(folder, SYSTEM).ledger["core_quarantine"]
    misread = quarantine.filter(pl.col("rule").str.starts_with("not_a_"))
    assert misread.select("value", "rule").unique().sort("value").rows() == [
        ("1,190.00", "not_a_number"),
        ("2025-04-17 | 17.04.2025", "not_a_timestamp"),
        ("30.00", "not_a_number"),
        ("500.00", "not_a_number"),
    ]
    exports.assert_accounted(folder, SYSTEM)


def change_item(tmp_path, **values):
    """Return the export with one open item changed, its quarantine and what it is due on."""

    def change(row):
        return row | values if (row["BELNR"], row["BUZEI"]) == ("1800000002", "001") else row

    folder = exports.rewrite(FOLDER, tmp_path / "changed", {"BSID_2025.csv": change}, delimiter=";")
    ledger = exports.load(folder, SYSTEM).ledger
    is_it = pl.col("invoice_id").str.contains("1800000002")
    refused = ledger["core_quarantine"].filter(is_it & (pl.col("rule") == "not_a_date"))
    return refused.get_column("value").unique().to_list(), ledger["core_instalment_balance"].filter(is_it)


@pytest.mark.parametrize("days", ["30,00", "30.6", "abc", "-30", "31.01.2026"])
def test_terms_that_cannot_be_read_are_no_other_terms(tmp_path, days):
    values, balances = change_item(tmp_path, ZBD1T=days)
    assert values == [f"10.03.2025 + {days}"]
    assert balances.is_empty()


def test_a_document_of_which_one_day_cannot_be_read_is_not_due_on_the_others(tmp_path):
    values, balances = change_item(tmp_path, ZFBDT="10.O3.2025")
    assert values == ["10.O3.2025"]
    assert balances.is_empty()


@pytest.mark.parametrize("blank", ["00.00.0000", "00000000"])
def test_a_day_of_zeros_is_no_day(tmp_path, blank):
    values, balances = change_item(tmp_path, MADAT=blank)
    assert values == []
    assert balances.height == 2


def test_the_number_printed_on_an_invoice_is_its_reference_or_the_document_without_zeros(loaded):
    printed = dict(loaded.ledger["core_invoice"].select("invoice_id", "invoice_number").rows())
    assert printed["1000/1800000002/2025"] == "1800000002"


def deliver_again(tmp_path, name, **values):
    """Return the export with a later one beside it, in which an open item and a customer are others."""
    folder = exports.rewrite(FOLDER, tmp_path / "both", {}, delimiter=";")
    header, *lines = (FOLDER / "BSID_2025.csv").read_text().splitlines()
    columns = header.split(";")
    rows = [dict(zip(columns, line.split(";"), strict=True)) for line in lines]
    item = next(row for row in rows if (row["BELNR"], row["BUZEI"]) == ("1800000002", "001"))
    newer = item | {"BELNR": "1800000099", "CPUDT": "22.04.2025", "BUDAT": "22.04.2025"}
    written = [";".join(row[column] for column in columns) for row in (item | values, newer)]
    (folder / f"BSID_{name}.csv").write_text("\n".join([header, *written]) + "\n", encoding="utf-8")
    customers = (FOLDER / "KNA1.csv").read_text().replace("Example Bakery", "A Bakery")
    (folder / f"KNA1_{name}.csv").write_text(customers, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["1999", "2026"])
@pytest.mark.parametrize(("terms", "due"), [("05", date(2025, 3, 15)), ("99", date(2025, 6, 17))])
def test_an_open_item_delivered_again_is_as_the_delivery_with_the_newest_entry_says(
    tmp_path, name, terms, due
):
    ledger = exports.load(deliver_again(tmp_path, name, ZBD1T=terms), SYSTEM).ledger
    dues = ledger["core_instalment_balance"].filter(
        pl.col("invoice_id").str.contains("1800000002"), pl.col("instalment_number") == 1
    )
    assert dues["due_date"].to_list() == [due]
    names = dict(ledger["core_customer"].select("customer_id", "name").rows())
    assert names["0000100101"] == "A Bakery"
