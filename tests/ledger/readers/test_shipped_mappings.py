"""E-invoices and bank statements of one delivery become one reconciled ledger, by the shipped mappings."""

import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import facturx
import pyarrow as pa
import pyarrow.parquet as pq
import pypdf
import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.loading import load_ledger
from segmentation.treatment.account_gates import close_on_quarantine

FILES = Path(__file__).parent / "files"
AS_OF = date(2026, 2, 10)


def deliver(folder, mapping, **files):
    (folder / "mapping.yaml").write_text(f"name: ours\nsource_system: ours\ninclude: {mapping}\n")
    delivery = folder / "delivery"
    delivery.mkdir()
    for name, data in files.items():
        (delivery / name.replace("_dot_", ".")).write_bytes(data)
    return load_ledger(delivery, folder / "mapping.yaml", AS_OF)


def file(name):
    return (FILES / name).read_bytes()


def rows_of(loaded, table, *columns):
    return loaded.ledger[f"core_{table}"].select(columns).rows()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    paid = file("camt053_v02.xml").replace(b">121.05<", b">87.90<").replace(b">1471.05<", b">1437.90<")
    return deliver(
        tmp_path_factory.mktemp("ubl"),
        "[camt053, ubl]",
        invoice_dot_xml=file("ubl_invoice.xml"),
        note_dot_xml=file("ubl_credit_note.xml"),
        camt053_dot_xml=paid,
    )


def test_nothing_is_in_quarantine_and_nothing_unmapped(loaded):
    assert loaded.ledger["core_quarantine"].height == 0
    assert loaded.files.get_column("unmapped_columns").explode().drop_nulls().to_list() == []


def test_an_invoice_a_credit_note_and_a_payment_close_the_account(loaded):
    ((open_amount, paid, credited, covered),) = rows_of(
        loaded, "instalment_balance", "open_amount", "paid_amount", "credited_amount", "covered_date"
    )
    assert [float(value) for value in (open_amount, paid, credited)] == [0, 87.9, 12.1]
    assert covered == date(2026, 1, 31)


def test_the_customer_is_the_buyer(loaded):
    assert rows_of(loaded, "customer", "customer_id", "name", "country") == [
        ("001001", "Example Bakery", "BE")
    ]


def test_money_in_and_money_taken_back_are_payments_and_nothing_else_is(loaded):
    found = {
        (float(amount), reason) for amount, reason in rows_of(loaded, "payment", "amount", "reason_code")
    }
    assert found == {(87.9, None), (150.0, None), (250.0, None), (-50.0, "AM04")}


def test_the_same_statement_under_another_name_changes_nothing(tmp_path, loaded):
    paid = file("camt053_v02.xml").replace(b">121.05<", b">87.90<").replace(b">1471.05<", b">1437.90<")
    again = deliver(
        tmp_path,
        "[camt053, ubl]",
        invoice_dot_xml=file("ubl_invoice.xml"),
        note_dot_xml=file("ubl_credit_note.xml"),
        a_camt_dot_xml=paid,
        b_camt_dot_xml=paid,
    )
    for table in ("payment", "instalment_balance", "unallocated_cash"):
        names = [name for name in loaded.ledger[f"core_{table}"].columns if name != "source_id"]
        assert sorted(rows_of(again, table, *names)) == sorted(rows_of(loaded, table, *names))


def test_a_factur_x_pdf_in_two_parts_and_an_mt940_statement(tmp_path):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(width=100, height=100)
    writer.write(tmp_path / "plain.pdf")
    pdf = facturx.generate_from_binary(
        (tmp_path / "plain.pdf").read_bytes(),
        file("cii_invoice.xml"),
        check_xsd=False,
        check_schematron=False,
    )
    paid = (
        file("mt940.sta")
        .replace(b"260202C2,NTRF", b"260202C178,50NTRF")
        .replace(b"62M:D260202EUR10,25", b"62M:C260202EUR166,25")
    )
    loaded = deliver(tmp_path, "[facturx, mt940]", invoice_dot_pdf=pdf, bank_dot_sta=paid)
    assert loaded.ledger["core_quarantine"].height == 0
    assert [
        (number, due, float(amount), float(left))
        for number, due, amount, left in sorted(
            rows_of(loaded, "instalment_balance", "instalment_number", "due_date", "amount", "open_amount")
        )
    ] == [(1, date(2026, 2, 14), 178.5, 0), (2, date(2026, 3, 16), 178.5, 178.5)]


def numbered(number, *, is_wrong=False):
    data = file("ubl_invoice.xml").replace(b"F-2026-0017", f"F-2026-{number:04d}".encode())
    return data.replace(b"2026-02-14", b"14.02.2026") if is_wrong else data


