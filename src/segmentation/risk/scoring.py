"""Scores of the open book: the public face of the room.

Belongs here: the order of the steps and the tables they fill. Does not belong here: how a step works.
"""

from datetime import date

import numpy as np
import polars as pl

from segmentation.domain.hashing import hash_text
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.settings import RiskSettings
from segmentation.domain.vocabulary import ScoreStatus
from segmentation.risk.candidates import MODELS, FittedCandidates, fit_candidates
from segmentation.risk.cohort import KEY, Cohort, build_cohort, day_number, drop_incomplete, text_levels
from segmentation.risk.comparison import Choice, build_model_comparison, build_reliability, choose_speakers
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.explanation import build_reasons, explain
from segmentation.risk.forecast import (
    DEFAULT_DEPENDENCE,
    estimate_dependence,
    find_payment_weekdays,
    forecast_cash,
)
from segmentation.risk.grid import FloatArray, Grid, IntArray
from segmentation.risk.inputs import DEPTH, depth_group, feature_columns
from segmentation.risk.speaking import calibration_of, predict_survival
from segmentation.risk.validation import Validation, validate

METHOD_VERSION = "1"
"""Counted up when the method changes, so that model_version changes with it."""


def score_book(  # noqa: PLR0917  six inputs, each a different thing
    issue_features: pl.DataFrame,
    open_features: pl.DataFrame,
    ledger: Frames,
    as_of: date,
    settings: RiskSettings,
    seed: int,
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

    Returns
    -------
    dict of str to DataFrame
        pred_instalment_risk, pred_risk_reason, pred_cash_forecast, pred_model_comparison, pred_reliability.

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
    day = day_number(as_of)
    past = drop_incomplete(build_cohort(issue_features, balance, names, levels), balance, as_of)
    open_ = build_cohort(open_features, balance.filter("is_open"), names, levels)
    grid = Grid.up_to(settings.horizon_days)
    validation = validate(past, day, grid, settings, seed)
    choice = choose_speakers(validation, settings, seed)
    with_models = any(name in MODELS for name in choice.speakers)
    fitted = fit_candidates(past, day, grid, settings, seed, with_models=with_models)
    survival, level = predict_survival(open_, fitted, validation, choice, grid)
    seen = day - 1 - open_.due
    horizon = np.maximum(seen + 1, 0) + settings.horizon_days
    distribution = PaymentDistribution(grid, survival, seen, fitted.tail_hazard, horizon)
    risk = _read_risk(open_, as_of, distribution, level, choice)
    reasons, codes = _explain_all(open_, risk["late_prob"].to_numpy(), fitted, validation, choice)
    speaker = np.array(choice.speakers, dtype=object)[depth_group(open_.feature(DEPTH))]
    version = _version(past, settings, seed, as_of)
    amounts = open_.key.select(KEY).join(
        balance.select(*KEY, "due_date", "open_amount", "currency"), on=KEY, how="left", maintain_order="left"
    )
    risk = risk.with_columns(
        pl.Series("model_version", [f"{name}-{version}" for name in speaker], dtype=pl.String)
    )
    risk = risk.join(amounts, on=KEY, how="left").join(codes, on=KEY, how="left")
    return {
        "pred_instalment_risk": ROOM_TABLES["pred_instalment_risk"].conform(risk),
        "pred_risk_reason": ROOM_TABLES["pred_risk_reason"].conform(
            pl.concat(reasons) if reasons else ROOM_TABLES["pred_risk_reason"].empty()
        ),
        "pred_cash_forecast": forecast_cash(
            distribution,
            open_.customer,
            amounts["open_amount"].cast(pl.Float64).to_numpy(),
            amounts["currency"].to_list(),
            as_of=as_of,
            dependence=_dependence(validation, choice),
            settings=settings,
            seed=seed,
            weekdays=find_payment_weekdays(ledger["core_payment"], as_of),
        ),
        "pred_model_comparison": build_model_comparison(validation, choice),
        "pred_reliability": build_reliability(validation, choice),
    }


def _explain_all(
    cohort: Cohort,
    late_prob: FloatArray,
    fitted: FittedCandidates,
    validation: Validation | None,
    choice: Choice,
) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """Return the reasons of each speaker's instalments, and the reason codes of all."""
    speaker = np.array(choice.speakers, dtype=object)[depth_group(cohort.feature(DEPTH))]
    reasons, codes = [], []
    for name in sorted(set(speaker)):
        rows = np.flatnonzero(speaker == name)
        part = cohort.take(rows)
        explanation = explain(
            fitted.candidates[name], calibration_of(validation, name).late, part, late_prob[rows]
        )
        reasons.append(build_reasons(part, explanation))
        codes.append(part.key.select(KEY).with_columns(explanation.reason_codes()))
    empty = cohort.key.select(KEY).clear().with_columns(reason_codes=pl.lit([], pl.List(pl.String)))
    return reasons, pl.concat([empty, *codes])


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


def _dependence(validation: Validation | None, choice: Choice) -> float:
    if validation is None:
        return DEFAULT_DEPENDENCE
    pit = validation.predictions[choice.speakers[-1]].pit
    return estimate_dependence(validation.cohort.customer, pit)


def _version(past: Cohort, settings: RiskSettings, seed: int, as_of: date) -> str:
    """Return a short hash of what the models were made of: instalments, outcomes, features and settings."""
    made_of = (
        METHOD_VERSION,
        settings.model_dump_json(exclude={"threads"}),
        str(seed),
        as_of.isoformat(),
        past.content_hash(),
    )
    return f"{METHOD_VERSION}.{hash_text(*made_of)[:8]}"
