"""An export without open invoices is noticed; a complete one, or an earlier day, is not."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from segmentation.ledger.loading import load_ledger
from segmentation.ledger.quality import build_quality
from segmentation.ledger.truncation import TRUNCATION_CHECK, find_truncation
from segmentation.risk.cohort import build_cohort, drop_incomplete

FIRST, DAYS = date(2025, 1, 1), 365
AS_OF = FIRST + timedelta(days=DAYS)


def balances(seed, *, per_day=3, customers=60, mean_days=25, until=AS_OF):
    """Return invoices of a year, paid after a gamma-distributed time that depends on the customer."""
    rng = np.random.default_rng(seed)
    count = per_day * DAYS
    issue = rng.integers(0, DAYS, count)
    customer = rng.integers(0, customers, count)
    pace = rng.lognormal(0, 0.5, customers)
    paid = issue + rng.gamma(3, mean_days / 3, count) * pace[customer]
    known = paid < (until - FIRST).days
    days = pl.DataFrame({"issue": issue, "paid": np.where(known, paid, -1).astype(int)})
    return days.select(
        pl.Series("customer_id", customer).cast(pl.String),
        (pl.lit(FIRST) + pl.duration(days="issue")).alias("issue_date"),
        (pl.lit(FIRST) + pl.duration(days="issue")).alias("issued_known_date"),
        pl.when(pl.col("paid") >= 0)
        .then(pl.lit(FIRST) + pl.duration(days="paid"))
        .alias("covered_known_date"),
    ).filter(pl.col("issue_date") < until)


def settled(rows):
    return rows.filter(pl.col("covered_known_date").is_not_null())


def test_complete_exports_are_taken_for_complete_and_settled_ones_for_truncated():
    worlds = [balances(seed, per_day=1 + seed % 5, mean_days=10 + seed) for seed in range(60)]
    assert [seed for seed, rows in enumerate(worlds) if find_truncation(rows, AS_OF).complete_until] == []
    assert all(find_truncation(settled(rows), AS_OF).complete_until for rows in worlds)


@pytest.mark.parametrize("days", [14, 30, 45])
def test_open_invoices_that_are_young_do_not_hide_that_the_old_ones_are_missing(days):
    """An export of what is settled or not yet due."""
    for seed in range(5):
        rows = balances(seed, per_day=5, mean_days=40)
        is_young = pl.col("issue_date") > AS_OF - timedelta(days=days)
        found = find_truncation(rows.filter(is_young | pl.col("covered_known_date").is_not_null()), AS_OF)
        assert found.complete_until
        assert found.open_count < 0.5 * found.expected_count


@pytest.mark.parametrize("seed", range(5))
def test_what_was_issued_up_to_the_day_that_is_named_is_complete(seed):
    rows = balances(seed)
    until = find_truncation(settled(rows), AS_OF).complete_until
    before = rows.filter(pl.col("issue_date") <= until)
    after = rows.filter(pl.col("issue_date") > until)
    assert before["covered_known_date"].null_count() < 0.01 * before.height
    assert after["covered_known_date"].null_count() > 0.05 * after.height
    assert until > AS_OF - timedelta(days=DAYS // 2 + 5)


def test_before_the_truncated_zone_nothing_is_found():
    rows = settled(balances(1))
    early = FIRST + timedelta(days=200)
    known = rows.filter(pl.col("issue_date") < early).with_columns(
        pl.when(pl.col("covered_known_date") < early).then("covered_known_date").alias("covered_known_date")
    )
    assert find_truncation(known, early).complete_until is None


def test_asking_long_after_the_export_changes_nothing():
    rows = settled(balances(2))
    assert find_truncation(rows, AS_OF + timedelta(days=300)) == find_truncation(rows, AS_OF)


def test_faster_payers_are_not_missing_payers():
    slow, fast = balances(3, mean_days=30), balances(4, mean_days=20)
    middle = FIRST + timedelta(days=200)
    rows = pl.concat(
        [slow.filter(pl.col("issue_date") < middle), fast.filter(pl.col("issue_date") >= middle)]
    )
    assert find_truncation(rows, AS_OF).complete_until is None


def test_an_empty_or_single_day_ledger_is_not_judged():
    assert find_truncation(balances(1).clear(), AS_OF) is None
    assert find_truncation(balances(1).filter(pl.col("issue_date") == FIRST), AS_OF) is None


def test_a_simulated_ledger_is_complete_until_its_open_invoices_are_taken_out(small_ledger):
    loaded = load_ledger(small_ledger, "canonical")

    def verdict(balance):
        ledger = loaded.ledger | {"core_instalment_balance": balance}
        quality = build_quality(loaded.ledger["core_quality"].clear(), ledger, loaded.as_of)
        return quality.filter(pl.col("check_name") == TRUNCATION_CHECK).row(0, named=True)

    balance = loaded.ledger["core_instalment_balance"]
    assert verdict(balance)["verdict"] == "pass"
    found = verdict(balance.filter(~pl.col("is_open")))
    assert found["verdict"] == "warn"
    until = find_truncation(balance.filter(~pl.col("is_open")), loaded.as_of).complete_until
    assert f"after {until}" in found["statement"]


def test_nothing_is_learned_from_the_truncated_zone(small_ledger):
    loaded = load_ledger(small_ledger, "canonical")
    balance = loaded.ledger["core_instalment_balance"]
    features = balance.select("invoice_id", "instalment_number", pl.lit(1.0).alias("x"))
    whole = build_cohort(features, balance, ["x"], {})
    assert drop_incomplete(whole, balance, loaded.as_of) is whole
    kept = balance.filter(~pl.col("is_open"))
    cut = drop_incomplete(build_cohort(features, kept, ["x"], {}), kept, loaded.as_of)
    until = find_truncation(kept, loaded.as_of).complete_until
    assert 0 < len(cut) < kept.height
    assert cut.issue.max() <= (until - date(1970, 1, 1)).days


@pytest.mark.real_ledger
def test_the_settled_sample_is_truncated_from_the_end_of_october_2013(real_ledgers):
    loaded = load_ledger(real_ledgers / "ibm_accounts_receivable", "ibm_accounts_receivable")
    found = find_truncation(loaded.ledger["core_instalment_balance"], loaded.as_of)
    assert date(2013, 10, 15) <= found.complete_until <= date(2013, 11, 5)
    earlier = load_ledger(
        real_ledgers / "ibm_accounts_receivable", "ibm_accounts_receivable", date(2013, 10, 1)
    )
    assert find_truncation(earlier.ledger["core_instalment_balance"], earlier.as_of).complete_until is None
    book = load_ledger(real_ledgers / "b2b_ledger_2019", "b2b_ledger")
    assert find_truncation(book.ledger["core_instalment_balance"], book.as_of).complete_until is None