REFUSED = [
    ("ubl_credit_note.xml", b"IssueDate>2026-01-20<", b"IssueDate>20.01.2026<", "not_to_the_schema"),
    ("ubl_credit_note.xml", b'"EUR">12.10</b:Payable', b'"USD">12.10</b:Payable', "currencies_disagree"),
    (
        "ubl_invoice.xml",
        b"InvoiceTypeCode>380<",
        b"InvoiceTypeCode>384<",
        "corrects_another_invoice",
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "rule"), REFUSED, ids=[row[3] for row in REFUSED])
def test_a_document_that_is_refused_says_whose_it_is(tmp_path, name, old, new, rule):
    assert old in file(name)
    wrong = file(name).replace(old, new)
    if rule == "corrects_another_invoice":
        corrected = (
            b"<cac:InvoiceDocumentReference><cbc:ID>F-2026-0100</cbc:ID></cac:InvoiceDocumentReference>"
        )
        party = b"<cac:AccountingSupplierParty>"
        wrong = wrong.replace(
            party, b"<cac:BillingReference>" + corrected + b"</cac:BillingReference>" + party, 1
        )
    many = {f"invoice{number}_dot_xml": numbered(number) for number in range(100, 120)}
    loaded = deliver(tmp_path, "[ubl]", **many, wrong_dot_xml=wrong)
    assert rows_of(loaded, "quarantine", "customer_id", "rule") == [("001001", rule)]
    held = close_on_quarantine(loaded.ledger, AS_OF)
    assert held.get_column("customer_id").to_list() == ["001001"]


def test_instalments_that_are_refused_hold_the_buyer(tmp_path):
    data = file("cii_invoice.xml")
    first = data.index(b"178.50")
    many = {
        f"good{number}_dot_xml": data.replace(b"R-2026-0044", f"R-2026-{number}".encode())
        for number in range(1000, 1060)
    }
    loaded = deliver(tmp_path, "[facturx]", **many, bad_dot_xml=data[:first] + b"178.51" + data[first + 6 :])
    buyer = loaded.ledger["core_invoice"].item(0, "customer_id")
    held = close_on_quarantine(loaded.ledger, AS_OF)
    assert held.get_column("customer_id").to_list() == [buyer]


def test_an_invoice_that_breaks_the_schema_is_named_with_file_line_and_rule(tmp_path):
    with pytest.raises(
        InputRefusedError, match=r"not_to_the_schema.*line 9 .*F-2026-0018: Element 'DueDate'"
    ) as error:
        deliver(
            tmp_path,
            "[ubl]",
            good_dot_xml=numbered(17),
            wrong_dot_xml=numbered(18, is_wrong=True),
            wrongly_dot_xml=numbered(19, is_wrong=True),
        )
    assert error.value.where == "wrong.xml"
    assert "2 of 3 documents in ubl files" in str(error.value)


def test_one_bad_invoice_of_many_is_put_aside_and_the_others_are_loaded(tmp_path):
    many = {f"invoice{number}_dot_xml": numbered(number) for number in range(100, 120)}
    loaded = deliver(tmp_path, "[ubl]", **many, wrong_dot_xml=numbered(18, is_wrong=True))
    assert loaded.ledger["core_invoice"].height == 20
    assert loaded.ledger["core_quarantine"].select("source_file", "rule").rows() == [
        ("wrong.xml", "not_to_the_schema")
    ]


def test_ten_bad_invoices_of_thirty_refuse_the_delivery(tmp_path):
    many = {
        f"invoice{number}_dot_xml": numbered(number, is_wrong=number >= 120) for number in range(100, 130)
    }
    with pytest.raises(InputRefusedError, match="10 of 30 documents in ubl files"):
        deliver(tmp_path, "[ubl]", **many)


def test_a_statement_that_does_not_add_up_stops_the_delivery(tmp_path):
    wrong = file("camt053_v02.xml").replace(b">1471.05<", b">1471.06<")
    with pytest.raises(InputRefusedError, match="does not add up"):
        deliver(tmp_path, "[camt053, ubl]", invoice_dot_xml=file("ubl_invoice.xml"), camt_dot_xml=wrong)


TABLE_MAPPING = """
name: ours
source_system: ours
files:
  - filename: "*.{suffix}"
    format: {format}
    tables:
      customer: {{records: "{records}", distinct: true, customer_id: customer, observed_at: issued}}
      invoice:
        records: "{records}"
        invoice_id: number
        customer_id: customer
        document_type: {{constant: invoice}}
        issue_date: issued
        due_date: due
        amount: amount
        currency: {{constant: EUR}}
        observed_at: issued
"""


def load_table(folder, suffix, kind, records, data):
    (folder / f"{kind}.yaml").write_text(TABLE_MAPPING.format(suffix=suffix, format=kind, records=records))
    (folder / f"items.{suffix}").write_bytes(data)
    return load_ledger(folder / f"items.{suffix}", folder / f"{kind}.yaml", AS_OF)


def test_a_parquet_file_and_a_sheet_become_the_same_ledger(tmp_path):
    issued, due = date(2026, 1, 1), date(2026, 1, 31)
    columns = {
        "number": ["0001", "0002"],
        "customer": ["007", "007"],
        "issued": [issued, issued],
        "due": [due, due],
        "amount": [Decimal("12.30"), Decimal("0.10")],
    }
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    from_parquet = load_table(tmp_path, "parquet", "parquet", "", target.getvalue())
    from_sheet = load_table(tmp_path, "xls", "excel", "Items", file("invoices.xls"))
    names = ["invoice_id", "customer_id", "issue_date", "due_date", "amount"]
    assert rows_of(from_parquet, "invoice", *names) == [
        ("0001", "007", issued, due, Decimal("12.300")),
        ("0002", "007", issued, due, Decimal("0.100")),
    ]
    assert rows_of(from_sheet, "invoice", *names) == rows_of(from_parquet, "invoice", *names)
