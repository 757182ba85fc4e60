"""Which model of paying behaviour is published: the one that foretold more, out of time.

Belongs here: the comparison within what is known on the as-of day, and the choice. Does not belong here: the
models (propensity, habit), or the backtest that users run (backtest).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import SegmentSettings
from segmentation.segments.behaviour import BehaviourModel, ModelName, fit_behaviour
from segmentation.segments.habit import follow_habits
from segmentation.segments.histories import pick_customers
from segmentation.segments.observations import EXCLUDED, LATE, Observed, observe_customers
from segmentation.segments.propensity import estimate_propensity

_ORIGINS = (0.5, 0.75)
"""Shares of the known instalments that are issued before each day on which the models are compared."""
_MOST_CUSTOMERS = 10_000
_MIN_CUSTOMERS = 50
_REPLICATES = 1_000
_SEED = 1
_SURE = 0.005


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the models foretold, and which one is published.

    Parameters
    ----------
    published : the model that speaks.
    note : why, in words.
    figures : by model, ``late_log_loss`` and ``structural_brier`` (None when they cannot be told).
    gain : loss of the beta-binomial less that of the hidden Markov model with its 90 % interval; None when the
        ledger is too short.
    customer_count, instalment_count : on whom, and on what, the models were compared.
    """

    published: ModelName
    note: str
    figures: dict[ModelName, dict[str, float | None]]
    gain: tuple[float, float, float] | None
    customer_count: int
    instalment_count: int


def compare_models(
    known: pl.DataFrame, observed: Observed, settings: SegmentSettings, incumbent: ModelName
) -> Comparison:
    """Return which model foretold more of what came after earlier days.

    Parameters
    ----------
    known : result of ``observations.classify_instalments``; nothing later enters.
    observed : result of ``observations.observe_customers`` for the same day.
    settings : bounds of the segments.
    incumbent : model that is published unless the other one is better beyond chance.

    Notes
    -----
    Rolling origin: the models are fitted to what was known on the days by which half, and three quarters, of the
    instalments had been issued, and foretell those that were issued from then to the next such day and are past
    grace by now, so that paid or not they are known to be late or not. What is not rewound: ``rewind``. Their losses are compared pairwise, instalment by instalment; the interval draws whole customers
    again. The other model is published when the whole interval of its gain lies above nil. Books of more than
    10,000 customers are compared on so many of them, picked by what their instalments hold.
    """
    weights = (observed.counts[name].to_numpy() for name in ("late_weight", "prompt_weight"))
    rows = pick_customers(observed.histories, _MOST_CUSTOMERS, *weights)
    chosen = observed.counts["customer_id"].gather(rows)
    usable = known.filter(~pl.col(EXCLUDED))
    if len(rows) < observed.counts.height:
        usable = usable.join(chosen.to_frame(), "customer_id", "semi")
    foretold = _foretell(usable, chosen, settings)
    counts = foretold["customer_id"].n_unique(), int(foretold["count"].sum())
    if counts[0] < _MIN_CUSTOMERS:
        note = f"The ledger is too short to compare models: {counts[0]} customers could be judged."
        return Comparison(incumbent, note, {name: {} for name in ModelName}, None, *counts)
    figures = {name: _measure(foretold, name) for name in ModelName}
    gain = _measure_gain(foretold)
    edge = {ModelName.HIDDEN_MARKOV: gain[1], ModelName.BETA_BINOMIAL: -gain[2]}
    published = next((name for name in ModelName if name is not incumbent and edge[name] > 0), incumbent)
    words = "foretold more, beyond chance" if published is not incumbent else _explain_stay(edge, incumbent)
    note = (
        f"{published.replace('_', ' ')} {words} ({counts[1]:,} later instalments of {counts[0]:,} customers)."
    )
    return Comparison(published, note[:1].upper() + note[1:], figures, gain, *counts)


def describe_models(comparison: Comparison, model: BehaviourModel) -> pl.DataFrame:
    """Return the comparison, with the fitted rates of change, as ``pred_segment_comparison``."""
    rows: list[dict[str, Any]] = []
    for name in ModelName:
        sign = 1.0 if name is ModelName.HIDDEN_MARKOV else -1.0
        value, low, high = _turn(comparison.gain, sign)
        is_markov = name is ModelName.HIDDEN_MARKOV
        rows.append(
            {
                "model": name.value,
                "customer_count": comparison.customer_count,
                "instalment_count": comparison.instalment_count,
                "late_log_loss": comparison.figures[name].get("late_log_loss"),
                "structural_brier": comparison.figures[name].get("structural_brier"),
                "loss_gain": value,
                "loss_gain_low": low,
                "loss_gain_high": high,
                "becoming_rate": model.habits.becoming_rate if is_markov else None,
                "recovering_rate": model.habits.recovering_rate if is_markov else None,
                "is_published": name is comparison.published,
                "note": comparison.note,
            }
        )
    table = ROOM_TABLES["pred_segment_comparison"]
    return table.conform(pl.DataFrame(rows, schema=table.polars_schema))


def _turn(
    gain: tuple[float, float, float] | None, sign: float
) -> tuple[float, float, float] | tuple[None, None, None]:
    """Return a gain, or the loss that it is to the other model, with its interval."""
    if gain is None:
        return None, None, None
    low, high = sorted((sign * gain[1], sign * gain[2]))
    return sign * gain[0], low, high


