"""What the details of a CAMT.053 entry say: who paid how much, for what, and whether it takes money back.

Belongs here: one entry and its details. Does not belong here: statements, balances and keys of entries (camt053).
"""

from collections.abc import Sequence
from decimal import Decimal

from segmentation.ledger.readers.building import exact_amount
from segmentation.ledger.readers.statement_records import (
    GERMAN_RETURNS,
    find_reference,
    mark_reference,
    name_reference_kind,
    say_together,
)
from segmentation.ledger.readers.xml import Element, find, find_all, text_at, text_of

SIGNS = {"CRDT": 1, "DBIT": -1}

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


def divide_entry(amount: Decimal, entry: Element, details: Sequence[Element], currency: str) -> list[Decimal]:
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
    sign = SIGNS.get(text_at(detail, "CdtDbtInd") or text_at(entry, "CdtDbtInd") or "")
    for path in paths:
        amount = _amount_in(detail, path, currency)
        if amount is not None and sign is not None:
            return sign * amount
    return None


def _sum_charges(holders: Sequence[Element], currency: str) -> Decimal:
    """Return what the bank took, as it says there; charges in other currencies are nil."""
    return sum((_find_charges(holder, currency) for holder in holders), Decimal(0))


def _find_charges(holder: Element, currency: str) -> Decimal:
    """Return the total that is stated, else the sum of what was taken less what was given back."""
    total = _amount_in(holder, "Chrgs/TtlChrgsAndTaxAmt", currency)
    if total is not None:
        return total
    records = find_all(holder, "Chrgs/Rcrd") or find_all(holder, "Chrgs")
    taken = ((_amount_in(record, "Amt", currency), text_at(record, "CdtDbtInd")) for record in records)
    return sum(
        (-SIGNS.get(sign or "", -1) * amount for amount, sign in taken if amount is not None), Decimal(0)
    )


def _amount_in(holder: Element, path: str, currency: str) -> Decimal | None:
    found = find(holder, path)
    is_meant = found is not None and found.get("Ccy") == currency
    return exact_amount(text_at(holder, path)) if is_meant else None


def say_of_entry(entry: Element, details: Sequence[Element], account: str) -> dict[str, str | None]:
    """Return what an entry says; what its details say together, where it has several and they are not told apart."""
    said = [say_of_detail(detail, entry, account) for detail in details or [entry]]
    same = {name: text for name, text in said[0].items() if all(detail[name] == text for detail in said)}
    return said[0] if len(said) == 1 else same | say_together(said)


def find_transaction_code(holder: Element) -> str | None:
    """Return domain, family and sub-family of a transaction, or the bank's own code."""
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
    if find_transaction_code(holder) in _RETURNS:
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


def say_of_detail(detail: Element, entry: Element, account: str) -> dict[str, str | None]:
    """Return the columns of an ``entry`` that one of its details fills, or the entry itself where it has none."""
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
    others = [mark_reference(other) for other in references[1:]]
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
