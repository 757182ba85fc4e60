"""The backtest of segments: what they said on one day, beside what customers did afterwards.

Belongs here: the protocol, the groupings that segments must beat, and the report. Does not belong here: the
figures (judgement), or the backtest of payment dates (risk).

No ledger says who pays late by habit, so validity is predictive: a segment is worth what it says about
instalments that were issued later.
"""

from datetime import date
from typing import Any

import polars as pl

from segmentation.domain.core_tables import KNOWN_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Segment
from segmentation.ledger.as_known import default_as_of
from segmentation.ledger.balances import build_instalment_balances, recall_ledger
from segmentation.ledger.truncation import find_truncation
from segmentation.segments.judgement import HIGH, LOW, MIDDLE, judge_grouping
from segmentation.segments.observations import EXCLUDED, LATE, classify_instalments
from segmentation.segments.segmentation import segment_customers

PUBLISHED = "published"
MIN_LATER_COUNT = 3
"""Later instalments below which a customer's later late share says too little to be judged on."""

_SIDES = {
    Segment.PROMPT.value: LOW,
    Segment.INCIDENTAL.value: LOW,
    Segment.UNDECIDED.value: MIDDLE,
    Segment.STRUCTURAL.value: HIGH,
}
_PROMPT_MEAN_DAYS, _HABITUAL_MEAN_DAYS = 0, 14


def backtest_segments(
    ledger: Frames, start: date, until: date, settings: SegmentSettings, seed: int
) -> dict[str, Any]:
    """Return how well segments of one day foretold later behaviour, beside two simple groupings.

    Parameters
    ----------
    ledger : core_ tables with everything known until now; what was known earlier is worked out here.
    start : day at whose start the customers are segmented.
    until : last day of issue of the instalments on which they are judged.
    settings : bounds of the segments.
    seed : of the bootstrap.

    Returns
    -------
    dict
        ``start``, ``until``, ``outcomes_known_before``; ``customer_count`` and ``later_count``, who is judged and
        on how many instalments; ``segments``, per segment its customers, their late share before and after;
        ``halves_count``, the customers segmented on both halves of time; ``figures`` by grouping (``published``,
        ``past_rate_terciles``, ``average_days_bins``), as of ``judgement.judge_grouping``. Ready for JSON.

    Notes
    -----
    Judged are customers with at least ``min_settled`` known instalments before ``start`` and three later ones
    whose lateness is known on the day after the newest fact. The other half of time is everything issued from
    ``start`` on, segmented anew with nothing else known. Where slow payers are missing from the last issue
    cohorts (``ledger.truncation``), those are left out.
    """
    facts = {name: ledger[name] for name in KNOWN_TABLES}
    end = default_as_of(facts)
    known = recall_ledger(facts, start)
    balance = build_instalment_balances(facts, end)
    truncation = find_truncation(balance, end)
    if truncation is not None and truncation.complete_until is not None:
        balance = balance.filter(pl.col("issue_date") <= truncation.complete_until)
    later = {**facts, "core_instalment_balance": balance.filter(pl.col("issue_date") >= start)}
    before = _group(known, start, settings)
    after = _group(later, end, settings)
    outcome = (
        classify_instalments(later["core_instalment_balance"], end, settings)
        .filter(~pl.col(EXCLUDED) & (pl.col("issue_date") <= until))
        .group_by("customer_id")
        .agg(pl.col(LATE).sum().alias("later_late_count"), pl.len().alias("later_count"))
        .filter(pl.col("later_count") >= MIN_LATER_COUNT)
    )
    judged = {name: _beside(frame, outcome) for name, frame in before.items()}
    halves = {name: frame.join(after[name], "customer_id", suffix="_later") for name, frame in before.items()}
    published = judged[PUBLISHED]
    return {
        "start": start.isoformat(),
        "until": until.isoformat(),
        "outcomes_known_before": end.isoformat(),
        "customer_count": published.height,
        "later_count": int(published["later_count"].sum()),
        "halves_count": halves[PUBLISHED].height,
        "segments": _sum_segments(published),
        "figures": {name: judge_grouping(judged[name], halves[name], seed) for name in judged},
    }


def _group(ledger: Frames, as_of: date, settings: SegmentSettings) -> dict[str, pl.DataFrame]:
    """Return every grouping of the customers with enough history: side, score and probability of each."""
    segments = segment_customers(ledger, as_of, settings).filter(
        pl.col("segment") != Segment.INSUFFICIENT_HISTORY.value
    )
    mean_days = (
        classify_instalments(ledger["core_instalment_balance"], as_of, settings)
        .filter(~pl.col(EXCLUDED))
        .group_by("customer_id")
        .agg(pl.col("days_late").mean().alias("mean_days"))
    )
    known = segments.join(mean_days, "customer_id").sort("customer_id")
    past_share = pl.col("late_count") / pl.col("settled_count")
    third = (past_share.rank("average") * 3 / pl.len()).ceil()
    return {
        PUBLISHED: known.with_columns(
            pl.col("segment").replace_strict(_SIDES, return_dtype=pl.String).alias("side"),
            pl.col("late_propensity").alias("score"),
            pl.col("structural_prob").alias("prob"),
            past_share.alias("past_share"),
        ),
        "past_rate_terciles": _as_grouping(known, past_share, third <= 1, third > 2),  # noqa: PLR2004  thirds
        "average_days_bins": _as_grouping(
            known,
            pl.col("mean_days"),
            pl.col("mean_days") <= _PROMPT_MEAN_DAYS,
            pl.col("mean_days") > _HABITUAL_MEAN_DAYS,
        ),
    }


def _as_grouping(known: pl.DataFrame, score: pl.Expr, is_low: pl.Expr, is_high: pl.Expr) -> pl.DataFrame:
    """Return customers in three bins; the probability of a bin is the share late more often than not before."""
    side = pl.when(is_low).then(pl.lit(LOW)).when(is_high).then(pl.lit(HIGH)).otherwise(pl.lit(MIDDLE))
    is_mostly_late = pl.col("late_count") * 2 > pl.col("settled_count")
    return known.select(
        "customer_id", score.alias("score"), side.alias("side"), is_mostly_late.alias("is_mostly_late")
    ).with_columns(pl.col("is_mostly_late").mean().over("side").alias("prob"))


def _beside(grouped: pl.DataFrame, outcome: pl.DataFrame) -> pl.DataFrame:
    later_share = pl.col("later_late_count") / pl.col("later_count")
    return (
        grouped.join(outcome, "customer_id")
        .sort("customer_id")
        .with_columns(later_share.alias("later_share"))
    )


def _sum_segments(published: pl.DataFrame) -> list[dict[str, Any]]:
    return (
        published.group_by("segment")
        .agg(
            pl.len().alias("customer_count"),
            pl.col("past_share").mean().alias("past_late_share"),
            pl.col("later_share").mean().alias("later_late_share"),
        )
        .sort("later_late_share")
        .to_dicts()
    )
