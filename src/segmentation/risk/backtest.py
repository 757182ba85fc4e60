"""The backtest: a model frozen on one day scores everything issued afterwards, once, at its issue.

Belongs here: the protocol and its report. Does not belong here: plots and files (callers).
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from segmentation.domain.core_tables import KNOWN_TABLES
from segmentation.domain.errors import UsageError
from segmentation.domain.schema import Frames
from segmentation.domain.settings import RiskSettings
from segmentation.features.computation import compute_issue_features
from segmentation.ledger.as_known import default_as_of
from segmentation.ledger.balances import build_instalment_balances, recall_ledger
from segmentation.ledger.unallocated_cash import build_unallocated_cash
from segmentation.risk.alarms import find_leaking_features, leak_warnings, random_split_auc
from segmentation.risk.candidates import fit_candidates
from segmentation.risk.cohort import (
    Cohort,
    build_cohort,
    day_number,
    drop_incomplete,
    text_levels,
)
from segmentation.risk.comparison import choose_speakers
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.grid import FloatArray, Grid, IntArray
from segmentation.risk.inputs import DEPTH, DEPTH_GROUPS, depth_group, feature_columns
from segmentation.risk.judgement import Judged, draw_gain, draw_reliability, judge_book, judge_forecast
from segmentation.risk.replay import Replay
from segmentation.risk.speaking import Speakers, calibration_of, predict_survival
from segmentation.risk.validation import at_issue, validate

PUBLISHED = "published"
"""Name under which whoever speaks for each depth of history is reported."""


@dataclass(frozen=True)
class Backtest:
    """What was predicted, and how it turned out.

    Parameters
    ----------
    predictions : invoice_id, instalment_number, customer_id, model, scored_at, due_date, late_prob,
        late_30_prob, payment_date_p10, _p50, _p90; one row per instalment and model, the model
        ``published`` being whoever would have spoken.
    open_book : invoice_id, instalment_number, customer_id, scored_at, unpaid_14_prob, is_unpaid_14 (null
        when not known yet), for every instalment open on each Monday.
    inflow : made_date, week (1 for the first), currency, inflow_amount, inflow_p10_amount, inflow_p90_amount and
        actual_amount of what each Monday's open book brought in, where the week is over.
    report : counts, metrics by model and slice with 90 % intervals, warnings; ready for JSON.
    """

    predictions: pl.DataFrame
    open_book: pl.DataFrame
    inflow: pl.DataFrame
    report: dict[str, Any]


def run_backtest(ledger: Frames, start: date, until: date, settings: RiskSettings, seed: int) -> Backtest:
    """Return predictions for every instalment issued from ``start`` to ``until``, and how they turned out.

    Parameters
    ----------
    ledger : core_ tables with everything known until now; what was known earlier is worked out here.
    start : day on which models and calibration are frozen; nothing observed on or after it trains them.
    until : last day of issue that is scored.
    settings, seed : as for ``score_book``.

    Raises
    ------
    UsageError
        When the window is empty or holds no instalment.

    Notes
    -----
    Each instalment is scored once, with what was observed before the start of its day of issue. Outcomes are
    those known on the day after the newest fact; an instalment that is still open then is late when it was
    due before, and otherwise not judged: open is not the same as on time. Where slow payers are missing from
    the last issue cohorts (``ledger.truncation``), those are neither learned from nor judged on.
    """
    facts = {name: ledger[name] for name in KNOWN_TABLES}
    end = default_as_of(facts)
    train, test, names, levels, balance = _build_cohorts(facts, ledger, start, until, end)
    day, end_day = day_number(start), day_number(end)
    speakers = _train_all(train, day, settings, seed)
    fitted, choice = speakers.fitted, speakers.choice
    outcome = test.outcome_before(end_day)
    late = outcome.late_after(0)
    tables, slices, gains = [], {}, {}
    seen_customers = train.key["customer_id"].unique().to_list()
    is_new = ~test.key["customer_id"].is_in(seen_customers).to_numpy()
    matured = (test.due < end_day) & np.isfinite(late) & ~test.is_supplier_caused
    for name in (PUBLISHED, *fitted.candidates):
        survival, level = _curves(name, test, speakers)
        distribution = at_issue(speakers.grid, survival, test, fitted.tail_hazard, settings)
        table = _predict(name, test, distribution, level)
        tables.append(table)
        judged = Judged(test, outcome, distribution, level, table)
        slices[name] = {
            "all": judged.report(matured, settings, seed),
            "unseen_customers": judged.report(matured & is_new, settings, seed),
        }
        gains[name] = draw_gain(late[matured], judged.late_prob[matured], test.customer[matured])
    spoken = tables[0]["late_prob"].to_numpy()[matured]
    replay = Replay(speakers, facts, ledger, balance, start, end, tuple(names), levels, seed)
    book, inflow = replay.score_mondays(until)
    suspects = find_leaking_features(test.take(matured), late[matured])
    split = _random_split_auc(train, test.take(matured), day, end_day, settings=settings, seed=seed)
    report = {
        "start": start.isoformat(),
        "until": until.isoformat(),
        "outcomes_known_before": end.isoformat(),
        "training_count": fitted.training_count,
        "training_late_count": fitted.late_count,
        "scored_count": len(test),
        "judged_count": int(matured.sum()),
        "speakers_by_depth": dict(zip(DEPTH_GROUPS, choice.speakers, strict=True)),
        "choice": dict(choice.notes),
        "metrics": slices,
        "open_book": judge_book(book, seen_customers, settings, seed),
        "cash_forecast": judge_forecast(inflow),
        "reliability": draw_reliability(late[matured], spoken) if matured.any() else [],
        "gain": gains,
        "random_split_auc": split,
        "warnings": leak_warnings(slices[PUBLISHED]["all"]["late_auc"], split, suspects),
    }
    return Backtest(pl.concat(tables), book, inflow, report)


def _train_all(train: Cohort, day: int, settings: RiskSettings, seed: int) -> Speakers:
    """Return every model and baseline fitted to what was known at the start of ``day``, and who would speak."""
    grid = Grid.up_to(settings.horizon_days)
    validation = validate(train, day, grid, settings, seed)
    choice = choose_speakers(validation, settings, seed)
    return Speakers(grid, fit_candidates(train, day, grid, settings, seed), validation, choice, settings)


def _build_cohorts(
    facts: Frames, ledger: Frames, start: date, until: date, end: date
) -> tuple[Cohort, Cohort, list[str], dict[str, list[str]], pl.DataFrame]:
    """Return what was known at the start, what was issued in the window, and the balance at the end."""
    known = recall_ledger(facts, start)
    known["core_unallocated_cash"] = build_unallocated_cash(known)
    known["core_quality"] = ledger["core_quality"].clear()
    balance = build_instalment_balances(facts, end)
    past = compute_issue_features(known)
    rolling = compute_issue_features({**ledger, "core_instalment_balance": balance})
    window = rolling.filter(pl.col("as_of_date").is_between(start, until))
    if window.is_empty():
        raise UsageError(
            f"No instalment was issued from {start} to {until}",
            where="--from, --until",
            remedy="Choose a window in which the ledger has invoices.",
        )
    names = feature_columns(past, rolling)
    levels = text_levels(past, names)
    train = build_cohort(past, known["core_instalment_balance"], names, levels)
    train = drop_incomplete(train, known["core_instalment_balance"], start)
    test = drop_incomplete(build_cohort(window, balance, names, levels), balance, end)
    return train, test, names, levels, balance


def _random_split_auc(
    train: Cohort, test: Cohort, day: int, end_day: int, *, settings: RiskSettings, seed: int
) -> float | None:
    """Return the AUC of a random split over everything that the backtest trained on and judged."""
    known = train.take((train.due < day) & ~train.is_supplier_caused)
    both = replace(test, features=np.concatenate([known.features, test.features]))
    late = np.concatenate(
        [known.outcome_before(day).late_after(0), test.outcome_before(end_day).late_after(0)]
    )
    return random_split_auc(both, late, settings, seed)


def _curves(name: str, cohort: Cohort, speakers: Speakers) -> tuple[FloatArray, FloatArray]:
    """Return calibrated curves and lower interval levels of one candidate, or of whoever speaks."""
    if name == PUBLISHED:
        return predict_survival(cohort, speakers.fitted, speakers.validation, speakers.choice, speakers.grid)
    calibration = calibration_of(speakers.validation, name)
    level = calibration.interval.levels(depth_group(cohort.feature(DEPTH)))
    return calibration.apply(speakers.grid, speakers.fitted.candidates[name].survival(cohort)), level


def _as_dates(cohort: Cohort, days: IntArray) -> pl.Series:
    return pl.Series((cohort.due + days).astype(np.int32), dtype=pl.Int32).cast(pl.Date)


def _predict(name: str, cohort: Cohort, distribution: PaymentDistribution, level: FloatArray) -> pl.DataFrame:
    return cohort.key.with_columns(
        pl.lit(name).alias("model"),
        _as_dates(cohort, cohort.issue - cohort.due).alias("scored_at"),
        _as_dates(cohort, np.zeros(len(cohort), dtype=np.int64)).alias("due_date"),
        pl.Series("late_prob", distribution.unpaid_prob(0)),
        pl.Series("late_30_prob", distribution.unpaid_prob(30)),
        _as_dates(cohort, distribution.quantile_day(level)).alias("payment_date_p10"),
        _as_dates(cohort, distribution.quantile_day(0.5)).alias("payment_date_p50"),
        _as_dates(cohort, distribution.quantile_day(1.0 - level)).alias("payment_date_p90"),
    )
