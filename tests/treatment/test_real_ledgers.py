"""What is advised on the two real ledgers, which hold no contacts: the documented defaults, and nothing made up."""

from datetime import date, timedelta

import polars as pl
import pytest

from segmentation.domain.core_tables import DECISION
from segmentation.domain.settings import RiskSettings, TreatmentSettings
from segmentation.features.computation import compute_issue_features, compute_open_features
from segmentation.ledger.loading import load_ledger
from segmentation.risk.scoring import score_book
from segmentation.segments.segmentation import segment_customers
from segmentation.treatment.gates import close_gates
from segmentation.treatment.recommendation import recommend_steps

pytestmark = pytest.mark.real_ledger
CASES = {
    "b2b_ledger": ("b2b_ledger_2019", date(2019, 4, 1), 20),
    "ibm_accounts_receivable": ("ibm_accounts_receivable", date(2013, 5, 1), 0),
}
"""Folder, as-of day and the least number of notices and of other steps; amounts of 60 are not worth a step."""
SETTINGS = TreatmentSettings()
QUICK = RiskSettings(
    trees=20, hazard_trees=20, validation_folds=1, bootstrap_replicates=100, forecast_draws=100
)


@pytest.fixture(scope="module", params=list(CASES))
def advised(request, real_ledgers):
    folder, as_of, least = CASES[request.param]
    ledger = load_ledger(real_ledgers / folder, request.param, as_of).ledger
    features = compute_issue_features(ledger), compute_open_features(ledger, as_of)
    risk = score_book(*features, ledger, as_of, QUICK, 1)["pred_instalment_risk"]
    segment = segment_customers(ledger, as_of)
    gate = close_gates(ledger, DECISION.empty(), as_of, SETTINGS)
    found = recommend_steps(ledger, risk, segment, gate, as_of, SETTINGS)
    is_notice = found["action"] == "pre_due_notice"
    assert is_notice.sum() >= least
    assert ((found["action"] != "wait") & ~is_notice).sum() >= least
    return as_of, ledger, risk, found


def test_steps_are_those_of_the_documented_default_scenario_and_say_so(advised):
    *_, found = advised
    steps = found.filter(pl.col("action") != "wait")
    assert steps["reason_codes"].list.contains("default_scenario").all()
    assert (steps["evidence_global_share"] == 1.0).all()
    assert steps["reason_text"].str.contains("the documented default scenario does").all()


def test_nothing_is_claimed_that_only_contacts_could_tell(advised):
    *_, found = advised
    made_up = {"own_response_history", "best_answered_channel", "best_answered_slot", "exploration"}
    assert not set(found["reason_codes"].explode()) & made_up
    assert found["slot"].null_count() == found.height
    assert (found["propensity"] == 1.0).all()
    assert set(found["action"]) <= {"wait", "pre_due_notice", "reminder", "call"}
    assert (
        found.filter(pl.col("action") != "wait")["reason_codes"].list.contains("channel_not_verified").all()
    )


def test_a_notice_before_the_due_date_goes_only_to_whom_history_makes_late(advised):
    as_of, ledger, risk, found = advised
    notices = found.filter(pl.col("action") == "pre_due_notice")
    assert notices["reason_codes"].list.contains("likely_late").all()
    balance = ledger["core_instalment_balance"]
    assert (
        balance.filter("is_open", pl.col("due_date") < as_of).join(notices, "customer_id", "semi").is_empty()
    )
    coming = risk.filter(pl.col("due_date").is_between(as_of, as_of + timedelta(days=7)))
    most = coming.group_by("customer_id").agg(pl.col("late_prob").max())
    assert (notices.join(most, "customer_id", "left")["late_prob"] >= 0.5).all()
    past = balance.filter(~pl.col("is_open")).group_by("customer_id").agg((pl.col("days_late") > 0).mean())
    if not notices.is_empty():
        assert notices.join(past, "customer_id")["days_late"].mean() > 0.5 > past["days_late"].mean()


def test_every_row_is_explained(advised):
    *_, found = advised
    assert (found["reason_codes"].list.len() > 0).all()
    assert found["reason_text"].str.ends_with(".").all()
    assert not found["reason_text"].str.contains(r"\{|\}|null|None|NaN").any()
    steps = found.filter(pl.col("action") != "wait")
    assert (steps["would_change"].list.len() > 0).all()
