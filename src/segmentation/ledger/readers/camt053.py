"""CAMT.053 bank statements (ISO 20022 camt.053.001.02 to .13) read as entries and balances.

Belongs here: where the message says what. Does not belong here: matching entries to customers.

Read with lxml: no kept library gives every detail of an entry with its line, for old and new
versions alike. Names of elements did not change between versions, only what lies between them (the
party in ``Dbtr/Pty`` since .08, the status in ``Sts/Cd``), so both places are looked at.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.building import RecordBuilder, exact_amount, write_amount
from segmentation.ledger.readers.statement_records import (
    GERMAN_RETURNS,
    EntryKeys,
    balance_builder,
    entry_builder,
    find_reference,
    name_reference_kind,
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
    text_of,
)
from segmentation.ledger.records import RecordSet

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
_SIGNS = {"CRDT": 1, "DBIT": -1}
_OPENING = ("OPBD", "PRCD", "ITBD")
_CLOSING = ("CLBD", "ITBD")
_BOOKED = "BOOK"
_RETURNS = frozenset(
    f"PMNT/{family}/{code}"
    for family, codes in {
        "IDDT": ("PRDD", "RCDD", "UPDD", "RRTN", "RPCR"),
        "RCDT": ("RRTN", "RPCR"),
        "ICDT": ("RRTN", "RPCR"),
        "RCHQ": ("UPCQ", "CQRV"),
        "DRFT": ("UDFT",),
    }.items()
    for code in codes
)
"""Bank transaction codes of ISO 20022 (external code set, domain PMNT): a direct debit of ours was reversed, recalled or came
back unpaid; a transfer to us was sent back, or one of ours came back; a cheque or draft was not paid."""
_TWELVE_DIGITS = re.compile(r"[0-9]{12}")


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
        sign = _SIGNS.get(text_at(element, "CdtDbtInd") or "")
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
            "transaction_code": _transaction_code(entry),
        }
        details = find_all(entry, "NtryDtls/TxDtls")
        paid = _divide(amount, entry, details, currency)
        if len(details) <= 1 or len(paid) < len(details):
            said = [_details(detail, entry, self.account) for detail in details or [entry]]
            only = paid[0] if paid else amount
            self.entries.add(line_of(entry), common | _join_said(said) | _signed(only) | {"entry_id": key})
            return
        for place, (detail, part) in enumerate(zip(details, paid, strict=True), start=1):
            said_here = _details(detail, entry, self.account)
            if part < 0 < amount:  # sent back among what came in
                said_here["is_reversal"] = "true"
            record = common | said_here | _signed(part) | {"entry_id": f"{key}#{place}"}
            self.entries.add(line_of(detail), record)


def _signed(amount: Decimal) -> dict[str, str | None]:
    return {"amount": write_amount(amount), "credit_debit": "DBIT" if amount < 0 else "CRDT"}


def _divide(amount: Decimal, entry: Element, details: Sequence[Element], currency: str) -> list[Decimal]:
    """Return what each detail of an entry moved, charges left out; empty when that does not make the entry."""
    charges = _sum_charges([entry], currency) or _sum_charges(details, currency)
    own, gross = "Amt", ("AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
    for paths, total in (((*gross, own), amount + charges), ((own, *gross), amount)):
        moved = [_detail_amount(detail, entry, currency, paths) for detail in details]
        known = [part for part in moved if part is not None]
        if len(known) == len(moved) and sum(known) == total:
            return known
    return []


def _detail_amount(detail: Element, entry: Element, currency: str, paths: Sequence[str]) -> Decimal | None:
    sign = _SIGNS.get(text_at(detail, "CdtDbtInd") or text_at(entry, "CdtDbtInd") or "")
    for path in paths:
        found = find(detail, path)
        amount = exact_amount(text_at(detail, path))
        if found is not None and amount is not None and sign is not None and found.get("Ccy") == currency:
            return sign * amount
    return None


def _sum_charges(holders: Sequence[Element], currency: str) -> Decimal:
    """Return what the bank took, as it says there; charges in other currencies are nil."""
    total = Decimal(0)
    for holder in holders:
        for path, sign_path in (
            ("Chrgs/TtlChrgsAndTaxAmt", None),
            ("Chrgs/Rcrd/Amt", "Chrgs/Rcrd/CdtDbtInd"),
            ("Chrgs/Amt", "Chrgs/CdtDbtInd"),
        ):
            found = [element for element in find_all(holder, path) if element.get("Ccy") == currency]
            taken = [exact_amount(text_of(element)) or Decimal(0) for element in found]
            signs = [text_of(sign) for sign in find_all(holder, sign_path)] if sign_path else []
            if taken:
                given_back = len(signs) == len(taken) and "CRDT" in signs
                total += -sum(taken) if given_back else sum(taken)
                break
    return total


def _join_said(said: Sequence[dict[str, str | None]]) -> dict[str, str | None]:
    """Return what the details of an entry say together, where they cannot be told apart."""
    if len(said) == 1:
        return said[0]
    texts: list[str | None] = []
    for detail in said:
        reference = detail["structured_reference"]
        marked = None if reference is None else _mark_reference(reference)
        texts += [marked, detail["remittance_text"], detail["end_to_end_id"]]
    same = {name: text for name, text in said[0].items() if all(detail[name] == text for detail in said)}
    return same | {"structured_reference": None, "remittance_text": " ; ".join(filter(None, texts))}


def _day(element: Element, *paths: str) -> str | None:
    """Return the day at the first path that has one, as it stands; of a moment, the day where the bank is."""
    for path in paths:
        moment = text_at(element, f"{path}/DtTm")
        day = text_at(element, f"{path}/Dt") or (moment[:10] if moment else None)
        if day:
            return day
    return None


def _transaction_code(holder: Element) -> str | None:
    code = find(holder, "BkTxCd")
    parts = [text_at(code, path) for path in ("Domn/Cd", "Domn/Fmly/Cd", "Domn/Fmly/SubFmlyCd")]
    return "/".join(part for part in parts if part) or text_at(code, "Prtry/Cd")


def _takes_back(detail: Element, entry: Element) -> bool:
    """Whether an entry undoes an earlier one: it is marked as reversal, says why it was returned, or has a code of returns."""
    if find(detail, "RtrInf") is not None or text_at(entry, "RvslInd") in {"true", "1"}:
        return True
    return any(_is_return(holder) for holder in (detail, entry))


def _is_return(holder: Element) -> bool:
    """Whether the transaction code says so; banks in Germany write theirs as ``NRTI+109+9070``."""
    if _transaction_code(holder) in _RETURNS:
        return True
    own = text_at(holder, "BkTxCd/Prtry/Cd") or ""
    return not GERMAN_RETURNS.isdisjoint(own.split("+")[:2])


def _find_counterparty(detail: Element, entry: Element, account: str) -> str:
    """Return the role of the other party: who paid a credit, or was paid by a debit.

    In the return of a payment the parties keep the roles that they had in the payment itself.
    """
    is_credit = (text_at(detail, "CdtDbtInd") or text_at(entry, "CdtDbtInd")) == "CRDT"
    role, other = ("Dbtr", "Cdtr") if is_credit != _takes_back(detail, entry) else ("Cdtr", "Dbtr")
    is_own = text_at(detail, f"RltdPties/{role}Acct/Id/IBAN") == account
    return other if is_own else role


def _details(detail: Element, entry: Element, account: str) -> dict[str, str | None]:
    parties = find(detail, "RltdPties")
    other = _find_counterparty(detail, entry, account)
    references = _texts(detail, "RmtInf/Strd/CdtrRefInf/Ref")
    reference = references[0] if references else None
    said = text_at(
        detail,
        "RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry/Prtry",
        "RmtInf/Strd/CdtrRefInf/Tp/Issr",
        "RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry/Cd",
    )
    free_text = " ".join(_texts(detail, "RmtInf/Ustrd"))
    # who pays several invoices at once gives several references, or the numbers of the documents
    others = [_mark_reference(other) for other in references[1:]]
    others += _texts(detail, "RmtInf/Strd/RfrdDocInf/Nb") + _texts(detail, "RmtInf/Strd/AddtlRmtInf")
    return {
        "end_to_end_id": find_reference(text_at(detail, "Refs/EndToEndId")),
        "mandate_id": text_at(detail, "Refs/MndtId"),
        "structured_reference": reference,
        "structured_reference_type": name_reference_kind(reference, said),
        "remittance_text": " ; ".join(filter(None, [free_text, *others]))
        or text_at(detail, "AddtlTxInf")
        or text_at(entry, "AddtlNtryInf"),
        "counterparty_name": text_at(parties, f"{other}/Pty/Nm", f"{other}/Nm"),
        "counterparty_account": text_at(parties, f"{other}Acct/Id/IBAN", f"{other}Acct/Id/Othr/Id"),
        "is_reversal": "true" if _takes_back(detail, entry) else "false",
        "return_reason": text_at(detail, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"),
    }


def _texts(detail: Element, path: str) -> list[str]:
    """Return what every element at a path says; those that say nothing are passed over."""
    return [text for text in map(text_of, find_all(detail, path)) if text]


def _mark_reference(reference: str) -> str:
    """Return a further reference as it is written in text: twelve digits in the marks of an OGM."""
    plain = re.sub(r"\s", "", reference)
    return f"+++{plain}+++" if _TWELVE_DIGITS.fullmatch(plain) else reference
