"""Payments matched to invoices: scenarios worked by hand (tests/golden/matching), and what a caller may rely on."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import yaml

from segmentation.domain.core_tables import ALLOCATION, PAYMENT_MATCH
from segmentation.domain.validation import find_violations
from segmentation.domain.vocabulary import MatchRule
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.cash_statements import describe_repeated_lines, list_said_lines
from segmentation.ledger.matching.matching import match_payments
from segmentation.ledger.matching.rules import CONFIDENCE
from segmentation.ledger.unallocated_cash import build_unallocated_cash
from tests.ledger.matching_ledgers import make_ledger

SCENARIOS = sorted((Path(__file__).parents[1] / "golden" / "matching").glob("*.yaml"))


def read(path):
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader)


def match(scenario):
    return match_payments(make_ledger(scenario), date.fromisoformat(scenario["as_of"]))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_payments_are_matched_as_worked_by_hand(path):
    scenario = read(path)
    matched = match(scenario)
    assert not find_violations(matched["core_allocation"], ALLOCATION)
    assert not find_violations(matched["core_payment_match"], PAYMENT_MATCH)
    rows = matched["core_payment_match"]
    found = {
        payment: {
            "status": part["status"].unique().item(),
            "rule": part["rule"].drop_nulls().unique().sort().to_list(),
            "candidates": [
                (row["customer_id"], row["invoice_id"], row["amount"]) for row in part.iter_rows(named=True)
            ],
        }
        for (payment,), part in rows.group_by("payment_id")
    }
    expected = {
        payment: {
            "status": row["status"],
            "rule": sorted([row["rule"]] if isinstance(row.get("rule", []), str) else row.get("rule", [])),
            "candidates": [
                (customer or None, invoice or None, Decimal(amount))
                for customer, invoice, amount in row.get("candidates", [["", "", "0"]])
            ],
        }
        for payment, row in scenario["expected"].items()
    }
    assert found == expected
    reasons = dict(rows.select("payment_id", "reason").rows())
    for payment, row in scenario["expected"].items():
        assert row.get("says", "") in reasons[payment]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_balances_and_cash_follow_from_the_matches(path):
    scenario = read(path)
    matched = match(scenario)
    balances = build_instalment_balances(matched, date.fromisoformat(scenario["as_of"]))
    open_amounts = dict(balances.select("invoice_id", "open_amount").rows())
    assert open_amounts == {invoice: Decimal(amount) for invoice, amount in scenario["open"].items()}
    cash = build_unallocated_cash(matched).select(
        "customer_id", "unmatched_cash_amount", "possible_cash_amount"
    )
    assert {row[0]: row[1:] for row in cash.rows()} == {
        customer: (Decimal(row.get("cash", "0")), Decimal(row.get("possible", "0")))
        for customer, row in scenario.get("on_account", {}).items()
    }


def test_every_rule_has_its_confidence_and_a_scenario():
    assert set(CONFIDENCE) == set(MatchRule)
    used = {
        rule
        for path in SCENARIOS
        for row in read(path)["expected"].values()
        for rule in ([row["rule"]] if isinstance(row.get("rule", []), str) else row.get("rule", []))
    }
    assert used == {rule.value for rule in MatchRule}


def test_a_source_that_allocates_its_payments_itself_is_left_as_it_is():
    scenario = {
        "as_of": "2026-03-01",
        "invoices": [
            {"id": "INV-1", "customer": "C-1", "amount": 100},
            {"id": "INV-2", "customer": "C-1", "amount": 50},
        ],
        "payments": [
            {"id": "P-1", "customer": "C-1", "known": "2026-02-01", "amount": 100, "text": "INV-2"},
            {"id": "P-2", "customer": "C-1", "known": "2026-02-01", "amount": 50},
        ],
        "allocations": [{"payment": "P-1", "invoice": "INV-1", "amount": 100, "on": "2026-02-01"}],
    }
    ledger = make_ledger(scenario)
    matched = match_payments(ledger, date(2026, 3, 1))
    for name, frame in ledger.items():
        assert matched[name].equals(frame), name
    assert matched["core_payment_match"].height == 0


def test_a_match_carries_rule_confidence_and_the_source_of_the_payment():
    scenario = read(SCENARIOS[0].parent / "belgian_reference.yaml")
    line = match(scenario)["core_allocation"].row(0, named=True)
    assert line["match_rule"] == "structured_reference"
    assert line["match_confidence"] == CONFIDENCE[MatchRule.STRUCTURED_REFERENCE]
    assert (line["source_system"], line["source_id"]) == ("golden", "golden:1")


def test_a_match_that_the_source_overrules_is_taken_back_on_that_day():
    scenario = {
        "as_of": "2026-04-01",
        "invoices": [
            {"id": "INV-1", "customer": "C-1", "amount": 100},
            {"id": "INV-2", "customer": "C-2", "amount": 100},
        ],
        "payments": [{"id": "P-1", "known": "2026-02-01", "amount": 100, "text": "INV-1"}],
        "allocations": [{"payment": "P-1", "invoice": "INV-2", "amount": 100, "on": "2026-03-10"}],
    }
    matched = match(scenario)
    lines = matched["core_allocation"].sort("observed_at", "amount")
    assert lines.select("invoice_id", "amount", "allocated_at").rows() == [
        ("INV-1", Decimal(100), date(2026, 2, 1)),
        ("INV-1", Decimal(-100), date(2026, 3, 10)),
        ("INV-2", Decimal(100), date(2026, 3, 10)),
    ]
    open_amounts = build_instalment_balances(matched, date(2026, 4, 1)).select("invoice_id", "open_amount")
    assert dict(open_amounts.rows()) == {"INV-1": Decimal(100), "INV-2": Decimal(0)}
    assert build_unallocated_cash(matched).height == 0


def test_what_is_learned_on_the_as_of_day_is_not_looked_at():
    scenario = {
        "invoices": [{"id": "INV-1", "customer": "C-1", "amount": 100}],
        "payments": [{"id": "P-1", "known": "2026-02-01", "amount": 100, "text": "INV-1"}],
    }
    ledger = make_ledger(scenario)
    assert match_payments(ledger, date(2026, 2, 1))["core_payment_match"].height == 0
    assert match_payments(ledger, date(2026, 2, 2))["core_payment_match"]["status"].to_list() == ["matched"]


def test_a_payment_with_nothing_to_go_by_is_listed_and_belongs_to_nobody():
    ledger = make_ledger({"payments": [{"id": "P-1", "known": "2026-02-01", "amount": 100}]})
    row = match_payments(ledger, date(2026, 3, 1))["core_payment_match"].row(0, named=True)
    assert (row["status"], row["customer_id"], row["candidate_count"]) == ("unmatched", None, 0)
    assert row["reason"] == "It says neither what it is for nor who paid."
    assert isinstance(ledger["core_payment"], pl.DataFrame)


@pytest.mark.parametrize(
    ("files", "texts", "verdict"),
    [
        (["day.xml", "month.xml"], ["thanks", "thanks"], "warn"),
        (["day.xml", "day.xml"], ["thanks", "thanks"], "pass"),  # sent twice: one statement tells them apart
        (["day.xml", "month.xml"], ["thanks", "again"], "pass"),
    ],
)
def test_a_line_that_seems_to_be_on_two_statements_is_reported(files, texts, verdict):
    payments = [
        {"id": f"P-{number}", "known": "2026-02-02", "amount": 50, "text": text, "account": "BE01"}
        for number, text in enumerate(texts)
    ]
    ledger = make_ledger({"payments": payments})
    places = pl.Series("source_id", [f"{name}:{line}" for line, name in enumerate(files)])
    said = list_said_lines(ledger["core_payment"].with_columns(places))
    (found,) = describe_repeated_lines(said)
    assert found[5] == verdict
    assert ("P-0, P-1" in found[6]) == (verdict == "warn")
    assert not list(describe_repeated_lines(said.clear()))


def test_what_is_left_of_a_payment_for_two_customers_may_be_of_either():
    ledger = make_ledger(
        {
            "invoices": [
                {"id": "INV-1", "customer": "C-1", "amount": 60},
                {"id": "INV-2", "customer": "C-2", "amount": 40},
            ],
            "payments": [{"id": "P-1", "amount": 120, "known": "2026-02-01"}],
            "allocations": [
                {"payment": "P-1", "invoice": "INV-1", "amount": 60, "on": "2026-02-01"},
                {"payment": "P-1", "invoice": "INV-2", "amount": 40, "on": "2026-02-01"},
            ],
        }
    )
    cash = build_unallocated_cash(ledger).sort("customer_id")
    assert cash.select("customer_id", "unmatched_cash_amount", "possible_cash_amount").rows() == [
        ("C-1", 0, 20),
        ("C-2", 0, 20),
    ]
