"""Files written after EN 16931 in its syntaxes UBL 2.1 (Peppol BIS Billing 3.0) and CII (Factur-X 1.0)."""

from pathlib import Path

import facturx
import pypdf
import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.facturx import read_facturx
from segmentation.ledger.readers.ubl import read_ubl
from segmentation.ledger.records import LINE

FILES = Path(__file__).parent / "files"
INVOICE = (FILES / "ubl_invoice.xml").read_bytes()
CREDIT_NOTE = (FILES / "ubl_credit_note.xml").read_bytes()
CII = (FILES / "cii_invoice.xml").read_bytes()


def pdf_without_invoice(tmp_path):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(width=100, height=100)
    writer.write(tmp_path / "plain.pdf")
    return (tmp_path / "plain.pdf").read_bytes()


def document_of(content):
    return {name: value for name, value in content[0].rows.row(0, named=True).items() if value is not None}


def test_a_ubl_invoice():
    document = document_of(read_ubl(INVOICE, "a.xml"))
    assert document.pop("profile").startswith("urn:cen.eu:en16931:2017")
    assert document == {
        LINE: 4,
        "document_id": "F-2026-0017",
        "type_code": "380",
        "issue_date": "2026-01-15",
        "due_date": "2026-02-14",
        "due_or_issue_date": "2026-02-14",
        "currency": "EUR",
        "payable_amount": "100.00",
        "tax_inclusive_amount": "121.00",
        "tax_exclusive_amount": "100.00",
        "prepaid_amount": "21.00",
        "buyer_key": "001001",
        "buyer_id": "001001",
        "buyer_registration": "0987654394",
        "buyer_vat": "BE0987654394",
        "buyer_endpoint": "0208:0987654394",
        "buyer_name": "Example Bakery",
        "buyer_country": "BE",
        "seller_vat": "BE0123456749",
        "seller_endpoint": "0208:0123456749",
        "seller_name": "Our Own Company",
        "seller_country": "BE",
        "payment_reference": "+++090/9337/55493+++",
        "payment_means_code": "30",
        "order_reference": "PO-55",
        "buyer_reference": "PURCHASING",
        "payment_terms": "30 days net",
    }


def test_a_ubl_credit_note_with_other_prefixes_says_what_it_credits():
    documents, _, preceding = read_ubl(CREDIT_NOTE, "a.xml")
    document = documents.rows.row(0, named=True)
    assert (document["type_code"], document["payable_amount"]) == ("381", "12.10")
    assert (document["due_date"], document["due_or_issue_date"]) == (None, "2026-01-20")
    assert preceding.rows.select("preceding_invoice", "preceding_issue_date", "amount").rows() == [
        ("F-2026-0017", "2026-01-15", "12.10")
    ]


def test_several_preceding_invoices_share_no_amount():
    start = CREDIT_NOTE.index(b"  <a:BillingReference>")
    end = CREDIT_NOTE.index(b"</a:BillingReference>") + len(b"</a:BillingReference>\n")
    other = CREDIT_NOTE[start:end].replace(b"F-2026-0017", b"F-2026-0018")
    documents, _, preceding = read_ubl(CREDIT_NOTE[:end] + other + CREDIT_NOTE[end:], "a.xml")
    assert documents.rows.item(0, "preceding_invoice") is None
    assert preceding.rows.select("preceding_invoice", "amount").rows() == [
        ("F-2026-0017", None),
        ("F-2026-0018", None),
    ]


def test_an_invoice_without_due_date_is_given_none():
    document = document_of(
        read_ubl(INVOICE.replace(b"<cbc:DueDate>2026-02-14</cbc:DueDate>\n", b""), "a.xml")
    )
    assert "due_date" not in document
    assert "due_or_issue_date" not in document


def test_ubl_terms_with_amounts_are_instalments():
    terms = b"<cac:PaymentTerms><cbc:Note>30 days net</cbc:Note></cac:PaymentTerms>"
    parts = b"".join(
        b'<cac:PaymentTerms><cbc:Amount currencyID="EUR">%s</cbc:Amount>'
        b"<cbc:InstallmentDueDate>%s</cbc:InstallmentDueDate></cac:PaymentTerms>" % part
        for part in [(b"60.00", b"2026-03-14"), (b"40.00", b"2026-02-14")]
    )
    documents, instalments, _ = read_ubl(INVOICE.replace(terms, parts), "a.xml")
    assert instalments.rows.select("instalment_number", "due_date", "amount").rows() == [
        ("1", "2026-02-14", "40.00"),
        ("2", "2026-03-14", "60.00"),
    ]
    assert documents.rows.item(0, "due_date") == "2026-03-14"


