"""Which columns of the feature tables the models use, and which of them have a special part to play.

Belongs here: names. Does not belong here: how a feature is computed (features room).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from segmentation.domain.schema import Role
from segmentation.features.definitions import FEATURE_TABLES, PRIOR_LATE_SHARE
from segmentation.features.definitions import PRIOR_WEIGHT as FEATURE_WEIGHT
from segmentation.risk.grid import BoolArray, FloatArray, IntArray

DEPTH = "outcome_count"
LATE_SHARE = "late_share"
MEDIAN_DAYS = "median_delay_days"
ANCHOR_FEATURES = (MEDIAN_DAYS, "ewma_delay_days", "p80_delay_days", "due_to_pay_weekday_days")
"""Habits that the boosted hazard also sees as a distance from the day in question."""

WINDOW_BOUND = frozenset({"issued_count", "issued_365_count", "relation_days"})
"""Features that grow with the length of the export rather than with the relation: a model would learn
the age of the ledger from them and be wrong on its next day."""

HABIT_FEATURES = frozenset(
    {
        "late_share",
        "late_365_share",
        "recent_late_share",
        "last_3_delay_days",
        "mean_delay_days",
        "median_delay_days",
        "p80_delay_days",
        "ewma_delay_days",
        "spread_delay_days",
        "amount_log10",
        "amount_ratio",
        "terms_days",
        "outcome_count",
    }
)
"""What every ledger has and every credit manager would look at first. The penalty of linear models on all
other features is nine times theirs, so that on a short ledger the few that carry most are not drowned
by the many that might; with more data the penalty matters less and less."""

OTHER_SCALE = 1.0 / 3.0

PRIOR_WEIGHT = 2.0
"""Weight of the ledger's own late rate, in instalments, in the past late rate of a customer."""

DEPTH_GROUPS = ("0", "1-2", "3-9", "10+")
_DEPTH_STARTS = np.array([1, 3, 10])


def feature_columns(issue: pl.DataFrame, open_: pl.DataFrame) -> list[str]:
    """Return the features known at issue that open instalments have too, in order of definition."""
    usable = FEATURE_TABLES["feat_instalment_at_issue"].columns_with(Role.MEASURE, Role.CATEGORY)
    return [
        name
        for name in usable
        if name in issue.columns and name in open_.columns and name not in WINDOW_BOUND
    ]


def linear_form(feature_names: Sequence[str]) -> tuple[FloatArray, BoolArray]:
    """Return how each feature enters linear models: its scale (below 1 is penalised more), whether it is a share."""
    scale = np.array([1.0 if name in HABIT_FEATURES else OTHER_SCALE for name in feature_names])
    return scale, np.array([name.endswith("_share") for name in feature_names], dtype=np.bool_)


def depth_group(depth: FloatArray) -> IntArray:
    """Return the position in ``DEPTH_GROUPS`` of each number of known instalments; missing means none."""
    return np.searchsorted(_DEPTH_STARTS, np.nan_to_num(depth), side="right").astype(np.int64)


def past_late_prob(depth: FloatArray, late_share: FloatArray, late_rate: float) -> FloatArray:
    """Return (late + k · late rate) ÷ (known + k) with k = 2, for customers with ``depth`` known instalments.

    ``late_share`` is smoothed already, towards a fixed share; the number of late instalments is recovered from
    it, so that the prior can be the ledger's own rate.
    """
    known = np.nan_to_num(depth)
    share = np.nan_to_num(late_share, nan=PRIOR_LATE_SHARE)
    late = np.clip(share * (known + FEATURE_WEIGHT) - PRIOR_LATE_SHARE * FEATURE_WEIGHT, 0.0, known)
    return np.asarray((late + PRIOR_WEIGHT * late_rate) / (known + PRIOR_WEIGHT), dtype=np.float64)
