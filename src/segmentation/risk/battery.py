"""What the scores recover of a simulated ledger, where the probability of every late payment was planted.

Belongs here: the measurement. Does not belong here: worlds (simulator), the protocol (backtest).
"""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from segmentation.domain.settings import RiskSettings
from segmentation.ledger.balances import DISPUTE_UPHELD
from segmentation.ledger.loading import load_ledger
from segmentation.risk import metrics
from segmentation.risk.backtest import PUBLISHED, run_backtest
from segmentation.risk.cohort import KEY
from segmentation.risk.judgement import judge_forecast
from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world

_QUARTER_DAYS = 91
_LEVELS = ("p10", "p50", "p90")
_SETTLING_DAYS = 75
"""Days at the end of the world that are not scored: what falls due there is not decided yet."""


def evaluate_scores(
    customers: int, seed: int, settings: RiskSettings, days_between_fits: int = _QUARTER_DAYS
) -> dict[str, Any]:
    """Return how well published scores agree with outcomes and with the planted probabilities.

    Parameters
    ----------
    customers : in the world; each has about 33 invoices in two years, of which the second year's are scored.
    seed : of the world and of training.
    settings : risk settings.
    days_between_fits : models are fitted on the first day of the second year and again after so many days, each
        time to everything known by then.

    Returns
    -------
    dict
        Counts; ``fits``, one per window with its day, who spoke and the ECE of the window; ``late_ece`` against outcomes; ``planted_error``, the mean distance of predicted and planted
        probability over twenty bins of equal count; ``planted_correlation``; the share of payments up to each
        published quantile; late_30 predicted and observed; the interval's coverage; what the world was.

    Notes
    -----
    Reminders are switched off, because a planted probability is that of a customer whom nobody contacts. An
    instalment is late through its customer or through its supplier (never received, waiting for an approval), which
    nobody tells who is not contacted: the planted probability is that of either. Left out are upheld disputes, which
    the ledger tells, and which are neither learned from nor judged.
    """
    planned = WorldSettings(customer_count=customers, seed=seed, with_contacts=False)
    world = simulate_world(planned)
    with TemporaryDirectory() as folder:
        write_world(world, Path(folder))
        loaded = load_ledger(Path(folder), "canonical")
    start = planned.start_day + timedelta(days=365)
    until = planned.end_day - timedelta(days=_SETTLING_DAYS)
    days = [start + timedelta(days=gone) for gone in range(0, (until - start).days + 1, days_between_fits)]
    ends = [*(day - timedelta(days=1) for day in days[1:]), until]
    results = [
        run_backtest(loaded.ledger, day, end, settings, seed) for day, end in zip(days, ends, strict=True)
    ]
    reports = [result.report for result in results]
    by_either = 1 - (1 - pl.col("late_prob")) * (1 - pl.col("untold_prob"))
    truth = world.truth["invoice"].filter(pl.col("supplier_cause").ne_missing(DISPUTE_UPHELD))
    predictions = pl.concat(result.predictions for result in results)
    judged = predictions.filter(pl.col("model") == PUBLISHED).join(
        truth.select(*KEY, by_either.alias("planted_prob"), "is_late", "realised_days_late"), on=KEY
    )
    prob, planted = judged["late_prob"].to_numpy(), judged["planted_prob"].to_numpy()
    late = judged["is_late"].cast(pl.Float64).to_numpy()
    bin_ = metrics.reliability_bins(prob, 20)
    gap = np.bincount(bin_, weights=prob - planted) / np.bincount(bin_)
    day = pl.col("due_date") + pl.duration(days=pl.col("realised_days_late"))
    is_paid_by = ((day <= pl.col(f"payment_date_{level}")).mean() for level in _LEVELS)
    by = judged.drop_nulls("realised_days_late").select(
        figure.alias(f"paid_by_{level}_share") for figure, level in zip(is_paid_by, _LEVELS, strict=True)
    )
    counts = [report["judged_count"] for report in reports]
    figures = [report["metrics"][PUBLISHED]["all"] for report in reports]
    covered = [figure["coverage_80_share"]["value"] for figure in figures]
    return {
        "customers": customers,
        "seed": seed,
        "fits": [
            {name: report[name] for name in ("start", "training_count", "scored_count", "speakers_by_depth")}
            | {"late_ece": figure["late_ece"]["value"]}
            for report, figure in zip(reports, figures, strict=True)
        ],
        "scored_count": judged.height,
        "late_ece": metrics.calibration_error(late, prob),
        "late_auc": metrics.auc(late, prob),
        "planted_auc": metrics.auc(late, planted),
        "planted_error": float(np.abs(gap).mean()),
        "planted_correlation": float(np.corrcoef(prob, planted)[0, 1]),
        **by.row(0, named=True),
        "late_30_predicted_share": float(judged["late_30_prob"].to_numpy().mean()),
        "late_30_observed_share": float((judged["realised_days_late"].fill_null(999) > 30).to_numpy().mean()),  # noqa: PLR2004
        "coverage_80_share": float(np.average(covered, weights=counts)),
        "cash_forecast": judge_forecast(pl.concat(result.inflow for result in results)),
    }