def test_a_cii_invoice_in_two_parts():
    documents, instalments, _ = read_facturx(CII, "a.xml")
    document = document_of([documents])
    assert {
        "document_id": "R-2026-0044",
        "issue_date": "2026-01-15",
        "due_date": "2026-03-16",
        "payable_amount": "357.00",
        "buyer_key": "GE2020211",
        "buyer_endpoint": "EM:invoices@customer2001.example",
        "buyer_name": "Customer 2001",
        "buyer_country": "DE",
        "seller_vat": "DE123456789",
        "payment_reference": "RF18539007547034",
        "payment_means_code": "58",
        "buyer_reference": "04011000-12345-34",
    }.items() <= document.items()
    assert instalments.rows.select("instalment_number", "due_date", "amount", "currency").rows() == [
        ("1", "2026-02-14", "178.50", "EUR"),
        ("2", "2026-03-16", "178.50", "EUR"),
    ]


def test_instalments_that_do_not_add_up_are_rejected_and_the_document_is_not():
    first = CII.index(b"178.50")
    documents, instalments, _ = read_facturx(CII[:first] + b"178.51" + CII[first + 6 :], "a.xml")
    assert documents.rows.height == 1
    assert instalments.rows.height == 0
    assert set(instalments.rejects.get_column("rule")) == {"instalments_do_not_add_up"}
    assert "178.51 due 2026-03-16, of 357.00" in instalments.rejects.item(1, "value")


def test_the_invoice_inside_a_pdf_is_the_same(tmp_path):
    pdf = facturx.generate_from_binary(
        pdf_without_invoice(tmp_path), CII, check_xsd=False, check_schematron=False
    )
    for inside, alone in zip(read_facturx(pdf, "a.pdf"), read_facturx(CII, "a.xml"), strict=True):
        assert inside.rows.equals(alone.rows)


def test_an_attack_inside_a_pdf_is_refused(tmp_path):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(width=100, height=100)
    attack = CII.replace(
        b"<rsm:CrossIndustryInvoice", b'<!DOCTYPE a [<!ENTITY e "x">]>\n<rsm:CrossIndustryInvoice'
    )
    writer.add_attachment("factur-x.xml", attack)
    writer.write(tmp_path / "attack.pdf")
    with pytest.raises(InputRefusedError, match="document type"):
        read_facturx((tmp_path / "attack.pdf").read_bytes(), "a.pdf")


def test_a_pdf_that_cannot_be_used_is_refused(tmp_path):
    plain = pdf_without_invoice(tmp_path)
    with pytest.raises(InputRefusedError, match="no electronic invoice inside"):
        read_facturx(plain, "a.pdf")
    with pytest.raises(InputRefusedError, match="PDF cannot be read"):
        read_facturx(b"%PDF-1.7\nthe rest is missing", "a.pdf")
    writer = pypdf.PdfWriter(clone_from=tmp_path / "plain.pdf")
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    with pytest.raises(InputRefusedError, match="PDF cannot be read"):
        read_facturx((tmp_path / "locked.pdf").read_bytes(), "a.pdf")


@pytest.mark.parametrize(
    ("read", "data", "old", "new", "rule", "value"),
    [
        (read_ubl, INVOICE, b"<cbc:IssueDate>2026-01-15", b"<cbc:IssueDate>15.01.2026", "not_to_the_schema", "15.01.2026"),
        (read_ubl, INVOICE, b">100.00</cbc:PayableAmount>", b">100,00</cbc:PayableAmount>", "not_to_the_schema", "100,00"),
        (read_ubl, INVOICE, b'"EUR">100.00</cbc:PayableAmount>', b'"USD">100.00</cbc:PayableAmount>', "currencies_disagree", "EUR, USD"),
        (read_facturx, CII, b"<ram:TypeCode>380</ram:TypeCode>", b"", "not_to_the_schema", "R-2026-0044"),
    ],
)  # fmt: skip
def test_a_document_that_breaks_its_rules_is_rejected_whole(read, data, old, new, rule, value):
    assert old in data
    contents = read(data.replace(old, new), "a.xml")
    assert [content.rows.height for content in contents] == [0, 0, 0]
    ((line, found_rule, found_value),) = contents[0].rejects.select(LINE, "rule", "value").rows()
    assert (found_rule, value in found_value, line > 1) == (rule, True, True)


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (read_ubl, CII, "format: facturx"),
        (read_facturx, INVOICE, "format: ubl"),
        (read_ubl, INVOICE.replace(b"<cbc:ID>F-2026-0017</cbc:ID>\n", b""), "no number"),
        (read_ubl, INVOICE[:2000], "not well-formed"),
        (read_facturx, CII.replace(b"CrossIndustryInvoice", b"CrossIndustryDocument"), "ZUGFeRD 1.0"),
        (read_facturx, b"invoice;amount\n", "not well-formed"),
    ],
)
def test_what_is_no_such_invoice_is_refused(read, data, message):
    with pytest.raises(InputRefusedError, match=message):
        read(data, "a.xml")
