"""MT940 bank statements (SWIFT customer statement message) read as entries and balances.

Belongs here: messages and their lines, and what the details of an entry say. Does not belong here:
matching entries to customers.

The fields are parsed by the mt-940 library, one message at a time and only up to the closing
balance: it takes any other text after the last entry for details of that entry. What it would
accept although it is not to the standard (an amount with thousands marks, of which it reads the
first digits only) is refused before.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.building import (
    RecordBuilder,
    decode_text,
    strip_or_none,
    write_amount,
    write_day,
)
from segmentation.ledger.readers.statement_records import (
    GERMAN_RETURNS,
    EntryKeys,
    balance_builder,
    entry_builder,
    find_reference,
    name_reference_kind,
    require_adding_up,
)
from segmentation.ledger.records import RecordSet

_TAG = re.compile(r":(\d{2}[A-Z]?|NS):")
_ENTRY = re.compile(r"\d{6}(?:\d{4}|\s{4})?R?[DC][A-Z]?\d{1,15},\d{0,3}[NFS][A-Z0-9]{3}.*")
_BALANCE = re.compile(r"[DC]\d{6}[A-Z]{3}\d{1,15},\d{0,3}\s*")
_LINE_WIDTH = 65
"""Characters of a line of details: a full one goes on in the next without a space."""
_SUB_FIELDS = re.compile(r"\d{3}\?\d{2}")
_OTHER_MARK = re.compile(r"\d{3}([~^<])\d{2}")
"""Sub-fields as Polish banks mark them."""
_KEY_WORD = re.compile(r"[A-Z]{3,4}\+")
"""Begins a part of the purpose in sub-fields (DFÜ agreement, annex 3): EREF+, SVWZ+, IBAN+, BIC+."""
_LAST_DAY_OF_FEBRUARY = 30
"""Banks that count thirty days a month give interest this value day; it is read as the last day of the month."""
_SUB_FIELD_WIDTH = 27
"""Characters of a sub-field (``?20``): a full one may go on in the next within a word."""

_CODE_WORDS = (
    "EREF|PREF|MARF|CSID|CNTP|REMI|ORDP|BENM|NAME|IBAN|BIC|TRTP|RTRN|ISDT|CREF|IREF|PURP|ULTB|ULTD|TRCD|ADDR"
)
_CODE = re.compile(rf"/({_CODE_WORDS})/")
_NAME_IN_COUNTERPARTY = 2


@dataclass
class _Message:
    """Fields of one message: tag, line and text of each."""

    line: int
    fields: list[tuple[str, int, str]] = field(default_factory=list)

    def lines_of(self, tag: str) -> list[int]:
        return [line for name, line, _ in self.fields if name == tag]


def read_mt940(data: bytes, source_file: str, encoding: str = "utf-8") -> list[RecordSet]:
    """Return the ``entry`` and ``balance`` records of an MT940 file, which may hold many statements.

    Raises
    ------
    InputRefusedError
        When the file is not such a message or in another encoding, when a field is not to the
        standard, or when opening balance and entries do not make the closing balance.
    """
    text = decode_text(data, encoding, source_file)
    messages = _split_messages(text)
    if not messages:
        raise InputRefusedError(
            "The file is no MT940 statement: it has no field :20:",
            where=source_file,
            remedy="Download the statement again, in the format MT940.",
        )
    entries, balances, keys = entry_builder(), balance_builder(), EntryKeys()
    for message in messages:
        _read_message(message, source_file, entries, balances, keys)
    return [entries.finish(), balances.finish()]


def _split_messages(text: str) -> list[_Message]:
    messages: list[_Message] = []
    is_open = False
    for number, line in enumerate(text.split("\n"), start=1):
        content = line[line.index("{4:") + 3 :] if line.startswith("{") and "{4:" in line else line
        match = _TAG.match(content)
        if match and match[1] == "20":
            messages.append(_Message(number))
            is_open = True
        if not is_open or not content.strip():
            continue
        if content.strip() in {"-", "-}"} or content.startswith(("{", "-}")):
            is_open = False
        elif match:
            messages[-1].fields.append((match[1], number, content[match.end() :]))
        else:
            tag, start, so_far = messages[-1].fields[-1]
            messages[-1].fields[-1] = (tag, start, f"{so_far}\n{content}")
    return messages


def _read_message(
    message: _Message, source_file: str, entries: RecordBuilder, balances: RecordBuilder, keys: EntryKeys
) -> None:
    where = f"{source_file}, line {message.line}"
    parsed = _parse(message, source_file)
    opening = _balance(parsed.data, "opening", where)
    closing = _balance(parsed.data, "closing", where)
    currency = str(closing.amount.currency)
    if opening.amount.currency != currency:
        raise _refuse(f"The statement opens in {opening.amount.currency} and closes in {currency}", where)
    account = str(parsed.data.get("account_identification") or "").strip().removesuffix(currency).strip()
    number, page = (str(parsed.data.get(name) or "") for name in ("statement_number", "sequence_number"))
    numbered = "/".join(filter(None, (write_day(closing.date), number)))
    statement = "/".join(filter(None, (numbered, page)))
    if not account:
        raise _refuse("The statement names no account (field :25:)", where)
    lines = message.lines_of("61")
    if len(lines) != len(parsed.transactions):
        raise _refuse(f"{len(lines)} entries gave {len(parsed.transactions)} records", where)
    keys.open_page(account, numbered, page)
    total = Decimal(0)
    leading = _list_leading_texts(message)
    for position, (line, transaction) in enumerate(zip(lines, parsed.transactions, strict=True), start=1):
        fields = transaction.data
        amount = fields["amount"].amount
        total += amount
        reference = find_reference(fields.get("bank_reference"))
        value_date = write_day(fields["date"])
        entries.add(
            line,
            _details(fields, leading[position - 1])
            | {
                "statement_id": statement,
                "entry_id": keys.make(reference, value_date, amount, str(position)),
                "status": "BOOK",
                "account": account,
                # a statement tells nothing before its day
                "booking_date": write_day(fields.get("entry_date")) or write_day(closing.date),
                "value_date": value_date,
                "amount": write_amount(amount),
                "currency": currency,
                "credit_debit": "DBIT" if amount < 0 else "CRDT",
                "is_reversal": "true" if _takes_back(fields) else "false",
                "bank_reference": reference,
            },
        )
    for kind, balance, tags in (("opening", opening, ("60F", "60M")), ("closing", closing, ("62F", "62M"))):
        balances.add(
            next(line for tag, line, _ in message.fields if tag in tags),
            {
                "statement_id": statement,
                "account": account,
                "kind": kind,
                "balance_date": write_day(balance.date),
                "amount": write_amount(balance.amount.amount),
                "currency": currency,
            },
        )
    require_adding_up(
        opening.amount.amount,
        total,
        closing.amount.amount,
        statement=statement,
        currency=currency,
        where=where,
    )


def _takes_back(fields: dict[str, Any]) -> bool:
    """Whether an entry undoes an earlier one: marked RC or RD, a returned item, or a German return."""
    is_returned_item = str(fields.get("id") or "")[1:] == "RTI"
    return (
        fields["status"].startswith("R")
        or is_returned_item
        or fields.get("transaction_code") in GERMAN_RETURNS
    )


def _parse(message: _Message, source_file: str) -> Any:
    """Return what the library makes of a message, after what it would misread has been refused."""
    from mt940.models import Transactions
    from mt940.options import Options

    texts: list[str] = []
    for tag, line, content in message.fields:
        pattern = _ENTRY if tag == "61" else _BALANCE if tag in {"60F", "60M", "62F", "62M"} else None
        if pattern is not None and not pattern.fullmatch(content.split("\n")[0]):
            raise _refuse(
                f"Field :{tag}: is not to the standard: {content[:60]!r}", f"{source_file}, line {line}"
            )
        if tag == "61" and content[2:4] == "02" and int(content[4:6]) > _LAST_DAY_OF_FEBRUARY:
            raise _refuse(f"There is no day {content[:6]} in February", f"{source_file}, line {line}")
        texts.append(f":{tag}:{content}")
        if tag in {"62F", "62M"}:
            break
    parsed = Transactions({"pre_transaction_details": [_space_sub_fields]}, options=Options.all())
    try:
        parsed.parse("\n".join(texts))
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error.args[0]) if error.args else type(error).__name__
        raise _refuse(
            f"The statement cannot be read: {reason[:200]}", f"{source_file}, line {message.line}"
        ) from None
    return parsed


def _space_sub_fields(_transactions: Any, _tag: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Return field :86: with a space where a sub-field goes on in the next, but not within a word.

    The library, which calls this first, joins purpose (?20 to ?29, ?60 to ?65) and name (?32, ?33) as they stand.
    """
    text = _mark_sub_fields(fields["transaction_details"])
    if not _SUB_FIELDS.match(text):
        return fields
    return fields | {"transaction_details": _space(text)}


