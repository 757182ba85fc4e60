from datetime import date, timedelta

import polars as pl
import pytest

from segmentation.domain.settings import SegmentSettings
from segmentation.segments.observations import classify_instalments, count_lateness

AS_OF = date(2026, 1, 1)


def _count(balance: pl.DataFrame, **settings: int) -> dict[str, object]:
    chosen = SegmentSettings(**settings)
    counts = count_lateness(classify_instalments(balance, AS_OF, chosen), chosen)
    return counts.row(0, named=True) if counts.height else {}


def _change(ledger, **values: object) -> pl.DataFrame:
    balance = ledger["core_instalment_balance"]
    return balance.with_columns(
        pl.lit(value).cast(balance.schema[name]).alias(name) for name, value in values.items()
    )


def test_one_day_beyond_terms_is_late_unless_grace_covers_it(make_ledger):
    balance = make_ledger({"A": [1, 0, -5]})["core_instalment_balance"]
    assert _count(balance)["late_count"] == 1
    assert _count(balance, grace_days=1)["late_count"] == 0
    assert _count(balance, grace_days=1)["settled_count"] == 3


def test_overdue_and_unpaid_is_already_late(make_ledger):
    unpaid = _change(make_ledger({"A": [20]}), is_open=True, covered_by=None, covered_date=None, days_late=60)
    counts = _count(unpaid)
    assert (counts["settled_count"], counts["late_count"]) == (1, 1)
    assert counts["typical_days_late"] is None, "nothing is settled yet"


@pytest.mark.parametrize("days_late", [0, -9])
def test_open_and_not_overdue_says_nothing_yet(make_ledger, days_late):
    waiting = _change(make_ledger({"A": [0]}), is_open=True, covered_by=None, days_late=days_late)
    assert _count(waiting) == {}


@pytest.mark.parametrize("covered_by", ["credit_note", "write_off"])
def test_what_a_payment_did_not_cover_says_nothing_about_paying(make_ledger, covered_by):
    assert _count(_change(make_ledger({"A": [40]}), covered_by=covered_by)) == {}


def test_the_suppliers_delay_is_excluded_and_counted_as_excluded(make_ledger):
    ledger = make_ledger({"A": [40, 5]})
    is_first = pl.col("invoice_id") == "A-0"
    balance = ledger["core_instalment_balance"].with_columns(is_supplier_caused=is_first)
    counts = _count(balance)
    assert (counts["settled_count"], counts["late_count"], counts["excluded_count"]) == (1, 1, 1)
    assert counts["typical_days_late"] == 5


def test_an_instalment_one_half_life_old_counts_for_half(make_ledger):
    due = AS_OF - timedelta(days=100)
    balance = _change(make_ledger({"A": [3]}), due_date=due)
    counts = _count(balance, half_life_days=100)
    assert counts["late_weight"] == 0.5
    assert counts["late_weight_squares"] == 0.25
    assert counts["prompt_weight"] == 0.0


def test_sums_do_not_depend_on_the_order_of_rows(make_ledger, mixed_book):
    balance = make_ledger(mixed_book)["core_instalment_balance"]
    settings = SegmentSettings()
    straight = count_lateness(classify_instalments(balance, AS_OF, settings), settings)
    shuffled = balance.sample(fraction=1.0, shuffle=True, seed=3)
    assert straight.equals(count_lateness(classify_instalments(shuffled, AS_OF, settings), settings))
