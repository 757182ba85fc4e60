"""Nothing that is observed on or after the as-of day may reach a prediction; alarms go off when it does."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segmentation.features.computation import compute_issue_features
from segmentation.risk.alarms import LEAK_AUC, find_leaking_features, leak_warnings
from segmentation.risk.cohort import build_cohort, day_number
from segmentation.risk.inputs import feature_columns

CUT = date(2024, 10, 1)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_shuffling_what_happened_later_changes_no_score(seed, make_invoices, build_ledger, score_ledger):
    rng = np.random.default_rng(seed)
    cut = date(2024, 7, 1) + timedelta(days=int(rng.integers(0, 180)))
    rows = make_invoices(seed, customers=25, invoices=350)
    later = pl.col("paid_date") >= cut
    shuffled = rows.with_columns(
        paid_date=pl.when(later)
        .then(pl.lit(cut) + pl.duration(days=pl.Series(rng.integers(0, 200, rows.height))))
        .otherwise("paid_date")
    )
    deleted = rows.filter(pl.col("issue_date") < cut).with_columns(
        paid_date=pl.when(later).then(None).otherwise("paid_date")
    )
    scores = [score_ledger(build_ledger(world, cut), cut) for world in (rows, shuffled, deleted)]
    for name, frame in scores[0].items():
        assert_frame_equal(frame, scores[1][name])
        assert_frame_equal(frame, scores[2][name])


def _cohort(ledger, plant=None):
    features = compute_issue_features(ledger)
    balance = ledger["core_instalment_balance"]
    names = feature_columns(features, features)
    if plant is not None:
        features = features.join(plant, on=["invoice_id", "instalment_number"])
        names = [*names, "planted"]
    return build_cohort(features, balance, names, {})


def test_terms_and_amounts_corrected_after_the_issue_are_not_learned_from(facts, as_of, know_facts):
    longer = {"due_date": pl.col("due_date").dt.offset_by("40d"), "amount": pl.col("amount") * 3}
    learned = pl.lit(as_of - timedelta(days=1)).cast(pl.Datetime("us", "UTC")).alias("observed_at")
    corrected = dict(facts)
    for name in ("core_invoice", "core_instalment"):
        again = facts[name].gather_every(3).with_columns(learned, **longer)
        corrected[name] = pl.concat([facts[name], again.cast(facts[name].schema)])
    known = know_facts(corrected, as_of)
    assert known["core_superseded_invoice"].height > facts["core_invoice"].height // 4
    before, after = _cohort(know_facts(facts, as_of)), _cohort(known)
    assert len(before) > facts["core_invoice"].height // 2
    np.testing.assert_array_equal(before.features, after.features)
    np.testing.assert_array_equal(before.due, after.due)
    np.testing.assert_array_equal(before.issue, after.issue)


def test_honest_features_raise_no_alarm(ledger, as_of):
    cohort = _cohort(ledger)
    assert find_leaking_features(cohort, cohort.outcome_before(day_number(as_of)).late_after(0)) == []


@pytest.mark.parametrize("kind", ["days late", "filled in when settled"])
def test_a_column_that_knows_the_outcome_raises_the_alarm(kind, ledger, as_of):
    late = pl.col("days_late") > 0
    value = pl.col("days_late").cast(pl.Float64) if kind == "days late" else pl.when(late).then(1.0)
    plant = ledger["core_instalment_balance"].select("invoice_id", "instalment_number", planted=value)
    cohort = _cohort(ledger, plant)
    found = find_leaking_features(cohort, cohort.outcome_before(day_number(as_of)).late_after(0))
    assert found == ["planted"]


def test_a_result_better_than_a_random_split_is_suspicious():
    assert leak_warnings({"value": 0.97, "low": 0.95}, 0.83, []) != []
    assert leak_warnings({"value": 0.82, "low": 0.80}, 0.83, []) == []
    assert leak_warnings({"value": 0.88, "low": 0.82}, 0.83, []) == [], "a small window may be lucky"
    assert leak_warnings({"value": None, "low": None}, None, []) == []
    assert 0.9 < LEAK_AUC < 1.0


def test_a_payment_learned_later_leaves_the_instalment_open_before(make_invoices, build_ledger):
    rows = make_invoices(1, customers=5, invoices=60)
    ledger = build_ledger(rows, date(2025, 6, 1))
    cohort = _cohort(ledger)
    day = day_number(CUT)
    outcome = cohort.outcome_before(day)
    paid_before = cohort.paid < day
    assert (outcome.is_paid == paid_before).all()
    assert (outcome.last_open_day[~paid_before] == day - 1 - cohort.due[~paid_before]).all()


def test_a_credit_note_ends_the_observation_and_is_no_payment(ledger):
    balance = ledger["core_instalment_balance"].with_columns(
        covered_by=pl.when(pl.col("covered_by").is_not_null()).then(pl.lit("credit_note"))
    )
    cohort = _cohort({**ledger, "core_instalment_balance": balance})
    day = day_number(date(2025, 1, 1))
    outcome = cohort.outcome_before(day)
    assert not outcome.is_paid.any()
    closed = cohort.closed < day
    assert (outcome.last_open_day[closed] == cohort.closed[closed] - 1 - cohort.due[closed]).all()


def test_the_supplier_s_own_lateness_is_not_trained_on(ledger, quick):
    from segmentation.risk.candidates import fit_candidates
    from segmentation.risk.grid import Grid

    flagged = ledger["core_instalment_balance"].with_columns(is_supplier_caused=pl.col("days_late") > 0)
    cohort = _cohort({**ledger, "core_instalment_balance": flagged})
    fitted = fit_candidates(
        cohort, day_number(date(2025, 1, 1)), Grid.up_to(180), quick, 1, with_models=False
    )
    assert fitted.late_count == 0
    assert fitted.training_count > 0
