"""Every feature at every moment equals what a slow, obvious computation finds."""

import datetime as dt
import math

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segmentation.features import engine
from segmentation.features.computation import (
    compute_customer_features,
    compute_feature_tables,
    compute_issue_features,
    compute_open_features,
    stream_issue_features,
)
from segmentation.features.definitions import FEATURE_TABLES, FEATURES, features_about
from segmentation.features.feature import Scope
from tests.features.ledgers import FAR, day, known_on, random_corrected_facts, random_ledger
from tests.features.oracle import Oracle, Owed


def assert_same(row: dict, expected: dict, names: list[str]) -> None:
    for name in names:
        found, wanted = row[name], expected[name]
        same = (
            found is wanted
            if found is None or wanted is None
            else math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
        )
        assert same, (name, found, wanted, row)


@pytest.fixture(scope="module", params=[1, 2, 3])
def ledger(request):
    return random_ledger(request.param, invoices=700, customers=25)


@pytest.fixture(scope="module")
def oracle(ledger):
    return Oracle(ledger)


def test_features_at_issue_equal_the_oracle(ledger, oracle):
    frame = compute_issue_features(ledger)
    assert frame.height == ledger["core_instalment_balance"].height
    names = [f.name for f in features_about(Scope.CUSTOMER, Scope.INSTALMENT)]
    for row in frame.iter_rows(named=True):
        expected = oracle.instalment(row["invoice_id"], row["instalment_number"], row["as_of_date"])
        assert_same(row, expected, names)


@pytest.mark.parametrize("offset", [150, 500, 1200])
def test_open_features_equal_the_oracle(ledger, oracle, offset):
    as_of = day(offset)
    frame = compute_open_features(ledger, as_of)
    keys = sorted(frame.select("invoice_id", "instalment_number").iter_rows())
    assert keys == oracle.open_keys(as_of)
    for row in frame.iter_rows(named=True):
        expected = oracle.open_instalment(row["invoice_id"], row["instalment_number"], as_of)
        assert_same(row, expected, [f.name for f in FEATURES])


@pytest.mark.parametrize("offset", [150, 500, 1200])
def test_customer_features_equal_the_oracle(ledger, oracle, offset):
    as_of = day(offset)
    frame = compute_customer_features(ledger, as_of)
    named = {r["customer_id"] for r in ledger["core_customer"].to_dicts() if r["observed_at"].date() < as_of}
    invoiced = {c for c, owed in oracle.owed.items() if any(o.enter < as_of for o in owed)}
    assert set(frame["customer_id"]) == named | invoiced
    names = [f.name for f in features_about(Scope.CUSTOMER)]
    for row in frame.iter_rows(named=True):
        assert_same(row, oracle.customer(row["customer_id"], as_of, None), names)
        assert row["as_of_date"] == as_of


def as_first_known(facts, invoice, number):
    """Customer, instalment and moment of its issue, by what was known first of both invoice and instalment."""

    def versions(name, **key):
        rows = facts[name].filter(**key).sort("observed_at").to_dicts()
        return [row | {"seen": row["observed_at"].date()} for row in rows]

    invoices, parts = (
        versions("core_invoice", invoice_id=invoice),
        versions("core_instalment", invoice_id=invoice),
    )
    of_part = [row for row in parts if row["instalment_number"] == number]
    first = max(rows[0]["seen"] for rows in (invoices, of_part) if rows)
    document = [row for row in invoices if row["seen"] <= first][-1]
    then = {row["instalment_number"]: row for row in parts if row["seen"] <= first}
    part = then.get(number, document)
    agreed = max((row["seen"] for row in then.values()), default=dt.date.min)
    is_later = agreed > max(document["issue_date"], document["seen"])
    moment = max(document["issue_date"], agreed) if is_later else document["issue_date"]
    own = (
        invoice,
        number,
        document["currency"],
        document["issue_date"],
        document["issue_date"],
        part["due_date"],
    )
    return document["customer_id"], Owed(*own, int(part["amount"] * 1000), [], []), moment


def test_features_at_issue_are_those_of_a_ledger_of_that_day_whatever_was_corrected_since():
    facts = random_corrected_facts(5, invoices=200, customers=8, span=400)
    frame = compute_issue_features(known_on(facts, FAR))
    names = [f.name for f in features_about(Scope.CUSTOMER, Scope.INSTALMENT)]
    looked = frame.filter(pl.col("as_of_date").hash(1) % 6 == 0)
    assert looked.height > 20
    for (as_of,), rows in looked.group_by("as_of_date"):
        then = Oracle(known_on(facts, as_of))
        for row in rows.iter_rows(named=True):
            customer, own, moment = as_first_known(facts, row["invoice_id"], row["instalment_number"])
            assert (row["customer_id"], row["as_of_date"]) == (customer, moment)
            assert_same(row, then.about(customer, own, as_of), names)


def test_the_ledgers_of_this_test_have_what_makes_history_hard(ledger):
    issue = compute_issue_features(ledger)
    assert issue["as_of_date"].n_unique() < issue.height / 2
    assert ledger["core_payment"]["reversal_of"].drop_nulls().len() > 20
    for feature in FEATURES:
        if feature.scope is not Scope.OPEN_INSTALMENT:
            assert issue[feature.name].n_unique() > 1, feature.name
    assert issue["as_of_date"].min() >= dt.date(2020, 1, 1)


def test_the_size_of_a_batch_changes_nothing(ledger, monkeypatch):
    whole = compute_issue_features(ledger)
    monkeypatch.setattr(engine, "BATCH_MOMENTS", 20)
    frames = list(stream_issue_features(ledger))
    assert len(frames) > 10
    assert_frame_equal(pl.concat(frames), whole, check_exact=True)


def test_all_tables_from_one_reading_are_those_of_each_alone(ledger):
    as_of = day(500)
    tables = compute_feature_tables(ledger, as_of)
    assert_frame_equal(tables["feat_instalment_at_issue"], compute_issue_features(ledger), check_exact=True)
    assert_frame_equal(tables["feat_open_instalment"], compute_open_features(ledger, as_of), check_exact=True)
    assert_frame_equal(tables["feat_customer"], compute_customer_features(ledger, as_of), check_exact=True)
    assert set(tables) == set(FEATURE_TABLES)
