"""What became of a promise, worked by hand, and that every room judges it alike."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.promises import judge_promises

AS_OF = date(2026, 3, 10)
PROMISED = date(2026, 3, 1)


def _ledger(
    covered: date | None, status: str | None, amount: int | None = None, paid: tuple[date, int] | None = None
) -> dict[str, pl.DataFrame]:
    rows = {
        "core_instalment_balance": {
            "invoice_id": "I",
            "instalment_number": 1,
            "is_open": covered is None,
            "covered_date": covered,
        },
        "core_promise_to_pay": {
            "promise_id": "P",
            "invoice_id": "I",
            "made_at": date(2026, 2, 20),
            "promised_date": PROMISED,
            "amount": amount,
            "status": status,
        },
    }
    if paid is not None:
        rows["core_payment"] = {"payment_id": "M", "value_date": paid[0], "amount": Decimal(paid[1])}
        rows["core_allocation"] = {"payment_id": "M", "invoice_id": "I", "amount": Decimal(paid[1])}
    ledger = {name: table.empty() for name, table in LEDGER_TABLES.items()}
    return ledger | {name: LEDGER_TABLES[name].conform(pl.DataFrame([row])) for name, row in rows.items()}


def _state(ledger: dict[str, pl.DataFrame], as_of: date = AS_OF, **grace: int) -> str:
    return str(judge_promises(ledger, as_of, **grace)["state"].item())


@pytest.mark.parametrize(
    ("covered", "status", "state"),
    [
        (PROMISED, None, "kept"),
        (PROMISED + timedelta(3), None, "kept"),
        (PROMISED + timedelta(4), None, "broken"),
        (None, None, "broken"),
        (None, "open", "broken"),
        (None, "kept", "kept"),
        (PROMISED, "partial", "broken"),
        (PROMISED, "broken", "broken"),
    ],
)
def test_money_within_grace_or_the_word_of_the_source_keeps_a_promise(covered, status, state):
    assert _state(_ledger(covered, status)) == state


@pytest.mark.parametrize("covered", [None, date(2026, 2, 25)])
def test_a_promise_is_open_until_its_last_day_has_passed(covered):
    ledger = _ledger(covered, None)
    assert _state(ledger, PROMISED + timedelta(3)) == "open"
    assert _state(ledger, PROMISED + timedelta(4)) != "open"
    assert _state(ledger, PROMISED + timedelta(4), grace_days=4) == "open"


@pytest.mark.parametrize(
    ("paid", "state"),
    [
        ((date(2026, 2, 20), 500), "kept"),
        ((date(2026, 3, 4), 500), "kept"),
        ((date(2026, 3, 5), 500), "broken"),
        ((date(2026, 2, 19), 500), "broken"),
        ((date(2026, 3, 1), 499), "broken"),
    ],
)
def test_the_promised_amount_since_it_was_made_keeps_a_promise_about_a_part(paid, state):
    assert _state(_ledger(None, None, 500, paid)) == state
