"""UBL 2.1 invoices and credit notes (EN 16931, as in Peppol BIS Billing 3) read as records.

Belongs here: where UBL says what. Does not belong here: checks that CII shares (invoice_records).

Read with lxml and checked against the official schema: the kept libraries for EN 16931 read CII, or
write UBL, and none of them says on which line a value stands.
"""

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.invoice_records import Invoice, write_records
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
    text_with_scheme,
)
from segmentation.ledger.records import RecordSet

_NAMESPACE = "urn:oasis:names:specification:ubl:schema:xsd:"
_ROOTS = {"Invoice": "ubl-2.1-invoice", "CreditNote": "ubl-2.1-creditnote"}
_TOTALS = {
    "payable_amount": "PayableAmount",
    "tax_inclusive_amount": "TaxInclusiveAmount",
    "tax_exclusive_amount": "TaxExclusiveAmount",
    "prepaid_amount": "PrepaidAmount",
    "rounding_amount": "PayableRoundingAmount",
}


def read_ubl(data: bytes, source_file: str) -> list[RecordSet]:
    """Return the ``document``, ``instalment`` and ``preceding_invoice`` records of a UBL document.

    Raises
    ------
    InputRefusedError
        When the file is not well-formed, not an invoice or credit note, or has no number.
    """
    root = parse_xml(data, source_file)
    name = local_name(root)
    if name not in _ROOTS or namespace(root) != f"{_NAMESPACE}{name}-2":
        raise InputRefusedError(
            f"The file is no UBL invoice or credit note: its root is {name!r} of {namespace(root)!r}",
            where=f"{source_file}, line {line_of(root)}",
            remedy="Deliver UBL 2.1 here; for CII (Factur-X, ZUGFeRD, XRechnung) use `format: facturx`.",
        )
    return write_records(_read(root), _ROOTS[name], source_file)


def _read(root: Element) -> Invoice:
    totals = find(root, "LegalMonetaryTotal")
    means = find_all(root, "PaymentMeans")
    parts = [
        (text_at(terms, "InstallmentDueDate", "PaymentDueDate"), text_at(terms, "Amount"), terms)
        for terms in find_all(root, "PaymentTerms")
        if text_at(terms, "Amount") is not None
    ]
    due_dates = [text_at(root, "DueDate")] + [text_at(way, "PaymentDueDate") for way in means]
    due_dates += [due for due, _, _ in parts]
    notes = [text_at(terms, "Note") for terms in find_all(root, "PaymentTerms")]
    values = {
        "document_id": text_at(root, "ID"),
        "type_code": text_at(root, "InvoiceTypeCode", "CreditNoteTypeCode"),
        "profile": text_at(root, "CustomizationID"),
        "issue_date": text_at(root, "IssueDate"),
        "due_date": max((day for day in due_dates if day), default=None),
        "currency": text_at(root, "DocumentCurrencyCode"),
        "payment_reference": first_text(text_at(way, "PaymentID") for way in means),
        "payment_means_code": first_text(text_at(way, "PaymentMeansCode") for way in means),
        "mandate_id": first_text(text_at(way, "PaymentMandate/ID") for way in means),
        "order_reference": text_at(root, "OrderReference/ID"),
        "buyer_reference": text_at(root, "BuyerReference"),
        "payment_terms": " ".join(note for note in notes if note),
        **{column: text_at(totals, path) for column, path in _TOTALS.items()},
        **_party("buyer", find(root, "AccountingCustomerParty/Party")),
        **_party("seller", find(root, "AccountingSupplierParty/Party")),
    }
    amounts = find_all(totals, "*") if totals is not None else []
    amounts += [amount for _, _, terms in parts for amount in find_all(terms, "Amount")]
    preceding = [
        (text_at(reference, "ID"), text_at(reference, "IssueDate"))
        for reference in find_all(root, "BillingReference/InvoiceDocumentReference")
    ]
    currencies = {str(amount.get("currencyID")) for amount in amounts if amount.get("currencyID")}
    return Invoice(root, values, currencies, parts, preceding)


def _party(role: str, party: Element | None) -> dict[str, str | None]:
    endpoint = None if party is None else find(party, "EndpointID")
    schemes = [] if party is None else find_all(party, "PartyTaxScheme")
    vat = [text_at(scheme, "CompanyID") for scheme in schemes if text_at(scheme, "TaxScheme/ID") == "VAT"]
    return {
        f"{role}_id": text_at(party, "PartyIdentification/ID"),
        f"{role}_registration": text_at(party, "PartyLegalEntity/CompanyID"),
        f"{role}_vat": first_text(vat),
        f"{role}_endpoint": text_with_scheme(endpoint),
        f"{role}_name": text_at(party, "PartyLegalEntity/RegistrationName", "PartyName/Name"),
        f"{role}_country": text_at(party, "PostalAddress/Country/IdentificationCode"),
    }
