"""Anchors on a real ledger that nobody tuned the tests to: honest, out of time, with few trees."""

from datetime import date

import pytest

from segmentation.domain.settings import RiskSettings
from segmentation.ledger.loading import load_ledger
from segmentation.risk.backtest import run_backtest


@pytest.mark.real_ledger
def test_the_public_sample_is_ranked_as_well_as_by_the_past_late_rate(real_ledgers):
    loaded = load_ledger(real_ledgers / "ibm_accounts_receivable", "ibm_accounts_receivable")
    settings = RiskSettings(trees=40, hazard_trees=25, threads=1, bootstrap_replicates=100)
    result = run_backtest(loaded.ledger, date(2013, 5, 1), date(2013, 10, 25), settings, 1)
    figures = {name: slices["all"] for name, slices in result.report["metrics"].items()}
    assert figures["past_late_rate"]["late_auc"]["value"] == pytest.approx(0.877, abs=0.003)
    assert figures["past_late_rate"]["late_brier"]["value"] == pytest.approx(0.132, abs=0.002)
    assert figures["logistic_hazard"]["late_auc"]["value"] > 0.88
    assert figures["hazard_blend"]["days_mae"]["value"] < 6.2
    assert 0.75 < figures["hazard_blend"]["coverage_80_share"]["value"] < 0.87
    assert result.report["warnings"] == []
