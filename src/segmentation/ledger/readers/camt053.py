"""CAMT.053 bank statements (ISO 20022 camt.053.001.02 to .13) read as entries and balances.

Belongs here: statements, their balances and entries. Does not belong here: what the details of an entry say
(camt053_details), matching entries to customers.

Read with lxml: no kept library gives every detail of an entry with its line, for old and new
versions alike. Names of elements did not change between versions, only what lies between them (the
party in ``Dbtr/Pty`` since .08, the status in ``Sts/Cd``), so both places are looked at.
"""

from decimal import Decimal

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.building import RecordBuilder, exact_amount, write_amount
from segmentation.ledger.readers.camt053_details import (
    SIGNS,
    divide_entry,
    find_transaction_code,
    say_of_detail,
    say_of_entry,
)
from segmentation.ledger.readers.statement_records import (
    EntryKeys,
    balance_builder,
    entry_builder,
    find_reference,
    require_adding_up,
)
from segmentation.ledger.readers.xml import (
    Element,
    find,
    find_all,
    line_of,
    local_name,
    namespace,
    parse_xml,
    text_at,
)
from segmentation.ledger.records import RecordSet

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
_OPENING = ("OPBD", "PRCD", "ITBD")
_CLOSING = ("CLBD", "ITBD")
_BOOKED = "BOOK"


def read_camt053(data: bytes, source_file: str) -> list[RecordSet]:
    """Return the ``entry`` and ``balance`` records of a CAMT.053 file.

    Notes
    -----
    An entry whose details are listed one by one becomes a record per detail; when the details, less what the
    statement says the bank charged, do not add up to the entry, it is one record that says all that they say.
    Charges are no part of what somebody paid. An entry has its value day and its booking day for each other where
    it lacks one. Entries that are not booked (status PDNG, INFO) are records too, and count in no sum.

    Raises
    ------
    InputRefusedError
        When the file is not such a message, or a statement's opening balance and booked entries do
        not make its closing balance.
    """
    root = parse_xml(data, source_file)
    statements = find_all(root, "BkToCstmrStmt/Stmt")
    if not namespace(root).startswith(_NAMESPACE) or not statements:
        raise InputRefusedError(
            f"The file is no CAMT.053 statement: its root is {local_name(root)!r} of {namespace(root)!r}",
            where=f"{source_file}, line {line_of(root)}",
            remedy="Download the end-of-day statement (camt.053), not a report or notification.",
        )
    entries, balances, keys = entry_builder(), balance_builder(), EntryKeys()
    for statement in statements:
        _StatementReader(statement, source_file, entries, balances, keys).read()
    return [entries.finish(), balances.finish()]