def _mark_sub_fields(details: str) -> str:
    """Return field :86: in one line, its sub-fields marked with ``?`` whatever the bank marks them with."""
    text = "".join(details.splitlines())
    other = _OTHER_MARK.match(text)
    return text.replace("?", " ").replace(other[1], "?") if other else text


def _space(text: str) -> str:
    code, *parts = text.split("?")
    spaced = [code]
    for before, part in pairwise(["", *parts]):
        is_joined = (part[:1] in "26" and part[:1] == before[:1]) or (before[:2], part[:2]) == ("32", "33")
        is_whole = len(before) < len("20") + _SUB_FIELD_WIDTH
        spaced.append(f"{part[:2]} {part[2:]}" if is_joined and is_whole else part)
    return "?".join(spaced)


def _list_leading_texts(message: _Message) -> list[str | None]:
    """Return per entry what its purpose says before the first key word, which the library passes over."""
    leading: list[str | None] = []
    for tag, _, content in message.fields:
        if tag in {"62F", "62M"}:
            break
        if tag == "61":
            leading.append(None)
        elif tag == "86" and leading and _SUB_FIELDS.match(text := _mark_sub_fields(content)):
            purpose = "".join(part[2:] for part in _space(text).split("?")[1:] if part[:1] in "26")
            first = _KEY_WORD.search(purpose)
            leading[-1] = strip_or_none(purpose[: first.start()]) if first else None
    return leading


