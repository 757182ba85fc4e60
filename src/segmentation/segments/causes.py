"""Why a customer probably pays late: a hypothesis with a probability, or *unclear*.

Belongs here: weighing signals into probabilities of causes, and abstention. Does not belong here:
counting signals (signals), their likelihood ratios and reasons (cause_signals.yaml).
"""

import math
import operator
from functools import reduce

import polars as pl

from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Cause, Segment
from segmentation.segments.definitions import CAUSES, CauseModel

_SUPPORTED = "_is_supported"
_WEIGHT_UNIT = 1 << 32
"""Weights are summed as whole multiples of 2⁻³²: sums of floats depend on the number of threads."""
_NO_CAUSE_SEGMENTS = (Segment.PROMPT.value, Segment.INSUFFICIENT_HISTORY.value)


def weigh_causes(signals: pl.DataFrame, model: CauseModel) -> pl.DataFrame:
    """Return the probability of each cause per customer, given the signals seen.

    Parameters
    ----------
    signals : result of ``signals.count_signals``.
    model : prior and likelihood ratios.

    Returns
    -------
    One row per customer with signals: ``customer_id``, one probability column per cause, adding up
    to 1, and beside each (``_is_supported``) whether any signal that is not mere background speaks
    for it.

    Notes
    -----
    log P(cause | signals) = log prior + Σ over signals of
    min(1, counts_for ÷ n) · (k · log LR_seen + (n − k) · log LR_not_seen) + constant,
    with k sightings in n opportunities: naive Bayes with its evidence capped, since repeated
    sightings of one customer are not independent.
    """
    ratios = _ratio_table(model)
    weighed = signals.join(ratios, "signal").with_columns(
        pl.min_horizontal(pl.lit(1.0), pl.col("counts_for") / pl.col("count")).alias("damping")
    )
    missed = pl.col("count") - pl.col("seen")
    weights = {
        cause: pl.col("damping")
        * (pl.col("seen") * pl.col(f"seen_{cause}") + missed * pl.col(f"not_seen_{cause}"))
        for cause in CAUSES
    }
    sums = (
        weighed.sort("customer_id", "signal")
        .group_by("customer_id", maintain_order=True)
        .agg(
            *(
                ((weight * _WEIGHT_UNIT).round().cast(pl.Int64).sum() / _WEIGHT_UNIT).alias(cause.value)
                for cause, weight in weights.items()
            ),
            *(
                ((weight > 0) & ~pl.col("is_background")).any().alias(f"{cause}{_SUPPORTED}")
                for cause, weight in weights.items()
            ),
        )
        .with_columns(pl.col(cause.value) + math.log(model.prior[cause]) for cause in CAUSES)
    )
    names = [cause.value for cause in CAUSES]
    top = sums.select(pl.max_horizontal(names)).to_series()
    raised = sums.with_columns((pl.col(name) - top).exp() for name in names)
    # Added one after the other: sum_horizontal adds in an order that depends on the number of threads.
    total = raised.select(reduce(operator.add, map(pl.col, names))).to_series()
    return raised.with_columns(pl.col(name) / total for name in names)


def choose_causes(
    segments: pl.DataFrame, probabilities: pl.DataFrame, contacted: pl.DataFrame, settings: SegmentSettings
) -> pl.DataFrame:
    """Return ``segments`` with the likely cause of lateness and its probability.

    Parameters
    ----------
    segments : result of ``rules.assign_segments``.
    probabilities : result of ``weigh_causes``.
    contacted : result of ``signals.find_contacted``.
    settings : ``min_cause_prob`` below which the cause is *unclear*.

    Returns
    -------
    ``segments`` with ``cause``, ``cause_prob`` and ``is_contacted``. The cause is *unclear* for
    customers who are prompt or hardly known, about whom nothing but invoices and payments is on
    record (probability null), or whose likeliest cause is below ``min_cause_prob`` or has no signal of
    its own (its probability is then given). Of equally likely causes the milder one, in the order of the vocabulary, is taken.
    """
    names = [cause.value for cause in CAUSES]
    best = pl.max_horizontal(names)
    chosen = pl.lit(None, dtype=pl.String)
    for name in reversed(names):
        is_best = pl.col(name) == best
        supported = pl.when(pl.col(f"{name}{_SUPPORTED}")).then(pl.lit(name))
        chosen = pl.when(is_best).then(supported).otherwise(chosen)
    likely = probabilities.select("customer_id", chosen.alias("likely_cause"), best.alias("likely_prob"))
    known = contacted.select("customer_id", pl.lit(True).alias("is_contacted"))
    joined = segments.join(likely, "customer_id", "left").join(known, "customer_id", "left")
    is_contacted = pl.col("is_contacted").fill_null(False)
    is_late_payer = (pl.col("late_count") > 0) & ~pl.col("segment").is_in(_NO_CAUSE_SEGMENTS)
    is_told = is_late_payer & is_contacted & pl.col("likely_prob").is_not_null()
    return joined.with_columns(
        pl.when(is_told & (pl.col("likely_prob") >= settings.min_cause_prob))
        .then(pl.col("likely_cause").fill_null(Cause.UNCLEAR.value))
        .otherwise(pl.lit(Cause.UNCLEAR.value))
        .alias("cause"),
        pl.when(is_told).then(pl.col("likely_prob")).alias("cause_prob"),
        is_contacted.alias("is_contacted"),
    ).drop("likely_cause", "likely_prob")


def _ratio_table(model: CauseModel) -> pl.DataFrame:
    """Logarithms of the likelihood ratios, one row per signal."""
    rows = [
        {"signal": name, "counts_for": float(signal.counts_for), "is_background": signal.is_background}
        | {f"seen_{cause}": math.log(signal.seen.get(cause, 1.0)) for cause in CAUSES}
        | {f"not_seen_{cause}": math.log(signal.not_seen.get(cause, 1.0)) for cause in CAUSES}
        for name, signal in model.signals.items()
    ]
    return pl.DataFrame(rows)
