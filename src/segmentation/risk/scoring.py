"""Scores of the open book: the public face of the room.

Belongs here: the order of the steps and the tables they fill. Does not belong here: how a step works.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from segmentation.domain.hashing import hash_text
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.settings import RiskSettings
from segmentation.domain.vocabulary import ScoreStatus
from segmentation.risk.amounts import add_amounts, price_risk
from segmentation.risk.band import measure_dependence, measure_width
from segmentation.risk.candidates import MODELS, fit_candidates
from segmentation.risk.cohort import KEY, Cohort, build_cohort, day_number, drop_incomplete, text_levels
from segmentation.risk.comparison import Choice, build_model_comparison, build_reliability, choose_speakers
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.evidence import add_evidence, find_evidence
from segmentation.risk.explanation import build_reasons, explain, list_codes
from segmentation.risk.forecast import (
    PaidProb,
    daily_paid_prob,
    find_payment_weekdays,
    forecast_cash,
)
from segmentation.risk.grid import FloatArray, Grid, IntArray
from segmentation.risk.inputs import DEPTH, depth_group, feature_columns
from segmentation.risk.mitigation import Mitigation
from segmentation.risk.model_card import build_model_card
from segmentation.risk.monitoring import build_monitoring
from segmentation.risk.speaking import Speakers, calibration_of
from segmentation.risk.stored_models import store_models
from segmentation.risk.validation import validate

METHOD_VERSION = "2"
"""Counted up when the method changes, so that model_version changes with it."""

BATCH = 50_000
"""Open instalments that are scored and explained together: bounds memory to about half a gigabyte."""

_WEEK = 7

Progress = Callable[[int, int], None]
"""Is told how many open instalments are done, and of how many."""


@dataclass(frozen=True)
class Batch:
    """Scores of some open instalments: figures, reasons (``build_reasons``), and when they will have been paid."""

    risk: pl.DataFrame
    reasons: pl.DataFrame
    paid: PaidProb


def train_speakers(
    past: Cohort, day: int, settings: RiskSettings, seed: int, mitigation: Mitigation | None = None
) -> Speakers:
    """Return models fitted to what was known at the start of ``day``, judged on the blocks before it."""
    grid = Grid.up_to(settings.horizon_days)
    validation = validate(past, day, grid, settings, seed, mitigation)
    choice = choose_speakers(validation, settings, seed)
    with_models = any(name in MODELS for name in choice.speakers)
    fitted = fit_candidates(past, day, grid, settings, seed, with_models=with_models, mitigation=mitigation)
    return Speakers(grid, fitted, validation, choice, settings)


def score_batches(
    speakers: Speakers, open_: Cohort, as_of: date, report: Progress | None = None
) -> Iterator[Batch]:
    """Yield the scores of all open instalments, in batches, so that memory does not grow with the book."""
    for start in range(0, len(open_), BATCH):
        cohort = open_.take(np.arange(start, min(start + BATCH, len(open_))))
        distribution, level = speakers.distribution(cohort, day_number(as_of))
        risk = _read_risk(cohort, as_of, distribution, level, speakers.choice)
        reasons = _explain_all(cohort, risk["late_prob"].to_numpy(), speakers)
        codes = list_codes(reasons)
        priced = risk.hstack(price_risk(distribution, speakers.settings))
        named = priced.with_columns(pl.Series("speaker", speakers.names(cohort).tolist(), dtype=pl.String))
        joined = named.join(codes, on=KEY, how="left", maintain_order="left").with_columns(
            pl.col("reason_codes").fill_null([])
        )
        yield Batch(joined, reasons, daily_paid_prob(distribution, speakers.settings.forecast_days))
        if report is not None:
            report(start + len(cohort), len(open_))


def score_book(  # noqa: PLR0917  six inputs, each a different thing
    issue_features: pl.DataFrame,
    open_features: pl.DataFrame,
    ledger: Frames,
    as_of: date,
    settings: RiskSettings,
    seed: int,
    report: Progress | None = None,
    mitigation: Mitigation | None = None,
) -> dict[str, pl.DataFrame]:
    """Return the payment-date distribution of every open instalment, its reasons, and how it was judged.

    Parameters
    ----------
    issue_features : feat_instalment_at_issue.
    open_features : feat_open_instalment on the as-of day.
    ledger : core_ tables as known on the as-of day; core_instalment_balance and core_payment are read.
    as_of : everything observed before the start of this day is known.
    settings : risk settings.
    seed : of training, resampling and simulation; the same inputs and seed give the same bytes.
    report : is told how many open instalments are done.
    mitigation : keeps the boosted model from telling groups apart; the only model then. None: as the rows say.

    Returns
    -------
    dict of str to DataFrame
        pred_instalment_risk, pred_risk_reason, pred_cash_forecast, pred_model_comparison, pred_reliability,
        pred_monitoring, pred_model_card, pred_model.

    Notes
    -----
    ``score_status`` is ``scored`` where whoever speaks for the customer's depth of history was judged out of
    time on at least 30 instalments of that depth and was no worse there than the late rate of all; else
    ``insufficient_history``: the figures are then shown, but downstream systems use their own default. A
    customer without any known instalment is ``scored`` only when a model speaks.
    ``paid_7_prob`` counts the seven days that begin with the as-of day. The 80 % interval is widened or
    narrowed so that it would have held 80 % of past payment dates (see ``calibration``).
    """
    balance = ledger["core_instalment_balance"]
    names = feature_columns(issue_features, open_features)
    levels = text_levels(issue_features, names)
    past = drop_incomplete(build_cohort(issue_features, balance, names, levels), balance, as_of)
    open_ = build_cohort(open_features, balance.filter("is_open"), names, levels)
    day = day_number(as_of)
    speakers = train_speakers(past, day, settings, seed, mitigation)
    version = _version(past, settings, seed, as_of, mitigation)
    batches = list(score_batches(speakers, open_, as_of, report))
    amounts = open_.key.select(KEY).join(
        balance.select(*KEY, "due_date", "open_amount", "currency"), on=KEY, how="left", maintain_order="left"
    )
    validation, choice = speakers.validation, speakers.choice
    weekdays = find_payment_weekdays(ledger["core_payment"], as_of)
    dependence = measure_dependence(speakers)
    return {
        "pred_instalment_risk": _build_risk(batches, amounts, version),
        "pred_risk_reason": _build_reasons(batches, find_evidence(ledger)),
        "pred_cash_forecast": forecast_cash(
            np.concatenate([np.empty((0, settings.forecast_days), np.float32), *(b.paid for b in batches)]),
            open_.customer,
            amounts["open_amount"].cast(pl.Float64).to_numpy(),
            amounts["currency"].to_list(),
            as_of=as_of,
            dependence=dependence,
            settings=settings,
            seed=seed,
            weekdays=weekdays,
            width=measure_width(speakers, day, dependence, weekdays, seed),
        ),
        "pred_model_comparison": build_model_comparison(validation, choice),
        "pred_reliability": build_reliability(validation, choice),
        "pred_monitoring": build_monitoring(past, speakers, day, settings, seed),
        "pred_model_card": build_model_card(past, speakers, day, settings, version),
        "pred_model": store_models(speakers.fitted.candidates, choice.speakers),
    }


def _build_risk(batches: list[Batch], amounts: pl.DataFrame, version: str) -> pl.DataFrame:
    table = ROOM_TABLES["pred_instalment_risk"]
    if not batches:
        return table.empty()
    risk = pl.concat(batch.risk for batch in batches).hstack(amounts.drop(KEY))
    named = pl.concat_str("speaker", pl.lit(version), separator="-").alias("model_version")
    return table.conform(add_amounts(risk).with_columns(named))


def _build_reasons(batches: list[Batch], evidence: pl.DataFrame) -> pl.DataFrame:
    table = ROOM_TABLES["pred_risk_reason"]
    parts = [table.conform(add_evidence(batch.reasons, evidence)) for batch in batches]
    return pl.concat([table.empty(), *parts])


def _explain_all(cohort: Cohort, late_prob: FloatArray, speakers: Speakers) -> pl.DataFrame:
    """Return the parts of the score of every instalment, by whoever speaks for it."""
    speaker = speakers.names(cohort)
    reasons = []
    for name in sorted(set(speaker)):
        rows = np.flatnonzero(speaker == name)
        part = cohort.take(rows)
        calibration = calibration_of(speakers.validation, name).late
        explanation = explain(speakers.fitted.candidates[name], calibration, part, late_prob[rows])
        reasons.append(build_reasons(part, explanation))
    return pl.concat(reasons)


def _read_risk(
    cohort: Cohort,
    as_of: date,
    distribution: PaymentDistribution,
    level: FloatArray,
    choice: Choice,
) -> pl.DataFrame:
    """Return the published figures of every instalment, all read from its distribution."""
    today = distribution.seen_day + 1

    def on(days: FloatArray | IntArray) -> pl.Series:
        return pl.Series((cohort.due + days).astype(np.int32), dtype=pl.Int32).cast(pl.Date)

    is_proven = np.array(choice.is_proven)[depth_group(cohort.feature(DEPTH))]
    figures = {f"late_{days}_prob": distribution.unpaid_prob(days) for days in (30, 90)}
    paid = {f"paid_{days}_prob": 1.0 - distribution.unpaid_prob(today + days - 1) for days in (7, 14, 30)}
    return cohort.key.with_columns(
        pl.lit(as_of).alias("as_of_date"),
        pl.Series("days_late", today, dtype=pl.Int64),
        pl.Series("late_prob", distribution.unpaid_prob(0)),
        *(pl.Series(name, values) for name, values in (figures | paid).items()),
        on(np.round(distribution.mean_day())).alias("expected_payment_date"),
        on(distribution.quantile_day(level)).alias("payment_date_p10"),
        on(distribution.quantile_day(0.5)).alias("payment_date_p50"),
        on(distribution.quantile_day(1.0 - level)).alias("payment_date_p90"),
        pl.Series(
            "score_status",
            np.where(is_proven, ScoreStatus.SCORED.value, ScoreStatus.INSUFFICIENT_HISTORY.value).tolist(),
            dtype=pl.String,
        ),
    )


def _version(
    past: Cohort, settings: RiskSettings, seed: int, as_of: date, mitigation: Mitigation | None
) -> str:
    """Return a short hash of what the models were made of: instalments, outcomes, features and settings."""
    made_of = (
        METHOD_VERSION,
        settings.model_dump_json(exclude={"threads"}),
        str(seed),
        as_of.isoformat(),
        past.content_hash(),
        *((mitigation.method, str(mitigation.strength)) if mitigation is not None else ()),
    )
    return f"{METHOD_VERSION}.{hash_text(*made_of)[:8]}"
