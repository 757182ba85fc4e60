"""QuickBooks Online: entities of the Accounting API as files (Intuit Developer, "Accounting API": Payment)."""

from datetime import date

import pytest

from tests.ledger.mappings import exports

SYSTEM = "quickbooks"
FOLDER = exports.folder_of(SYSTEM)


@pytest.fixture(scope="module")
def loaded():
    return exports.load(FOLDER, SYSTEM)


def test_balances_and_days_late_are_those_worked_by_hand(loaded):
    assert loaded.as_of == date(2025, 4, 21)
    assert exports.balances(loaded) == {
        ("101", 1): ("0.00", 12),  # due 31 March, 600 on 3 April and 400 on 12 April
        ("102", 1): ("300.00", 12),  # 500 due 9 April less 200 of the credit memo
        ("104", 1): ("200.00", 7),  # CAD, due 14 April
        ("105", 1): ("0.00", 1),  # due 19 April, 145 paid on the 20th and 5 by journal entry
    }
    assert exports.covered(loaded) == {("101", 1): "payment", ("105", 1): "payment"}
    assert exports.on_account(loaded) == {"1": ("50.00", "50.00")}
    last = loaded.ledger["core_instalment_balance"].filter(invoice_id="105")
    assert f"{last['written_off_amount'].item():.2f}" == "5.00"


def test_everything_is_accounted_for_and_agrees_with_the_balances(loaded):
    exports.assert_trusted(loaded)
    exports.assert_accounted(FOLDER, SYSTEM)


def test_moments_with_an_offset_are_read_in_utc(loaded):
    known = loaded.ledger["core_invoice"].filter(invoice_id="101")["observed_at"].item()
    assert known.isoformat() == "2025-03-02T01:00:00+00:00"


def test_voided_and_credit_documents_are_no_open_invoices(loaded):
    documents = dict(loaded.ledger["core_invoice"].select("invoice_id", "document_type").rows())
    assert "103" not in documents
    assert documents["201"] == "credit_note"


def test_money_on_account_stays_there_whatever_its_cheque_is_numbered(tmp_path):
    cheque = "309,2025-04-14,1,80.00,80.00,USD,1002,2025-04-14T09:00:00-07:00,2025-04-14T09:00:00-07:00"
    folder, _ = exports.append(FOLDER, tmp_path / "cheque", "Payment.csv", cheque)
    loaded = exports.load(folder, SYSTEM)
    assert exports.balances(loaded)[("102", 1)] == ("300.00", 12)  # its number is 1002
    assert exports.on_account(loaded) == {"1": ("130.00", "50.00")}
    exports.assert_trusted(loaded)


