"""What every bank statement becomes: entries and balances under the same columns, and their sum.

Belongs here: columns, keys and the proof that a statement adds up. Does not belong here: any format
of statement, matching of entries to customers.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.check_digits import is_ogm
from segmentation.ledger.readers.building import RecordBuilder, write_amount

ENTRY_COLUMNS = (
    "statement_id",
    "entry_id",
    "status",
    "account",
    "booking_date",
    "value_date",
    "amount",
    "currency",
    "credit_debit",
    "is_reversal",
    "end_to_end_id",
    "mandate_id",
    "structured_reference",
    "structured_reference_type",
    "remittance_text",
    "counterparty_name",
    "counterparty_account",
    "transaction_code",
    "return_reason",
    "bank_reference",
)
"""Columns of an ``entry``.

Amounts are signed (credit +, debit −), days are ISO. ``status`` is BOOK, PDNG or INFO; ``credit_debit``
CRDT or DBIT. ``is_reversal`` is true when the entry takes back an earlier one, such as a direct debit
that was returned.
"""

BALANCE_COLUMNS = ("statement_id", "account", "kind", "balance_date", "amount", "currency")
"""Columns of a ``balance``: kind is opening or closing."""

GERMAN_RETURNS = frozenset({"108", "109", "159"})
"""Business transaction codes of the German Banking Industry Committee for returned direct debits and transfers."""

_PLACEHOLDERS = frozenset(
    {"", "NONREF", "NOTPROVIDED", "NOTAVAILABLE", "N/A", "NA", "NONE"}
    | {f"{word}{mark}" for word in ("EREF", "PREF", "MARF", "KREF", "MREF") for mark in ("", "+")}
)
"""What banks write where there is no reference, or where it stands elsewhere: the standards want something there."""

_OGM = re.compile(r"[+*]{0,3}\s*(\d{3})/?(\d{4})/?(\d{5})\s*[+*]{0,3}")
_CREDITOR_REFERENCE = re.compile(r"RF\d{2}[0-9A-Z]{1,21}")
_TWELVE_DIGITS = re.compile(r"[0-9]{12}")


def entry_builder() -> RecordBuilder:
    """Return a collector of ``entry`` records."""
    return RecordBuilder("entry", ENTRY_COLUMNS)


def balance_builder() -> RecordBuilder:
    """Return a collector of ``balance`` records."""
    return RecordBuilder("balance", BALANCE_COLUMNS)


def find_reference(text: str | None) -> str | None:
    """Return a reference of the bank or the payer; null where there is none, or a word that says so."""
    plain = (text or "").strip()
    return None if plain.upper() in _PLACEHOLDERS or not plain.strip("0") else plain


def require_adding_up(
    opening: Decimal, entries: Decimal, closing: Decimal, *, statement: str, currency: str, where: str
) -> None:
    """Raise when opening balance and booked entries do not make the closing balance."""
    if opening + entries == closing:
        return
    raise InputRefusedError(
        f"Statement {statement} does not add up: opening {write_amount(opening)} and entries "
        f"{write_amount(entries)} make {write_amount(opening + entries)} {currency}, "
        f"the closing balance says {write_amount(closing)} {currency}",
        where=where,
        remedy="An entry is missing or changed: download the statement again from the bank.",
    )


def name_reference_kind(reference: str | None, said: str | None = None) -> str | None:
    """Return OGM, RF, or what the statement said about a structured reference; null without one.

    Notes
    -----
    OGM: the Belgian structured communication, with the right check digits. RF: creditor reference of ISO 11649.
    """
    if reference is None:
        return None
    plain = re.sub(r"\s", "", reference).upper()
    if _CREDITOR_REFERENCE.fullmatch(plain):
        return "RF"
    match = _OGM.fullmatch(reference.strip())
    return "OGM" if match and is_ogm("".join(match.groups())) else said


def mark_reference(reference: str) -> str:
    """Return a structured reference as it is written in text: twelve digits in the marks of an OGM."""
    plain = re.sub(r"\s", "", reference)
    return f"+++{plain}+++" if _TWELVE_DIGITS.fullmatch(plain) else reference


def say_together(said: Iterable[Mapping[str, str | None]]) -> dict[str, str | None]:
    """Return what the details of an entry say together, where they cannot be told apart, as text.

    Parameters
    ----------
    said : columns of an ``entry`` for each detail.
    """
    texts: list[str | None] = []
    for detail in said:
        reference = detail.get("structured_reference")
        texts += [reference and mark_reference(reference), detail.get("remittance_text")]
        texts.append(detail.get("end_to_end_id"))
    return {
        "structured_reference": None,
        "structured_reference_type": None,
        "remittance_text": " ; ".join(dict.fromkeys(filter(None, texts))),
    }


class EntryKeys:
    """Gives every entry of a file a key that is the same whenever it is delivered again.

    The bank's own reference, with day and amount, names an entry in whatever statement it appears;
    an entry without one is named by its statement and its place in it. What comes again in the same
    statement is numbered in the order of the statement, over its pages; a page that comes again begins anew.
    """

    def __init__(self) -> None:
        self._pages: dict[tuple[str, str], set[str]] = {}
        self._seen: dict[tuple[str, str], Counter[str]] = {}
        self._open = ("", "", "")

    def open_page(self, account: str, statement: str, page: str = "") -> None:
        """Begin with a page of a statement."""
        pages = self._pages.setdefault((account, statement), set())
        if page in pages or not pages:
            pages.clear()
            self._seen[account, statement] = Counter()
        pages.add(page)
        self._open = (account, statement, page)

    def make(self, reference: str | None, day: str | None, amount: Decimal, place: str) -> str:
        """Return the key of an entry of the page that is open."""
        account, statement, page = self._open
        of_page = "/".join(filter(None, (statement, page)))
        named = (reference, day or "", write_amount(amount)) if reference else (of_page, place)
        base = "/".join((account, *named))
        seen = self._seen[account, statement]
        seen[base] += 1
        return base if seen[base] == 1 else f"{base}/{seen[base]}"