def _refuse(what: str, where: str) -> InputRefusedError:
    return InputRefusedError(what, where=where, remedy="Download the statement again from the bank.")


def _balance(data: dict[str, Any], kind: str, where: str) -> Any:
    for name in (f"final_{kind}_balance", f"intermediate_{kind}_balance"):
        if name in data:
            return data[name]
    raise _refuse(
        f"The statement has no {kind} balance, so it is cut off or cannot be shown to be complete", where
    )


def _details(fields: dict[str, Any], leading: str | None) -> dict[str, str | None]:
    """Return what field :86: says: in sub-fields (?20), in code words (/REMI/), or as free text.

    ``leading`` is what sub-fields say before their first key word. Without the field, what follows :61: counts.
    """
    code = f"{fields.get('id') or ''}".strip() or None
    if "transaction_details" not in fields and fields.get("transaction_code"):
        purpose = fields.get("purpose")
        return {
            "transaction_code": "/".join(part for part in (code, fields["transaction_code"]) if part),
            "end_to_end_id": find_reference(fields.get("end_to_end_reference")),
            "mandate_id": strip_or_none(fields.get("additional_position_reference")),
            "remittance_text": " ".join(
                part.strip() for part in (leading, purpose, fields.get("additional_purpose")) if part
            ),
            "counterparty_name": fields.get("applicant_name"),
            "counterparty_account": fields.get("applicant_iban") or fields.get("gvc_applicant_iban"),
            "return_reason": fields.get("return_debit_notes"),
        }
    text = _join_lines(str(fields.get("transaction_details") or fields.get("extra_details") or ""))
    words = _code_words(text)
    remittance = words.get("REMI")
    structured = None
    if remittance and remittance.startswith("STRD/"):
        structured = remittance.rstrip("/").split("/")[-1]
    if remittance and remittance.startswith("USTD/"):
        remittance = remittance.removeprefix("USTD/").strip("/")
    party = (words.get("CNTP") or "").split("/")
    return {
        "transaction_code": code,
        "end_to_end_id": find_reference(words.get("EREF"))
        or find_reference(fields.get("customer_reference")),
        "mandate_id": words.get("MARF"),
        "structured_reference": structured,
        "structured_reference_type": name_reference_kind(structured, "STRD"),
        "remittance_text": None if structured else remittance if words else text,
        "counterparty_name": words.get("NAME")
        or (party[_NAME_IN_COUNTERPARTY] if len(party) > _NAME_IN_COUNTERPARTY else None),
        "counterparty_account": words.get("IBAN") or party[0],
        "return_reason": words.get("RTRN"),
    }


def _join_lines(text: str) -> str:
    lines = text.split("\n")
    return "".join(line if len(line) >= _LINE_WIDTH else f"{line} " for line in lines).strip()


def _code_words(text: str) -> dict[str, str]:
    """Return the first value of each code word; empty when the text does not begin with one."""
    if not _CODE.match(text):
        return {}
    found: dict[str, str] = {}
    matches = list(_CODE.finditer(text))
    ends = [match.start() for match in matches[1:]] + [len(text)]
    for match, end in zip(matches, ends, strict=True):
        found.setdefault(match[1], text[match.end() : end].strip().strip("/"))
    return found
