from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segmentation.domain.settings import SegmentSettings
from segmentation.segments.observations import classify_instalments, observe_customers

AS_OF = date(2026, 1, 1)


def _count(balance: pl.DataFrame, **settings: int) -> dict[str, object]:
    chosen = SegmentSettings(**settings)
    observed = observe_customers(classify_instalments(balance, AS_OF, chosen), pl.Series(["A"]), chosen)
    return observed.counts.row(0, named=True)


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
    assert _count(waiting)["settled_count"] == 0


@pytest.mark.parametrize("covered_by", ["credit_note", "write_off"])
def test_what_a_payment_did_not_cover_says_nothing_about_paying(make_ledger, covered_by):
    assert _count(_change(make_ledger({"A": [40]}), covered_by=covered_by))["settled_count"] == 0


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
    shuffled = balance.sample(fraction=1.0, shuffle=True, seed=3)
    names = balance["customer_id"].unique().sort()
    first, second = (
        observe_customers(classify_instalments(rows, AS_OF, settings), names, settings).counts
        for rows in (balance, shuffled)
    )
    assert first.equals(second)
    assert first["settled_count"].sum() == balance.height


def test_counts_are_those_of_a_plain_group_by(make_ledger, mixed_book):
    balance = make_ledger(mixed_book)["core_instalment_balance"]
    settings = SegmentSettings(half_life_days=100)
    known = classify_instalments(balance, AS_OF, settings)
    late = pl.col("is_late")
    weight = 2.0 ** (-pl.col("age_days") / 100)
    plain = (
        known.group_by("customer_id")
        .agg(
            settled_count=pl.len().cast(pl.Int64),
            late_count=late.sum().cast(pl.Int64),
            late_weight=weight.filter(late).sum(),
            prompt_weight_squares=(weight**2).filter(~late).sum(),
            late_span_days=(
                pl.col("due_date").filter(late).max() - pl.col("due_date").filter(late).min()
            ).dt.total_days(),
            typical_days_late=pl.col("days_late").median(),
        )
        .sort("customer_id")
    )
    found = observe_customers(known, plain["customer_id"], settings).counts.select(plain.columns)
    assert_frame_equal(found, plain, abs_tol=1e-4)


def _severity(balance: pl.DataFrame) -> float:
    return _count(balance)["severity_days"]


def test_severity_weighs_each_delay_by_its_amount(make_ledger):
    balance = make_ledger({"A": [30, 0, -9]})["core_instalment_balance"]
    first = pl.col("invoice_id") == "A-0"
    assert _severity(balance) == 10.0
    large = balance.with_columns(amount=pl.when(first).then(pl.col("amount") * 8).otherwise("amount"))
    assert _severity(large) == 24.0, "the large one was late"


def test_severity_does_not_mix_currencies_or_mind_their_unit(make_ledger):
    balance = make_ledger({"A": [30, 0, 6, 6]})["core_instalment_balance"]
    in_yen = pl.col("invoice_id").is_in(["A-2", "A-3"])
    currency = pl.when(in_yen).then(pl.lit("JPY")).otherwise(pl.lit("EUR"))
    amount = pl.when(in_yen).then(pl.col("amount") * 160).otherwise("amount")
    assert _severity(balance.with_columns(currency=currency, amount=amount)) == 10.5
    assert _severity(balance.with_columns(currency=currency)) == 10.5


def test_histories_hold_each_instalment_in_its_period(make_ledger):
    balance = make_ledger({"A": [5, -1, -1], "B": [4]})["core_instalment_balance"]
    known = classify_instalments(balance, AS_OF, SegmentSettings())
    found = observe_customers(known, pl.Series(["B", "none", "A"]), SegmentSettings()).histories
    # Due 60, 74 and 88 days before the as-of day: all in the third period back, the first of three columns.
    assert found.late.tolist() == [[1, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert found.prompt.tolist() == [[0, 0, 0], [0, 0, 0], [2, 0, 0]]


def test_many_instalments_of_one_period_count_in_proportion(make_ledger):
    balance = make_ledger({"A": [5] * 150 + [-1] * 50})["core_instalment_balance"].with_columns(
        due_date=pl.lit(AS_OF - timedelta(days=40))
    )
    known = classify_instalments(balance, AS_OF, SegmentSettings())
    found = observe_customers(known, pl.Series(["A"]), SegmentSettings()).histories
    assert (found.late.sum(), found.prompt.sum()) == (48, 16)
