"""Balances against scenarios worked by hand (tests/golden/balances)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from segmentation.domain.core_tables import CANONICAL_TABLES, INSTALMENT_BALANCE, QUARANTINE, UNALLOCATED_CASH
from segmentation.domain.validation import find_violations
from segmentation.ledger.as_known import as_known
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.unallocated_cash import build_unallocated_cash

SCENARIOS = sorted((Path(__file__).parents[1] / "golden" / "balances").glob("*.yaml"))


def moment(day):
    return datetime.combine(date.fromisoformat(str(day)), datetime.min.time(), tzinfo=UTC)


def frame(name, rows):
    table = CANONICAL_TABLES[f"core_{name}"]
    days = {c.name for c in table.columns if c.polars_type == pl.Date()}
    amounts = {"amount", "payment_amount"}

    def plain(row):
        row = {"source_system": "golden", "source_id": "golden:1"} | row
        return {
            column: date.fromisoformat(value)
            if column in days and value
            else Decimal(value)
            if column in amounts and value
            else value
            for column, value in row.items()
        }

    rows = [plain(row) for row in rows]
    schema = {name: dtype for name, dtype in table.polars_schema.items() if rows and name in rows[0]}
    return table.conform(pl.DataFrame(rows, schema=schema) if rows else table.empty())


def build_ledger(scenario):
    invoices = [
        {
            "invoice_id": row["id"],
            "customer_id": row.get("customer", "C-1"),
            "document_type": row.get("type", "invoice"),
            "issue_date": row["issued"],
            "due_date": row["due"],
            "amount": row["amount"],
            "currency": row.get("currency", "EUR"),
            "observed_at": moment(row.get("known", row["issued"])),
        }
        for row in scenario["invoices"]
    ]
    instalments = [
        {
            "invoice_id": row["invoice"],
            "instalment_number": int(row["number"]),
            "due_date": row["due"],
            "amount": row["amount"],
            "observed_at": moment(row.get("known", "2026-01-01")),
        }
        for row in scenario.get("instalments", [])
    ]
    payments = [
        {
            "payment_id": row["id"],
            "customer_id": row.get("customer", "C-1"),
            "value_date": row["value"],
            "booking_date": row.get("booked"),
            "amount": row["amount"],
            "currency": row.get("currency", "EUR"),
            "reversal_of": row.get("reverses"),
            "observed_at": moment(row.get("known", row["value"])),
        }
        for row in scenario.get("payments", [])
    ]
    allocations = [
        {
            "allocation_id": row.get("id", f"A-{number}"),
            "payment_id": row.get("payment"),
            "credit_note_id": row.get("credit_note"),
            "invoice_id": row["invoice"],
            "instalment_number": int(row["instalment"]) if "instalment" in row else None,
            "amount": row["amount"],
            "payment_amount": row.get("of_payment"),
            "allocated_at": row["on"],
            "observed_at": moment(row.get("known", row["on"])),
        }
        for number, row in enumerate(scenario.get("allocations", []))
    ]
    disputes = [
        {
            "dispute_id": f"D-{number}",
            "invoice_id": row["invoice"],
            "opened_at": row["opened"],
            "closed_at": row["closed"],
            "outcome": row["outcome"],
            "observed_at": moment(row["closed"]),
        }
        for number, row in enumerate(scenario.get("disputes", []))
    ]
    outcomes = scenario.get("outcomes", [])
    contacts = [
        {
            "contact_id": f"K-{number}",
            "customer_id": "C-1",
            "invoice_id": row["invoice"],
            "direction": "outbound",
            "channel": "phone",
            "sent_at": moment(row["on"]),
            "observed_at": moment(row["on"]),
        }
        for number, row in enumerate(outcomes)
    ]
    codes = [
        {
            "contact_id": f"K-{number}",
            "code": row["code"],
            "recorded_at": moment(row["on"]),
            "observed_at": moment(row["on"]),
        }
        for number, row in enumerate(outcomes)
    ]
    names = {row["customer_id"] for row in (*invoices, *payments)}
    customers = [{"customer_id": name, "observed_at": moment("2025-01-01")} for name in sorted(names)]
    filled = {
        "customer": customers,
        "invoice": invoices,
        "instalment": instalments,
        "payment": payments,
        "allocation": allocations,
        "dispute": disputes,
        "contact_event": contacts,
        "contact_outcome": codes,
    }
    return {name: frame(name.removeprefix("core_"), filled.get(name[5:], [])) for name in CANONICAL_TABLES}


def read(path):
    scenario = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    as_of = date.fromisoformat(scenario["as_of"])
    facts = build_ledger(scenario) | {"core_quarantine": QUARANTINE.empty()}
    return as_known(facts, as_of), as_of, scenario


def as_day(value):
    return date.fromisoformat(value) if value else None


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_balance_is_what_a_clerk_works_out_by_hand(path):
    ledger, as_of, scenario = read(path)
    balances = build_instalment_balances(ledger, as_of)
    assert not find_violations(balances, INSTALMENT_BALANCE)
    expected = {(row["invoice"], int(row.get("instalment", 1))): row for row in scenario["expected"]}
    found = {(row["invoice_id"], row["instalment_number"]): row for row in balances.iter_rows(named=True)}
    assert set(found) == set(expected)
    for key, row in expected.items():
        balance = found[key]
        assert balance["open_amount"] == Decimal(row["open"])
        assert balance["paid_amount"] == Decimal(row.get("paid", "0"))
        assert balance["credited_amount"] == Decimal(row.get("credited", "0"))
        assert balance["written_off_amount"] == Decimal(row.get("written_off", "0"))
        assert balance["is_open"] == (Decimal(row["open"]) > 0)
        assert balance["days_late"] == int(row["days_late"])
        assert balance["covered_date"] == as_day(row.get("covered"))
        assert balance["covered_by"] == row.get("by")
        assert balance["payment_count"] == int(row["payments"])
        assert balance["supplier_cause"] == row.get("supplier_cause")
        assert balance["is_supplier_caused"] == ("supplier_cause" in row)
        if "known" in row:
            assert balance["covered_known_date"] == as_day(row["known"])
        if "first_payment" in row:
            assert balance["first_payment_date"] == as_day(row["first_payment"])


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_money_against_nothing_is_what_is_left(path):
    ledger, _, scenario = read(path)
    cash = build_unallocated_cash(ledger)
    assert not find_violations(cash, UNALLOCATED_CASH)
    if "unallocated" in scenario:
        expected = [
            (row["customer"], row["currency"], Decimal(row["cash"]), Decimal(row["credit"]))
            for row in scenario["unallocated"]
        ]
        assert cash.drop("possible_cash_amount").rows() == expected
        possible = [Decimal(row.get("possible", "0")) for row in scenario["unallocated"]]
        assert cash.get_column("possible_cash_amount").to_list() == possible


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_order_of_rows_does_not_matter(path):
    ledger, as_of, _ = read(path)
    turned = {name: rows.reverse() for name, rows in ledger.items()}
    assert build_instalment_balances(ledger, as_of).equals(build_instalment_balances(turned, as_of))
    assert build_unallocated_cash(ledger).equals(build_unallocated_cash(turned))


def test_there_are_enough_scenarios():
    assert len(SCENARIOS) >= 80


DAYS = st.integers(0, 40).map(lambda number: date(2026, 1, 1) + timedelta(days=number))
CENTS = st.integers(-300, 600)


@hypothesis_settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(1, 3), CENTS, DAYS), max_size=6),
)
def test_balances_agree_with_a_clerk_who_goes_line_by_line(due_cents, moves):
    as_of = date(2026, 6, 1)
    moves = [(min(number, len(due_cents)), cents, day) for number, cents, day in moves]
    scenario = {
        "invoices": [
            {"id": "I", "issued": "2026-01-01", "due": "2026-01-20", "amount": Decimal(sum(due_cents)) / 100}
        ],
        "instalments": [
            {"invoice": "I", "number": number, "due": "2026-01-20", "amount": Decimal(cents) / 100}
            for number, cents in enumerate(due_cents, start=1)
        ],
        "allocations": [
            {
                "write_off": "W",
                "invoice": "I",
                "instalment": number,
                "amount": Decimal(cents) / 100,
                "on": day.isoformat(),
            }
            for number, cents, day in moves
        ],
    }
    found = build_instalment_balances(build_ledger(scenario), as_of)
    for row in found.iter_rows(named=True):
        own = sorted((day, cents) for number, cents, day in moves if number == row["instalment_number"])
        open_cents = due_cents[row["instalment_number"] - 1]
        covered = None
        for day in sorted({day for day, _ in own}):
            open_cents -= sum(cents for other, cents in own if other == day)
            covered = None if open_cents > 0 else covered or day
        assert row["open_amount"] == Decimal(open_cents) / 100
        assert row["covered_date"] == covered
        assert row["days_late"] == ((covered or as_of) - date(2026, 1, 20)).days


@hypothesis_settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(1, 500), min_size=2, max_size=4),
    st.lists(st.tuples(st.integers(0, 4), CENTS, DAYS), min_size=1, max_size=6),
)
def test_money_without_an_instalment_is_never_lost_and_fills_the_oldest_first(due_cents, moves):
    as_of = date(2026, 6, 1)
    scenario = {
        "invoices": [
            {"id": "I", "issued": "2026-01-01", "due": "2026-01-20", "amount": Decimal(sum(due_cents)) / 100}
        ],
        "instalments": [
            {
                "invoice": "I",
                "number": number,
                "due": f"2026-01-{10 + number}",
                "amount": Decimal(cents) / 100,
            }
            for number, cents in enumerate(due_cents, start=1)
        ],
        "allocations": [
            {"write_off": "W", "invoice": "I", "amount": Decimal(cents) / 100, "on": day.isoformat()}
            | ({"instalment": number} if 0 < number <= len(due_cents) else {})
            for number, cents, day in moves
        ],
    }
    found = build_instalment_balances(build_ledger(scenario), as_of)
    assert found["open_amount"].sum() == Decimal(sum(due_cents) - sum(cents for _, cents, _ in moves)) / 100
    if (
        all(number == 0 or number > len(due_cents) for number, _, _ in moves)
        and sum(c for _, c, _ in moves) >= 0
    ):
        still_open = found.sort("due_date")["is_open"].to_list()
        assert still_open == sorted(still_open)  # covered ones first, in order of due date
