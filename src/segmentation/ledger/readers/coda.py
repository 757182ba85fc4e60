"""CODA bank statements (Febelfin coded statement of account, version 2) read as entries and balances.

Belongs here: what makes a file complete, and what the communication of a movement says. Does not
belong here: matching entries to customers.

Movements are parsed by the febelfin-coda library. It proves its sums with assertions, which name no
amounts, so records, sums and counts are checked here first.
"""

import io
from collections.abc import Iterator
from decimal import Decimal
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
    EntryKeys,
    balance_builder,
    entry_builder,
    find_reference,
    name_reference_kind,
    require_adding_up,
    say_together,
)
from segmentation.ledger.records import RecordSet

_WIDTH = 128
_KINDS = frozenset("0123489")
_COUNTED = frozenset("1238")
_ACCOUNT_STRUCTURES = frozenset("0123")
_ACCOUNT_AND_CURRENCY = 2
_WHOLE_MOVEMENTS = frozenset("0123")
"""First digit of the transaction code of a movement that counts; others are details of one."""

_CREDITOR_REFERENCE = "100"
_NATIONAL_REFERENCES = {"101", "102", "103", "105"}
_DIRECT_DEBIT = "127"
_MANDATE = slice(48, 83)
_RETURN_TYPE = slice(145, 146)
_RETURN_REASON = slice(146, 150)
_VALUE_DAY, _ENTRY_DAY, _NO_DAY = slice(47, 53), slice(115, 121), "000000"
_PAPER = {"", "0"}

Line = tuple[int, str]


def read_coda(data: bytes, source_file: str, encoding: str = "windows-1252") -> list[RecordSet]:
    """Return the ``entry`` and ``balance`` records of a CODA file, which may hold many statements.

    Notes
    -----
    A collective movement whose details follow becomes a record per detail, which says what it says itself, else what
    the movement says; when details do not add up to it, it is one record that says all that they say.

    Raises
    ------
    InputRefusedError
        When a record is not 128 characters long, the file is cut off, or a statement's records,
        totals or balances do not agree.
    """
    from coda import CODA

    text = decode_text(data, encoding, source_file)
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    _check_records(lines, source_file)
    statements = list(_split_statements(lines))
    for statement in statements:
        _check_statement(statement, source_file)
    try:
        parsed = CODA(io.StringIO("\n".join(_fill_value_day(line) for _, line in lines))).statements
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise _refuse(
            f"The statement cannot be read: {error or 'its records disagree'}",
            f"{source_file}, line {lines[0][0]}",
        ) from None
    entries, balances, keys = entry_builder(), balance_builder(), EntryKeys()
    for content, statement in zip(parsed, statements, strict=True):
        _StatementReader(content, statement, entries, balances, keys).read()
    return [entries.finish(), balances.finish()]


def _refuse(what: str, where: str) -> InputRefusedError:
    return InputRefusedError(what, where=where, remedy="Download the file again from the bank.")


def _fill_value_day(line: str) -> str:
    """Return a record with the day of the entry where a movement says that its value day is not known."""
    if line.startswith("21") and line[_VALUE_DAY] == _NO_DAY:
        return line[: _VALUE_DAY.start] + line[_ENTRY_DAY] + line[_VALUE_DAY.stop :]
    return line


def _check_records(lines: list[Line], source_file: str) -> None:
    for number, line in lines:
        if len(line) != _WIDTH or line[0] not in _KINDS:
            raise _refuse(
                f"The record has {len(line)} characters and begins with {line[0]!r}; "
                f"CODA records have {_WIDTH} and begin with one of {' '.join(sorted(_KINDS))}",
                f"{source_file}, line {number}",
            )
    if lines[0][1][0] != "0":
        raise _refuse(
            "The file does not begin with a header record (0)", f"{source_file}, line {lines[0][0]}"
        )
    if lines[-1][1][0] != "9":
        raise _refuse(
            "The file does not end with a trailer record (9), so it was cut off",
            f"{source_file}, line {lines[-1][0]}",
        )


def _split_statements(lines: list[Line]) -> Iterator[list[Line]]:
    statement: list[Line] = []
    for number, line in lines:
        if line[0] == "0" and statement:
            yield statement
            statement = []
        statement.append((number, line))
    yield statement


def _check_statement(lines: list[Line], source_file: str) -> None:
    """Raise when a statement's records are not complete or its balances do not agree."""
    where = f"{source_file}, line {lines[0][0]}"
    first = [line for _, line in lines if line[0] == "1"]
    last = [line for _, line in lines if line[0] == "8"]
    trailers = [line for _, line in lines if line[0] == "9"]
    if len(first) != 1 or len(last) > 1 or len(trailers) != 1 or lines[-1][1][0] != "9":
        raise _refuse("The statement does not have one old balance (1) and one trailer (9)", where)
    account = first[0][5:42]
    if first[0][1] not in _ACCOUNT_STRUCTURES or len(account.split()) < _ACCOUNT_AND_CURRENCY:
        raise _refuse(
            f"The old balance (1) names no account and currency: {first[0][:42]!r}",
            f"{source_file}, line {next(number for number, line in lines if line[0] == '1')}",
        )
    try:
        opening = _amount(first[0][42:58])
        closing = _amount(last[0][41:57]) if last else opening
        moves = sum(
            (
                _amount(line[31:47])
                for _, line in lines
                if line.startswith("21") and line[53] in _WHOLE_MOVEMENTS
            ),
            Decimal(0),
        )
        count = int(trailers[0][16:22])
    except (ArithmeticError, ValueError):
        raise _refuse("An amount or a count is not written in digits", where) from None
    require_adding_up(
        opening, moves, closing, statement=first[0][2:5], currency=account.split()[-1], where=where
    )
    found = sum(line[0] in _COUNTED for _, line in lines)
    if found != count:
        raise _refuse(f"The trailer counts {count} records, the statement has {found}", where)


