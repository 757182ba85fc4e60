"""What is watched from run to run: drift, calibration, and the models themselves."""

from datetime import date, timedelta

import lightgbm
import numpy as np
import polars as pl

from segmentation.domain.hashing import hash_text
from segmentation.features.computation import compute_issue_features
from segmentation.risk.candidates import fit_candidates
from segmentation.risk.cohort import build_cohort, day_number
from segmentation.risk.grid import Grid
from segmentation.risk.inputs import feature_columns
from segmentation.risk.monitoring import shift_index
from segmentation.risk.stored_models import store_models


def test_a_shift_is_seen_and_chance_is_not():
    rng = np.random.default_rng(1)
    old = rng.normal(size=3000)
    assert shift_index(old, rng.normal(size=300)) < 0.1
    assert shift_index(old, rng.normal(1.0, 1.0, 300)) > 0.5
    gone = np.where(rng.random(300) < 0.5, np.nan, rng.normal(size=300))
    assert shift_index(old, gone) > 1.0


def test_instalments_unlike_those_before_raise_a_warning(invoices, build_ledger, score_ledger, quick, as_of):
    settings = quick.model_copy(update={"monitoring_days": 60})
    recent = pl.col("issue_date") >= as_of - timedelta(days=60)
    moved = invoices.with_columns(amount=pl.when(recent).then(pl.col("amount") * 1000).otherwise("amount"))
    frames = score_ledger(build_ledger(moved, as_of), as_of, settings)
    verdicts = dict(frames["pred_monitoring"].select("subject", "verdict").iter_rows())
    assert verdicts["amount_log10"] == "warn"
    assert verdicts["terms_days"] == "pass"


def test_the_last_matured_cohort_is_held_against_what_was_said(scored):
    found = scored["pred_monitoring"].filter(pl.col("kind") == "calibration")
    assert set(found["subject"]) == {"late_gap", "coverage_80_share"}
    assert (found["value_low"] <= found["value"]).all()
    assert (found["value"] <= found["value_high"]).all()
    assert scored["pred_monitoring"].filter(pl.col("kind") == "score_drift").height == 1


def test_the_card_says_what_it_is_for_and_what_it_was_made_from(scored, as_of):
    card = scored["pred_model_card"]
    assert set(card["section"]) == {"data", "model", "features", "metrics", "intended use", "limits"}
    words = " ".join(card["statement"])
    assert f"everything observed before {as_of}" in words
    assert "late_share" in words
    assert any(name in words for name in set(scored["pred_model_comparison"].filter("is_published")["model"]))


def test_a_stored_model_reads_back_and_fits_its_hash(ledger, quick):
    features = compute_issue_features(ledger)
    names = feature_columns(features, features)
    cohort = build_cohort(features, ledger["core_instalment_balance"], names, {})
    fitted = fit_candidates(cohort, day_number(date(2025, 1, 1)), Grid.up_to(180), quick, 1)
    models = store_models(fitted.candidates, ["hazard_blend", "past_late_rate"])
    assert models["part"].to_list() == ["late", "payment_day"]
    assert store_models(fitted.candidates, ["past_late_rate"]).is_empty()
    row = models.row(0, named=True)
    assert row["content_hash"] == hash_text(row["content"])
    assert lightgbm.Booster(model_str=row["content"]).model_to_string() == row["content"]