def _explain_stay(edge: dict[ModelName, float], incumbent: ModelName) -> str:
    other = next(name for name in ModelName if name is not incumbent).replace("_", " ")
    return "foretold more" if edge[incumbent] > 0 else f"stays: {other} is not better beyond chance"


def _foretell(known: pl.DataFrame, customer_id: pl.Series, settings: SegmentSettings) -> pl.DataFrame:
    """Return per origin and customer what both models said and how many later instalments were late."""
    days = known["issue_date"].sort()
    if days.is_empty():
        return pl.DataFrame(schema={"customer_id": pl.String, "count": pl.Float64})
    origins = [days[int(share * len(days))] for share in _ORIGINS]
    parts = []
    for origin, end in zip(origins, [*origins[1:], None], strict=True):
        observed = observe_customers(rewind(known, origin, settings.grace_days), customer_id, settings)
        model = fit_behaviour(observed, ModelName.HIDDEN_MARKOV)
        judged = {
            ModelName.BETA_BINOMIAL: estimate_propensity(observed.counts, model.prior),
            ModelName.HIDDEN_MARKOV: follow_habits(observed.counts, observed.histories, model.habits),
        }
        said = observed.counts.select("customer_id", "settled_count").with_columns(
            frame[column].alias(f"{column}_{name}")
            for name, frame in judged.items()
            for column in ("late_propensity", "structural_prob")
        )
        is_later = (pl.col("issue_date") >= origin) & (pl.col("age_days") > settings.grace_days)
        later = known.filter(is_later & (pl.col("issue_date") < end) if end else is_later)
        outcome = later.group_by("customer_id").agg(
            pl.col(LATE).sum().cast(pl.Float64).alias("late"), pl.len().cast(pl.Float64).alias("count")
        )
        parts.append(
            said.filter(pl.col("settled_count") >= settings.min_settled).join(outcome, "customer_id")
        )
    # In the order of what they hold, so that names decide neither sums nor which customers are drawn.
    foretold = pl.concat(parts)
    return foretold.sort([name for name in foretold.columns if name != "customer_id"])


def rewind(known: pl.DataFrame, day: date, grace_days: int) -> pl.DataFrame:
    """Return what was known of payment of the same instalments at the start of an earlier day.

    Parameters
    ----------
    known : result of ``observations.classify_instalments`` for a later day.
    day : what was not issued, or not paid, before it was not known to be.
    grace_days : days beyond terms that count as on time.

    Notes
    -----
    Issue and payment are rewound, and with them lateness and age. Not rewound are: lateness found to be the supplier's
    doing, which stays as known on the later day; and instalments that credit or a write-off has covered since,
    which are not among ``known`` and so are missing on the earlier day too.
    """
    was_open = pl.col("is_open") | (pl.col("covered_known_date") >= day).fill_null(True)
    age = (pl.lit(day) - pl.col("due_date")).dt.total_days()
    return (
        known.filter(pl.col("issued_known_date") < day)
        .with_columns(
            was_open.alias("is_open"),
            pl.when(was_open).then(age).otherwise(pl.col("days_late")).alias("days_late"),
        )
        .with_columns(
            (pl.col("days_late") > grace_days).alias(LATE), age.clip(lower_bound=0).alias("age_days")
        )
        .filter(pl.col(LATE) | ~pl.col("is_open"))
    )


def _loss(name: ModelName) -> pl.Expr:
    """Logarithmic loss over the later instalments of a customer."""
    prob = pl.col(f"late_propensity_{name}").clip(_SURE, 1.0 - _SURE)
    return -(pl.col("late") * prob.log() + (pl.col("count") - pl.col("late")) * (1.0 - prob).log())


def _measure(foretold: pl.DataFrame, name: ModelName) -> dict[str, float | None]:
    is_either = foretold.filter(pl.col("late") * 2 != pl.col("count"))
    miss = pl.col(f"structural_prob_{name}") - (pl.col("late") * 2 > pl.col("count")).cast(pl.Float64)
    return {
        "late_log_loss": foretold.select(_loss(name).sum() / pl.col("count").sum()).item(),
        "structural_brier": is_either.select((miss**2).mean()).item(),
    }


def _measure_gain(foretold: pl.DataFrame) -> tuple[float, float, float]:
    """Loss of the beta-binomial less that of the hidden Markov model per instalment, and its 90 % interval."""
    gain = _loss(ModelName.BETA_BINOMIAL) - _loss(ModelName.HIDDEN_MARKOV)
    by_customer = (
        foretold.group_by("customer_id")
        .agg(gain.sum().alias("gain"), pl.col("count").sum())
        .sort("gain", "count")
    )
    gains, counts = by_customer["gain"].to_numpy(), by_customer["count"].to_numpy()
    rng = np.random.default_rng(_SEED)
    means = np.empty(_REPLICATES)
    for replicate in range(_REPLICATES):
        drawn = rng.integers(0, len(gains), len(gains))
        means[replicate] = gains[drawn].sum() / counts[drawn].sum()
    low, high = np.quantile(means, [0.05, 0.95])
    return float(gains.sum() / counts.sum()), float(low), float(high)