def test_lines_of_an_older_version_of_a_payment_no_longer_count(tmp_path):
    """Of payment 302, 100 of the 400 for invoice 101 went to 102 afterwards; 301 was not delivered again."""
    moved = {"101": "100.00", "102": "200.00"}
    exports.rewrite(
        FOLDER,
        tmp_path / "moved",
        {"Invoice.csv": lambda row: row | {"Balance": moved.get(row["Id"], row["Balance"])}},
    )
    payment, _, newer = (FOLDER / "Payment.csv").read_text(encoding="utf-8").splitlines()[:3]
    newer = newer.replace("2025-04-14T09", "2025-04-16T09")
    header = (FOLDER / "PaymentLine.csv").read_text(encoding="utf-8").splitlines()[0]
    for name, lines in {
        "2025-05 Payment.csv": (payment, newer),
        "2025-05 PaymentLine.csv": (header, "302,300.00,101,Invoice", "302,100.00,102,Invoice"),
    }.items():
        (tmp_path / "moved" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    loaded = exports.load(tmp_path / "moved", SYSTEM)
    opened = {number: found for (number, _), (found, _) in exports.balances(loaded).items()}
    assert (opened["101"], opened["102"]) == ("100.00", "200.00")
    exports.assert_trusted(loaded)
    exports.assert_accounted(tmp_path / "moved", SYSTEM)


def test_versions_with_different_offsets_are_compared_in_utc(tmp_path):
    """Half past nine in Los Angeles is after noon in New York, whichever text is greater."""
    amounts = {"a": ("1000.00", "2025-06-02T12:00:00-04:00"), "b": ("900.00", "2025-06-02T09:30:00-07:00")}
    for name, (amount, moment) in amounts.items():
        last = {"TotalAmt": amount, "MetaData.LastUpdatedTime": moment}
        exports.rewrite(
            FOLDER,
            tmp_path / "both" / name,
            {"Invoice.csv": lambda row, last=last: row | last if row["Id"] == "101" else row},
        )
    invoices = exports.load(tmp_path / "both", SYSTEM).ledger["core_invoice"]
    assert dict(invoices.select("invoice_id", "amount").rows())["101"] == 900


def cut_back(cut, target):
    later = exports.without_later
    known = ("MetaData.CreateTime", "TxnDate")

    def document(blanked):
        def change(row):
            kept = later(cut, known, (blanked,))(row)
            if kept is not None and exports.is_later(row["MetaData.LastUpdatedTime"][:19], cut):
                kept |= {"MetaData.LastUpdatedTime": kept["MetaData.CreateTime"]}
            return kept

        return change

    applied = {
        "301": date(2025, 4, 3),
        "302": date(2025, 4, 14),
        "303": date(2025, 4, 15),
        "304": date(2025, 4, 20),
    }
    return exports.rewrite(
        FOLDER,
        target,
        {
            "Invoice.csv": document("Balance"),
            "CreditMemo.csv": document("RemainingCredit"),
            "Payment.csv": document("UnappliedAmt"),
            "PaymentLine.csv": lambda row: row if applied[row["Payment.Id"]] < cut else None,
        },
    )


@pytest.mark.parametrize("day", ["2025-03-28", "2025-04-13", "2025-04-16"])
def test_a_past_day_knows_nothing_of_what_came_later(tmp_path, day):
    cut = date.fromisoformat(day)
    exports.assert_same_on(cut, FOLDER, cut_back(cut, tmp_path / "past"), SYSTEM)


def test_a_bad_row_is_in_quarantine_with_its_place(tmp_path):
    folder, line = exports.append(FOLDER, tmp_path / "bad", "PaymentLine.csv", "302,5O.00,102,Invoice")
    assert exports.quarantined(folder, SYSTEM) == {("PaymentLine.csv", line, "not_a_number", "amount")}
    exports.assert_accounted(folder, SYSTEM)


@pytest.mark.parametrize("total", ["0.0004", "1e3"])
def test_a_total_that_is_no_amount_is_not_taken_for_a_voided_document(tmp_path, total):
    def change(row):
        return row | {"TotalAmt": total} if row["Id"] == "102" else row

    folder = exports.rewrite(FOLDER, tmp_path / "odd", {"Invoice.csv": change})
    assert [place[3] for place in exports.quarantined(folder, SYSTEM) if place[0] == "Invoice.csv"].count(
        "amount"
    ) == 1


@pytest.mark.parametrize(
    ("good", "bad", "invoice"),
    [
        ("303,200.00,201,CreditMemo", "303,2OO.00,201,CreditMemo", "102"),
        ("304,5.00,401,JournalEntry", "304,S.00,401,JournalEntry", "105"),
    ],
)
def test_where_one_line_of_a_payment_cannot_be_read_none_is_divided(tmp_path, good, bad, invoice):
    folder = exports.rewrite(FOLDER, tmp_path / "odd", {})
    path = folder / "PaymentLine.csv"
    text = path.read_text(encoding="utf-8")
    assert good in text
    path.write_text(text.replace(good, bad), encoding="utf-8")
    ledger = exports.load(folder, SYSTEM).ledger
    assert invoice not in ledger["core_allocation"]["invoice_id"].to_list()
    assert ledger["core_quarantine"].select("invoice_id", "rule", "value").rows() == [
        (invoice, "not_a_number", bad.split(",")[1])
    ]