class _StatementReader:
    def __init__(
        self,
        statement: Element,
        source_file: str,
        entries: RecordBuilder,
        balances: RecordBuilder,
        keys: EntryKeys,
    ) -> None:
        self.keys = keys
        self.statement = statement
        self.source_file = source_file
        self.entries = entries
        self.balances = balances
        self.number = self._require("Id")
        self.account = self._require("Acct/Id/IBAN", "Acct/Id/Othr/Id")

    def read(self) -> None:
        opening, currency, _ = self._balance(_OPENING, "opening")
        closing, closing_currency, closing_day = self._balance(_CLOSING, "closing")
        self._require_currency(closing_currency, currency, self.statement)
        # banks count their statements anew each year, and the pages of one have its number and day
        page = text_at(self.statement, "StmtPgntn/PgNb")
        self.keys.open_page(self.account, "/".join(filter(None, (closing_day, self.number))), page or "")
        booked = Decimal(0)
        for position, entry in enumerate(find_all(self.statement, "Ntry"), start=1):
            amount, entry_currency = self._amount(entry)
            if text_at(entry, "Sts/Cd", "Sts") == _BOOKED:
                self._require_currency(entry_currency, currency, entry)
                booked += amount
            key = self.keys.make(
                find_reference(text_at(entry, "AcctSvcrRef")),
                _day(entry, "ValDt", "BookgDt"),
                amount,
                str(position),
            )
            self._add(entry, amount, entry_currency, key)
        require_adding_up(
            opening,
            booked,
            closing,
            statement=self.number,
            currency=currency,
            where=self._place(self.statement),
        )

    def _place(self, element: Element) -> str:
        return f"{self.source_file}, line {line_of(element)}"

    def _require(self, *paths: str) -> str:
        value = text_at(self.statement, *paths)
        if value is None:
            raise InputRefusedError(
                f"The statement has no {' or '.join(paths)}",
                where=self._place(self.statement),
                remedy="The statement is damaged or not to the standard: download it again.",
            )
        return value

    def _require_currency(self, found: str, expected: str, element: Element) -> None:
        if found != expected:
            raise InputRefusedError(
                f"Statement {self.number} opens in {expected}, but {local_name(element)} is in {found}",
                where=self._place(element),
                remedy="Download the statement again from the bank.",
            )

    def _balance(self, codes: tuple[str, ...], kind: str) -> tuple[Decimal, str, str | None]:
        """Return amount, currency and day of the first kind of balance that the statement has.

        A page begins and ends with ITBD.
        """
        by_code: dict[str | None, list[Element]] = {}
        for balance in find_all(self.statement, "Bal"):
            by_code.setdefault(text_at(balance, "Tp/CdOrPrtry/Cd"), []).append(balance)
        for code in codes:
            if code not in by_code:
                continue
            found = by_code[code][0 if kind == "opening" else -1]
            amount, currency = self._amount(found)
            day = _day(found, "Dt")
            self.balances.add(
                line_of(found),
                {
                    "statement_id": self.number,
                    "account": self.account,
                    "kind": kind,
                    "balance_date": day,
                    "amount": write_amount(amount),
                    "currency": currency,
                },
            )
            return amount, currency, day
        raise InputRefusedError(
            f"Statement {self.number} has no {kind} balance, so it cannot be shown to be complete",
            where=self._place(self.statement),
            remedy="Ask the bank for statements with booked opening and closing balances.",
        )

    def _amount(self, element: Element) -> tuple[Decimal, str]:
        """Return the signed amount of a balance or entry and its currency."""
        holder = find(element, "Amt")
        amount = exact_amount(text_at(element, "Amt"))
        sign = SIGNS.get(text_at(element, "CdtDbtInd") or "")
        if holder is None or amount is None or amount < 0 or sign is None or not holder.get("Ccy"):
            raise InputRefusedError(
                f"{local_name(element)} has no readable amount, currency and credit or debit indicator",
                where=self._place(element),
                remedy="The statement is damaged or not to the standard: download it again.",
            )
        return sign * amount, str(holder.get("Ccy"))

    def _add(self, entry: Element, amount: Decimal, currency: str, key: str) -> None:
        common = {
            "statement_id": self.number,
            "status": text_at(entry, "Sts/Cd", "Sts"),
            "account": self.account,
            "booking_date": _day(entry, "BookgDt", "ValDt"),
            "value_date": _day(entry, "ValDt", "BookgDt"),
            "currency": currency,
            "bank_reference": find_reference(text_at(entry, "AcctSvcrRef")),
            "transaction_code": find_transaction_code(entry),
        }
        details = find_all(entry, "NtryDtls/TxDtls")
        paid = divide_entry(amount, entry, details, currency)
        if len(details) <= 1 or len(paid) < len(details):
            said = say_of_entry(entry, details, self.account)
            only = paid[0] if paid else amount
            self.entries.add(line_of(entry), common | said | _signed(only) | {"entry_id": key})
            return
        for place, (detail, part) in enumerate(zip(details, paid, strict=True), start=1):
            said_here = say_of_detail(detail, entry, self.account)
            if part < 0 < amount:  # sent back among what came in
                said_here["is_reversal"] = "true"
            record = common | said_here | _signed(part) | {"entry_id": f"{key}#{place}"}
            self.entries.add(line_of(detail), record)


def _signed(amount: Decimal) -> dict[str, str | None]:
    return {"amount": write_amount(amount), "credit_debit": "DBIT" if amount < 0 else "CRDT"}


def _day(element: Element, *paths: str) -> str | None:
    """Return the day at the first path that has one, as it stands; of a moment, the day where the bank is."""
    for path in paths:
        moment = text_at(element, f"{path}/DtTm")
        day = text_at(element, f"{path}/Dt") or (moment[:10] if moment else None)
        if day:
            return day
    return None
