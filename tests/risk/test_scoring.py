"""What a credit manager or a dunning system may rely on in the scores of the open book."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segmentation.domain.hashing import hash_frame
from segmentation.domain.reasons import BASE, REASON_SENTENCES, STILL_OPEN
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.validation import find_violations
from segmentation.features.reasons import ReasonGroup
from segmentation.risk.comparison import choose_speakers

TABLES = (
    "pred_instalment_risk",
    "pred_risk_reason",
    "pred_cash_forecast",
    "pred_model_comparison",
    "pred_reliability",
    "pred_monitoring",
    "pred_model_card",
    "pred_model",
)


def assert_valid(frames):
    for name in TABLES:
        assert find_violations(frames[name], ROOM_TABLES[name]) == [], name


def test_every_open_instalment_is_scored_and_every_table_keeps_its_definition(scored, ledger):
    assert_valid(scored)
    open_ = ledger["core_instalment_balance"].filter("is_open")
    assert (
        scored["pred_instalment_risk"]["invoice_id"].sort().to_list() == open_["invoice_id"].sort().to_list()
    )


def test_figures_of_one_instalment_agree_with_each_other(scored, as_of):
    risk = scored["pred_instalment_risk"]
    assert (risk["late_90_prob"] <= risk["late_30_prob"]).all()
    assert (risk["late_30_prob"] <= risk["late_prob"]).all()
    assert (risk["paid_7_prob"] <= risk["paid_14_prob"]).all()
    assert (risk["paid_14_prob"] <= risk["paid_30_prob"]).all()
    assert (risk["payment_date_p10"] <= risk["payment_date_p50"]).all()
    assert (risk["payment_date_p50"] <= risk["payment_date_p90"]).all()
    assert (risk["payment_date_p10"] >= as_of).all()
    overdue = risk.filter(pl.col("due_date") < as_of)
    assert overdue.height
    assert (overdue["late_prob"] == 1.0).all()
    assert (overdue["days_late"] > 0).all()


def test_a_model_that_beats_the_baselines_speaks_and_the_comparison_says_so(scored):
    comparison = scored["pred_model_comparison"].filter(pl.col("depth") == "all")
    speaking = comparison.filter("is_published")["model"].to_list()
    assert len(speaking) >= 1
    assert any(name.endswith(("hazard", "blend")) for name in speaking)
    prevalence = comparison.filter(pl.col("model") == "prevalence")["late_brier"][0]
    assert comparison.filter("is_published")["late_brier"].min() < prevalence
    used = {version.rsplit("-", 1)[0] for version in scored["pred_instalment_risk"]["model_version"]}
    assert used <= set(scored["pred_model_comparison"].filter("is_published")["model"])


def test_reasons_add_up_to_the_score(scored):
    sums = (
        scored["pred_risk_reason"]
        .group_by("invoice_id", "instalment_number")
        .agg(pl.col("contribution").sum().alias("log_odds"))
    )
    risk = scored["pred_instalment_risk"].filter(pl.col("days_late") <= 0).join(sums, on="invoice_id")
    expected = (risk["late_prob"] / (1 - risk["late_prob"])).log()
    assert risk.height
    np.testing.assert_allclose(risk["log_odds"].to_numpy(), expected.to_numpy(), atol=1e-9)


def test_reason_codes_are_the_strongest_groups_with_their_direction_and_have_words(scored):
    risk, reasons = scored["pred_instalment_risk"], scored["pred_risk_reason"]
    for row in risk.iter_rows(named=True):
        own = reasons.filter((pl.col("invoice_id") == row["invoice_id"]) & (pl.col("reason_code") != BASE))
        strongest = own.sort(pl.col("contribution").abs(), descending=True).head(3).rows(named=True)
        expected = [
            f"{part['reason_code']}_{'up' if part['contribution'] > 0 else 'down'}"
            for part in strongest
            if abs(part["contribution"]) >= 0.05
        ]
        assert row["reason_codes"] == expected
        assert all(REASON_SENTENCES[code] for code in row["reason_codes"])


def test_the_evidence_of_a_reason_is_of_the_same_customer_and_shows_what_the_reason_says(scored, ledger):
    balance = ledger["core_instalment_balance"]
    late = set(balance.filter(pl.col("days_late") > 0)["invoice_id"])
    owner = dict(balance.select("invoice_id", "customer_id").iter_rows())
    reasons = scored["pred_risk_reason"]
    assert reasons.filter(pl.col("rank").is_null())["evidence_invoice_ids"].list.len().sum() == 0
    shown = reasons.filter(pl.col("evidence_invoice_ids").list.len() > 0)
    lateness = shown.filter(
        pl.col("reason_code").is_in(["past_lateness", "recent_lateness", "typical_delay"])
    )
    assert lateness.height
    for row in shown.iter_rows(named=True):
        assert len(row["evidence_invoice_ids"]) <= 3
        assert {owner[invoice] for invoice in row["evidence_invoice_ids"]} == {owner[row["invoice_id"]]}
    for row in lateness.iter_rows(named=True):
        assert {invoice in late for invoice in row["evidence_invoice_ids"]} == {row["contribution"] > 0}


def test_evidence_names_the_latest_first_and_nothing_that_came_later(ledger, scored, as_of):
    paid = ledger["core_instalment_balance"].filter(pl.col("covered_by") == "payment")
    known = paid.select("customer_id", "invoice_id", "covered_known_date", "days_late")
    assert (known["covered_known_date"] < as_of).all()
    reason = scored["pred_risk_reason"].filter(
        (pl.col("reason_code") == "past_lateness") & (pl.col("contribution") < 0) & (pl.col("rank") > 0)
    )
    row = reason.row(0, named=True)
    customer = paid.filter(pl.col("invoice_id") == row["evidence_invoice_ids"][0])["customer_id"][0]
    prompt = known.filter((pl.col("customer_id") == customer) & (pl.col("days_late") <= 0))
    newest = prompt.sort("covered_known_date", "invoice_id", descending=[True, False])["invoice_id"].to_list()
    assert row["evidence_invoice_ids"] == newest[:3]


def test_batches_change_nothing(ledger, scored, score_ledger, as_of, monkeypatch):
    monkeypatch.setattr("segmentation.risk.scoring.BATCH", 7)
    again = score_ledger(ledger, as_of)
    for name in TABLES:
        assert_frame_equal(again[name], scored[name], rel_tol=1e-9)


def test_amounts_at_risk_follow_from_the_distribution_and_the_assumptions(
    scored, ledger, score_ledger, as_of, quick
):
    risk = scored["pred_instalment_risk"].with_columns(
        pl.col("^.*_amount$").cast(pl.Float64),
        later=pl.col("expected_payment_date") - pl.max_horizontal("due_date", pl.lit(as_of)),
    )
    assert (risk["expected_loss_amount"] <= 0.5 * risk["open_amount"] * risk["late_90_prob"] + 0.01).all()
    overdue = risk.filter(pl.col("days_late") > 0)
    days = overdue["later"].dt.total_days()
    expected = overdue["open_amount"] * days * 0.08 / 365
    allowed = overdue["open_amount"] * 0.08 / 365 + 0.01  # the published mean is rounded to a day
    assert ((overdue["expected_delay_cost_amount"] - expected).abs() <= allowed).all()
    doubled = score_ledger(ledger, as_of, quick.model_copy(update={"loss_share": 1.0}))[
        "pred_instalment_risk"
    ]
    twice = doubled["expected_loss_amount"].cast(pl.Float64)
    assert ((twice - 2 * risk["expected_loss_amount"]).abs() <= 0.011).all()
    assert twice.sum() > 0


def test_every_reason_group_of_the_features_has_words():
    for group in (*ReasonGroup, STILL_OPEN):
        assert REASON_SENTENCES[f"{group}_up"]
        assert REASON_SENTENCES[f"{group}_down"]


def test_same_input_gives_the_same_content_whatever_the_order_of_rows(ledger, scored, score_ledger, as_of):
    shuffled = {name: frame.sample(fraction=1.0, shuffle=True, seed=5) for name, frame in ledger.items()}
    again = score_ledger(shuffled, as_of)
    for name in TABLES:
        assert hash_frame(again[name]) == hash_frame(scored[name]), name


def test_the_number_of_threads_changes_nothing(ledger, scored, score_ledger, as_of, quick):
    again = score_ledger(ledger, as_of, quick.model_copy(update={"threads": 2}))
    for name in TABLES:
        assert_frame_equal(again[name], scored[name])


def test_an_empty_ledger_gives_empty_tables_that_say_nothing_was_judged(
    make_invoices, build_ledger, score_ledger, as_of
):
    frames = score_ledger(build_ledger(make_invoices(1).clear(), as_of), as_of)
    assert_valid(frames)
    assert frames["pred_instalment_risk"].is_empty()
    assert frames["pred_cash_forecast"].is_empty()
    assert frames["pred_model_comparison"]["invoice_count"].sum() == 0
    assert set(frames["pred_monitoring"]["verdict"]) == {"not_assessable"}


@pytest.mark.parametrize("delay", [-5, 12], ids=["nobody is late", "everybody is late"])
def test_a_single_class_is_scored_by_a_baseline(delay, make_invoices, build_ledger, score_ledger, as_of):
    rows = make_invoices(2, customers=15, invoices=250).with_columns(
        paid_date=pl.max_horizontal(pl.col("due_date") + timedelta(days=delay), "issue_date")
    )
    frames = score_ledger(build_ledger(rows, as_of), as_of)
    assert_valid(frames)
    risk = frames["pred_instalment_risk"].filter(pl.col("days_late") <= 0)
    assert ((risk["late_prob"] > 0.5) == (delay > 0)).all()
    assert not any("hazard" in version for version in risk["model_version"])
    assert frames["pred_model_comparison"]["late_auc"].is_null().all()


def test_a_short_ledger_gets_a_baseline_and_admits_that_it_knows_little(
    make_invoices, build_ledger, score_ledger, as_of
):
    rows = make_invoices(4, customers=6, invoices=20)
    frames = score_ledger(build_ledger(rows, as_of), as_of)
    assert_valid(frames)
    risk = frames["pred_instalment_risk"]
    assert (risk["score_status"] == "insufficient_history").all()
    assert risk["late_prob"].is_between(0, 1).all()


def test_a_first_week_ledger_in_which_nothing_is_due_yet_works(make_invoices, build_ledger, score_ledger):
    rows = make_invoices(5, customers=10, invoices=400)
    day = rows["issue_date"].min() + timedelta(days=6)
    frames = score_ledger(build_ledger(rows, day), day)
    assert_valid(frames)
    assert frames["pred_instalment_risk"].height
    assert (frames["pred_instalment_risk"]["score_status"] == "insufficient_history").all()


def test_slow_payers_are_thought_more_likely_to_be_late(scored, invoices):
    usual = invoices.group_by("customer_id").agg(
        (pl.col("paid_date") - pl.col("due_date")).dt.total_days().mean().alias("usual_days")
    )
    risk = scored["pred_instalment_risk"].filter(pl.col("days_late") <= 0).join(usual, on="customer_id")
    slow = risk.filter(pl.col("usual_days") > 6)["late_prob"].mean()
    quick = risk.filter(pl.col("usual_days") < -6)["late_prob"].mean()
    assert slow > 0.7
    assert quick < 0.3


def test_without_test_blocks_the_past_late_rate_speaks_unproven(quick):
    choice = choose_speakers(None, quick, 1)
    assert set(choice.speakers) == {"past_late_rate"}
    assert not any(choice.is_proven)


def test_the_model_version_tells_what_the_models_were_made_of(
    make_invoices, build_ledger, score_ledger, as_of, quick
):
    rows = make_invoices(5, 20, 120)

    def version(changed: pl.DataFrame, **kwargs: object) -> set[str]:
        scored = score_ledger(build_ledger(changed, as_of), as_of, **kwargs)
        return {name.rsplit("-", 1)[1] for name in scored["pred_instalment_risk"]["model_version"]}

    first = version(rows)
    assert len(first) == 1
    assert version(rows.reverse()) == first
    assert version(rows, settings=quick.model_copy(update={"threads": 1})) == first
    a_day_later = pl.when(pl.int_range(pl.len()) == 30).then(pl.col("paid_date") + timedelta(days=1))
    assert version(rows.with_columns(paid_date=a_day_later.otherwise("paid_date"))) != first
    assert version(rows, settings=quick.model_copy(update={"leaves": quick.leaves + 1})) != first
