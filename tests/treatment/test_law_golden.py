"""The packs against cases worked by hand, each with the rule beside it (tests/golden/law)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import yaml

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.settings import TreatmentSettings
from segmentation.treatment.contact_gates import close_on_frequency
from segmentation.treatment.contact_hours import is_lawful, resolve_hours
from segmentation.treatment.costs import (
    cap_costs,
    cap_reminder_fee,
    cost_ceiling,
    count_interest,
    limit_due_date,
)
from segmentation.treatment.gates import list_customers
from segmentation.treatment.jurisdiction import assign_packs, load_pack
from segmentation.treatment.waiting_period import close_on_waiting_period
from tests.treatment.conftest import Book

FOLDER = Path(__file__).parents[1] / "golden" / "law"


def read(name: str):
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def spread(name: str) -> list[dict]:
    """Every case with what its group says once."""
    return [
        {**{k: v for k, v in group.items() if k != "cases"}, **case}
        for group in read(name)
        for case in group["cases"]
    ]


def name(case: dict) -> str:
    return " ".join(str(value) for key, value in case.items() if key not in {"rule", "working"})


TABLES = {
    key: LEDGER_TABLES[key] for key in ("core_customer", "core_instalment_balance", "core_contact_event")
}

MONEY, FREQUENCY = read("money"), read("frequency")


def test_there_are_two_hundred_cases_each_with_its_rule_and_working():
    cases = [
        *spread("costs"),
        *spread("waiting"),
        *spread("hours"),
        *(c for part in MONEY.values() for c in part),
        *FREQUENCY["cases"],
    ]
    assert len(cases) >= 200
    assert all(case["rule"] and case["working"] for case in cases)


@pytest.mark.parametrize("case", spread("costs"), ids=name)
def test_costs(case):
    pack, principal = load_pack(case["pack"]), Decimal(case["principal"])
    assert cap_costs(pack, principal) == Decimal(case["costs"]), case["working"]
    column = pl.DataFrame({"a": [principal]}, schema={"a": pl.Decimal(18, 3)}).select(
        cost_ceiling(pack, pl.col("a"))
    )
    assert column.item() == Decimal(case["costs"]), case["working"]


@pytest.mark.parametrize("case", spread("hours"), ids=name)
def test_hours(case):
    hours = resolve_hours(case["pack"], case["country"], None, case["timezone"], TreatmentSettings())
    assert is_lawful(hours, datetime.fromisoformat(case["at"]).astimezone(UTC)) is case["is_open"], case[
        "working"
    ]


@pytest.mark.parametrize("case", spread("waiting"), ids=name)
def test_waiting(case):
    sent = datetime.fromisoformat(case["sent"])
    received = datetime.fromisoformat(case["received"]) if "received" in case else None
    book = Book().customer(party_type=case["party_type"], country=case["country"]).invoice()
    book.add(
        "contact_event", contact_id="K", customer_id="C", direction=case.get("direction", "outbound"),
        channel=case["channel"], sent_at=sent.astimezone(UTC), dunning_level=case.get("level", 1),
        delivered_at=received.astimezone(UTC) if received else None,
    )  # fmt: skip
    ledger = {key: Book._frame(table, book.rows[key]) for key, table in TABLES.items()}
    settings = TreatmentSettings(waiting_period_days=case.get("waiting_period_days", 14))
    as_of = sent.date() + timedelta(days=1)
    closed = close_on_waiting_period(ledger, find_places(ledger, as_of), as_of, settings)
    expected = [] if case["free_on"] is None else [case["free_on"]]
    assert closed["lifts_on"].to_list() == expected, case["working"]


@pytest.mark.parametrize("case", MONEY["interest"], ids=name)
def test_interest(case):
    found = count_interest(
        load_pack(case["pack"]), Decimal(case["principal"]), case["due"], case["until"],
        waiting_ends_on=case.get("waiting_ends_on"),
    )  # fmt: skip
    assert found == Decimal(case["interest"]), case["working"]


@pytest.mark.parametrize("case", MONEY["fees"], ids=name)
def test_fees(case):
    found = cap_reminder_fee(
        load_pack(case["pack"]), earlier_count=case["earlier"], is_regular=case["is_regular"],
        due_dates_reminded=case["due_dates"],
    )  # fmt: skip
    assert found == Decimal(case["fee"]), case["working"]


@pytest.mark.parametrize("case", MONEY["terms"], ids=name)
def test_terms(case):
    found = limit_due_date(load_pack(case["pack"]), case["country"], case["invoiced"], case["due"])
    assert found == case["legal"], case["working"]


@pytest.mark.parametrize("case", FREQUENCY["cases"], ids=name)
def test_frequency(case):
    as_of: date = FREQUENCY["as_of"]
    book = Book().customer().invoice()
    for number, days in enumerate(case["days_ago"]):
        sent = datetime.combine(as_of - timedelta(days=days), datetime.min.time(), UTC) + timedelta(hours=9)
        book.add("contact_event", contact_id=f"K{number}", customer_id="C", direction="outbound", channel="email", sent_at=sent, dunning_level=2)  # fmt: skip
    ledger = {key: Book._frame(table, book.rows[key]) for key, table in TABLES.items()}
    closed = close_on_frequency(ledger, find_places(ledger, as_of), as_of, TreatmentSettings())
    assert dict(closed.select("gate", "lifts_on").iter_rows()) == case["gates"], case["working"]


def find_places(ledger, as_of: date) -> pl.DataFrame:
    customers = list_customers(ledger)
    return customers.join(assign_packs(customers, as_of, "strictest"), on="customer_id")
