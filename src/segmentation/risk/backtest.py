"""The backtest: a model frozen on one day scores everything issued afterwards, once, at its issue.

Belongs here: the protocol and its report. Does not belong here: plots and files (callers).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES
from segmentation.domain.errors import UsageError
from segmentation.domain.schema import Frames
from segmentation.domain.settings import RiskSettings
from segmentation.features.computation import compute_issue_features, compute_open_features
from segmentation.ledger.as_known import as_known, default_as_of
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.unallocated_cash import build_unallocated_cash
from segmentation.risk import metrics
from segmentation.risk.alarms import find_leaking_features, leak_warnings, random_split_auc
from segmentation.risk.calibration import interval_scores
from segmentation.risk.candidates import FittedCandidates, fit_candidates
from segmentation.risk.cohort import (
    KEY,
    Cohort,
    Outcome,
    build_cohort,
    day_number,
    drop_incomplete,
    text_levels,
)
from segmentation.risk.comparison import Choice, choose_speakers
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.grid import BoolArray, FloatArray, Grid, IntArray
from segmentation.risk.inputs import DEPTH, depth_group, feature_columns
from segmentation.risk.speaking import calibration_of, predict_survival
from segmentation.risk.validation import Validation, at_issue, validate

PUBLISHED = "published"
"""Name under which whoever speaks for each depth of history is reported."""

OPEN_BOOK_DAYS = 14
_MONDAY = 0


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
    report : counts, metrics by model and slice with 90 % intervals, warnings; ready for JSON.
    """

    predictions: pl.DataFrame
    open_book: pl.DataFrame
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
    facts = {name: ledger[name] for name in (*CANONICAL_TABLES, "core_quarantine")}
    end = default_as_of(facts)
    train, test, names, levels, balance = _build_cohorts(facts, ledger, start, until, end)
    grid, day, end_day = Grid.up_to(settings.horizon_days), day_number(start), day_number(end)
    validation = validate(train, day, grid, settings, seed)
    choice = choose_speakers(validation, settings, seed)
    fitted = fit_candidates(train, day, grid, settings, seed)
    outcome = test.outcome_before(end_day)
    tables, slices = [], {}
    is_new = ~np.isin(test.key["customer_id"].to_numpy(), train.key["customer_id"].unique().to_numpy())
    matured = (test.due < end_day) & np.isfinite(outcome.late_after(0)) & ~test.is_supplier_caused
    for name in (PUBLISHED, *fitted.candidates):
        survival, level = _curves(name, test, fitted, validation=validation, choice=choice, grid=grid)
        distribution = at_issue(grid, survival, test, fitted.tail_hazard, settings)
        table = _predict(name, test, distribution, level)
        tables.append(table)
        judged = _Judged(test, outcome, distribution, level, table)
        slices[name] = {
            "all": judged.report(matured, settings, seed),
            "unseen_customers": judged.report(matured & is_new, settings, seed),
        }
    book = _score_mondays(
        {**ledger, "core_instalment_balance": balance},
        (start, until, end),
        names=names,
        levels=levels,
        fitted=fitted,
        validation=validation,
        choice=choice,
        settings=settings,
    )
    suspects = find_leaking_features(test.take(matured), outcome.late_after(0)[matured])
    split = _random_split_auc(train, test.take(matured), day, end_day, settings=settings, seed=seed)
    report = {
        "start": start.isoformat(),
        "until": until.isoformat(),
        "outcomes_known_before": end.isoformat(),
        "training_count": fitted.training_count,
        "training_late_count": fitted.late_count,
        "scored_count": len(test),
        "judged_count": int(matured.sum()),
        "speakers_by_depth": dict(zip(("0", "1-2", "3-9", "10+"), choice.speakers, strict=True)),
        "choice": dict(choice.notes),
        "metrics": slices,
        "open_book": _judge_book(book, settings, seed),
        "random_split_auc": split,
        "warnings": leak_warnings(slices[PUBLISHED]["all"]["late_auc"]["value"], split, suspects),
    }
    return Backtest(pl.concat(tables), book, report)


def _build_cohorts(
    facts: Frames, ledger: Frames, start: date, until: date, end: date
) -> tuple[Cohort, Cohort, list[str], dict[str, list[str]], pl.DataFrame]:
    """Return what was known at the start, what was issued in the window, and the balance at the end."""
    known = as_known(facts, start)
    known["core_instalment_balance"] = build_instalment_balances(known, start)
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


def _curves(
    name: str,
    cohort: Cohort,
    fitted: FittedCandidates,
    *,
    validation: Validation | None,
    choice: Choice,
    grid: Grid,
) -> tuple[FloatArray, FloatArray]:
    """Return calibrated curves and lower interval levels of one candidate, or of whoever speaks."""
    if name == PUBLISHED:
        return predict_survival(cohort, fitted, validation, choice, grid)
    calibration = calibration_of(validation, name)
    level = calibration.interval.levels(depth_group(cohort.feature(DEPTH)))
    return calibration.apply(grid, fitted.candidates[name].survival(cohort)), level


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