def _amount(text: str) -> Decimal:
    if not text.isdecimal():
        raise ValueError(text)
    return Decimal(text[1:]) / 1000 * (-1 if text[0] == "1" else 1)


class _StatementReader:
    def __init__(
        self,
        content: Any,
        lines: list[Line],
        entries: RecordBuilder,
        balances: RecordBuilder,
        keys: EntryKeys,
    ) -> None:
        self.content = content
        self.lines = lines
        self.entries = entries
        self.balances = balances
        self.statement = f"{write_day(content.new_balance_date)}/{content}"
        self.keys = keys
        keys.open_page(content.account, self.statement)
        self.line_of = {line[2:10]: number for number, line in lines if line.startswith("21")}

    def read(self) -> None:
        for movement in self.content.moves:
            parts = movement.moves
            if parts and sum(part.amount for part in parts) == movement.amount:
                for part in parts:
                    self._add(part, _say_in_turn(part, movement))
            else:
                self._add(movement, _say_together(movement))
        for kind, code in (("opening", "1"), ("closing", "8")):
            line = next((number for number, text in self.lines if text[0] == code), self.lines[0][0])
            day, amount = (
                (self.content.old_balance_date, self.content.old_balance)
                if kind == "opening"
                else (self.content.new_balance_date, self.content.new_balance)
            )
            self.balances.add(
                line,
                {
                    "statement_id": self.statement,
                    "account": self.content.account,
                    "kind": kind,
                    "balance_date": write_day(day),
                    "amount": write_amount(amount),
                    "currency": self.content.account_currency,
                },
            )

    def _add(self, movement: Any, said: dict[str, str | None]) -> None:
        self.entries.add(
            self.line_of[str(movement)],
            {
                "statement_id": self.statement,
                "entry_id": self.keys.make(None, None, movement.amount, str(movement)),
                "status": "BOOK",
                "account": self.content.account,
                "booking_date": write_day(movement.entry_date),
                "value_date": write_day(movement.value_date),
                "amount": write_amount(movement.amount),
                "currency": self.content.account_currency,
                "credit_debit": "DBIT" if movement.amount < 0 else "CRDT",
                "transaction_code": movement.transaction_code,
                "bank_reference": movement.bank_reference,
                **said,
            },
        )


_RETURN = ("is_reversal", "return_reason")
_SAID_AT_ONCE = (
    ("structured_reference", "structured_reference_type", "remittance_text", "mandate_id"),
    ("counterparty_name", "counterparty_account"),
    ("end_to_end_id",),
)
"""Columns of which a detail fills some or leaves all to its movement."""


def _say_in_turn(part: Any, movement: Any) -> dict[str, str | None]:
    """Return what a detail says; its movement speaks for it about all of which it says nothing."""
    own, whole = _said(part), _said(movement)
    silent = [names for names in _SAID_AT_ONCE if not any(own.get(name) for name in names)]
    if own["is_reversal"] == "false":
        silent.append(_RETURN)
    return own | {name: whole.get(name) for names in silent for name in names}


def _say_together(movement: Any) -> dict[str, str | None]:
    """Return what a movement and its details say together, where they cannot be told apart."""
    said = [_said(one) for one in (movement, *movement.moves)]
    return said[0] if len(said) == 1 else said[0] | say_together(said)


def _said(movement: Any) -> dict[str, str | None]:
    communication = _communication(movement)
    kinds = ((movement.r_transaction or "").strip(), communication.pop("return_type", None) or "")
    return {
        "is_reversal": "false" if _PAPER.issuperset(kinds) else "true",
        "end_to_end_id": find_reference(movement.customer_reference),
        "counterparty_name": movement.counterparty_name,
        "counterparty_account": (movement.counterparty_account or "")[:34],
        "return_reason": movement.r_reason,
        **{name: strip_or_none(text) for name, text in communication.items()},
    }


def _communication(movement: Any) -> dict[str, str | None]:
    """Return what the communication says: a structured reference, or text."""
    kind = movement.communication_type
    text = str(movement.communication or "").strip()
    whole = movement._communication  # noqa: SLF001 - the library names no part of a direct debit but its text
    if kind == _CREDITOR_REFERENCE or kind in _NATIONAL_REFERENCES:
        return {
            "structured_reference": text,
            "structured_reference_type": name_reference_kind(text or None, kind),
        }
    if kind == _DIRECT_DEBIT:
        found: dict[str, str | None] = {"remittance_text": text, "mandate_id": whole[_MANDATE]}
        found |= {"return_type": whole[_RETURN_TYPE].strip()}
        return found | ({"return_reason": whole[_RETURN_REASON]} if whole[_RETURN_REASON].strip() else {})
    return {"remittance_text": text if kind is None else text or whole[4:]}
