"""When a customer is called prompt, incidental, structural or undecided.

Belongs here: assigning segments, and hysteresis. Does not belong here: what the segments mean, in words
(segment_definitions), how a probability is estimated (propensity, habit), or what is done about it (treatment).

A customer who was prompt, incidental or structural in the previous snapshot leaves that segment
only when past its bound by ``hysteresis``; for one who is late in no more than one of twenty known
instalments, the bound of prompt lies higher by the same margin, with or without a previous snapshot.
"""

import polars as pl

from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Segment

_RARE_LATE_SHARE = 0.05


def assign_segments(
    propensity: pl.DataFrame, settings: SegmentSettings, previous: pl.DataFrame | None
) -> pl.DataFrame:
    """Return ``propensity`` with the segment of each customer.

    Parameters
    ----------
    propensity : result of ``behaviour.judge_behaviour``.
    settings : bounds and hysteresis.
    previous : ``out_customer_segments`` of the last earlier snapshot; None when there is none.
    """
    margin = settings.hysteresis
    before = propensity.select("customer_id").join(_previous_segments(previous), "customer_id", "left")
    was = {segment: (before["was"] == segment.value).fill_null(False) for segment in Segment}
    prob = pl.col("structural_prob")
    mean = pl.col("late_propensity")

    def eased(*segments: Segment) -> pl.Expr:
        held = was[segments[0]]
        for segment in segments[1:]:
            held |= was[segment]
        return pl.when(held).then(margin).otherwise(0.0)

    is_rarely_late = pl.col("late_count") <= _RARE_LATE_SHARE * pl.col("settled_count")
    prompt_bound = (
        pl.when(was[Segment.INCIDENTAL])
        .then(settings.prompt_late_share - min(margin, settings.prompt_late_share / 2))
        .otherwise(settings.prompt_late_share + eased(Segment.PROMPT))
    ) + pl.when(is_rarely_late).then(margin).otherwise(0.0)
    is_known = pl.col("settled_count") >= settings.min_settled
    is_persistent = pl.col("late_span_days").fill_null(-1) >= settings.persistence_days
    is_structural = (prob >= settings.structural_prob - eased(Segment.STRUCTURAL)) & is_persistent
    is_low = prob <= settings.incidental_prob + eased(Segment.INCIDENTAL, Segment.PROMPT)
    return propensity.with_columns(
        pl.when(~is_known)
        .then(pl.lit(Segment.INSUFFICIENT_HISTORY.value))
        .when(is_structural)
        .then(pl.lit(Segment.STRUCTURAL.value))
        .when(is_low & (mean < prompt_bound))
        .then(pl.lit(Segment.PROMPT.value))
        .when(is_low)
        .then(pl.lit(Segment.INCIDENTAL.value))
        .otherwise(pl.lit(Segment.UNDECIDED.value))
        .alias("segment")
    )


def _previous_segments(previous: pl.DataFrame | None) -> pl.DataFrame:
    if previous is None:
        return pl.DataFrame(schema={"customer_id": pl.String, "was": pl.String})
    return previous.select("customer_id", pl.col("segment").cast(pl.String).alias("was")).unique(
        "customer_id", keep="first", maintain_order=True
    )