@dataclass(frozen=True)
class _Judged:
    """Predictions of one candidate beside the outcomes."""

    cohort: Cohort
    outcome: Outcome
    distribution: PaymentDistribution
    level: FloatArray
    table: pl.DataFrame

    def report(self, rows: BoolArray, settings: RiskSettings, seed: int) -> dict[str, Any]:
        """Return every metric for these rows, each with its value and 90 % interval."""
        late, late_30 = self.outcome.late_after(0), self.outcome.late_after(30)
        prob, prob_30 = (self.table[name].to_numpy() for name in ("late_prob", "late_30_prob"))
        scores = interval_scores(self.distribution, self.outcome.event_day, self.outcome.last_open_day)
        inside = (scores >= self.level - 1e-9).astype(np.float64)
        median = self.distribution.quantile_day(0.5).astype(np.float64)
        width = self.distribution.quantile_day(1.0 - self.level) - self.distribution.quantile_day(self.level)
        paid = rows & self.outcome.is_paid
        known_30 = rows & np.isfinite(late_30)

        def measure(on: BoolArray, figure: Callable[[IntArray], float | None]) -> dict[str, float | None]:
            return _with_interval(np.flatnonzero(on), self.cohort.customer, figure, settings, seed)

        def mean(values: FloatArray) -> Callable[[IntArray], float | None]:
            return lambda index: float(values[index].mean()) if len(index) else None

        return {
            "count": int(rows.sum()),
            "customer_count": len(np.unique(self.cohort.customer[rows])),
            "late_share": float(late[rows].mean()) if rows.any() else None,
            "late_auc": measure(rows, lambda i: metrics.auc(late[i], prob[i])),
            "late_average_precision": measure(rows, lambda i: metrics.average_precision(late[i], prob[i])),
            "late_brier": measure(rows, lambda i: metrics.brier(late[i], prob[i])),
            "late_log_loss": measure(rows, lambda i: metrics.log_loss(late[i], prob[i])),
            "late_ece": measure(rows, lambda i: metrics.calibration_error(late[i], prob[i])),
            "late_30_count": int(late_30[known_30].sum()),
            "late_30_average_precision": measure(
                known_30, lambda i: metrics.average_precision(late_30[i], prob_30[i])
            ),
            "days_mae": measure(
                paid, lambda i: metrics.mean_absolute_error(self.outcome.event_day[i], median[i])
            ),
            "coverage_80_share": measure(rows, mean(inside)),
            "width_80_days": measure(rows, mean(width.astype(np.float64))),
        }


def _with_interval(
    rows: IntArray,
    customer: IntArray,
    figure: Callable[[IntArray], float | None],
    settings: RiskSettings,
    seed: int,
) -> dict[str, float | None]:
    """Return a figure with the 5th and 95th percentile when whole customers are drawn again."""
    low, high = metrics.cluster_bootstrap(
        customer[rows],
        lambda weight: figure(np.repeat(rows, weight.astype(np.int64))),
        min(settings.bootstrap_replicates, 200),
        seed,
    )
    return {"value": figure(rows), "low": low, "high": high}


def _score_mondays(
    facts: Frames,
    window: tuple[date, date, date],
    *,
    names: list[str],
    levels: Mapping[str, list[str]],
    fitted: FittedCandidates,
    validation: Validation | None,
    choice: Choice,
    settings: RiskSettings,
) -> pl.DataFrame:
    """Return P(unpaid in 14 days | open) of every instalment open on each Monday of the window."""
    start, until, end = window
    grid, balance = fitted.pooled.grid, facts["core_instalment_balance"]
    tables = []
    monday = start + timedelta(days=(_MONDAY - start.weekday()) % 7)
    while monday <= until:
        day = day_number(monday)
        cohort = build_cohort(compute_open_features(facts, monday), balance, names, dict(levels))
        survival, _ = predict_survival(cohort, fitted, validation, choice, grid)
        seen = day - 1 - cohort.due
        horizon = np.maximum(seen + 1, 0) + settings.horizon_days
        distribution = PaymentDistribution(grid, survival, seen, fitted.tail_hazard, horizon)
        outcome = cohort.outcome_before(day_number(end))
        tables.append(
            cohort.key.with_columns(
                pl.lit(monday).alias("scored_at"),
                pl.Series("unpaid_14_prob", distribution.unpaid_prob(seen + OPEN_BOOK_DAYS)),
                pl.Series("is_unpaid_14", _unpaid_after(outcome, seen + OPEN_BOOK_DAYS))
                .fill_nan(None)
                .cast(pl.Boolean),
            )
        )
        monday += timedelta(days=7)
    empty = pl.DataFrame(
        schema={
            "invoice_id": pl.String,
            "instalment_number": pl.Int64,
            "customer_id": pl.String,
            "scored_at": pl.Date,
            "unpaid_14_prob": pl.Float64,
            "is_unpaid_14": pl.Boolean,
        }
    )
    return pl.concat([empty, *tables]).sort("scored_at", *KEY)


def _unpaid_after(outcome: Outcome, day: IntArray) -> FloatArray:
    """Return 1 when unpaid at the end of each instalment's ``day``, 0 when paid, NaN when not known."""
    unpaid = np.where(outcome.last_open_day >= day, 1.0, np.nan)
    return np.where(outcome.is_paid, (outcome.event_day > day).astype(np.float64), unpaid)


def _judge_book(book: pl.DataFrame, settings: RiskSettings, seed: int) -> dict[str, Any]:
    """Return how well the weekly open book was ranked and calibrated."""
    known = book.drop_nulls("is_unpaid_14")
    prob = known["unpaid_14_prob"].to_numpy()
    unpaid = known["is_unpaid_14"].cast(pl.Float64).to_numpy()
    customer = known["customer_id"].rank("dense").to_numpy().astype(np.int64)
    rows = np.arange(known.height)
    figures: dict[str, Callable[[IntArray], float | None]] = {
        "unpaid_14_auc": lambda i: metrics.auc(unpaid[i], prob[i]),
        "unpaid_14_brier": lambda i: metrics.brier(unpaid[i], prob[i]),
        "unpaid_14_ece": lambda i: metrics.calibration_error(unpaid[i], prob[i]),
    }
    return {"count": known.height, "mondays": book["scored_at"].n_unique()} | {
        name: _with_interval(rows, customer, figure, settings, seed) for name, figure in figures.items()
    }
