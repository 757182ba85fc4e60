"""Why an instalment is thought to be paid late: parts of the log-odds by reason group.

Belongs here: grouping parts and naming the strongest. Does not belong here: how a head splits its score
into parts (heads), the words (domain.reasons).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.domain.reasons import BASE, DOWN, STILL_OPEN, UP
from segmentation.features.definitions import FEATURES
from segmentation.risk.baselines import PastLateRate
from segmentation.risk.calibration import LateCalibration
from segmentation.risk.candidates import Candidate, HeadedHazard
from segmentation.risk.cohort import KEY, Cohort
from segmentation.risk.grid import FloatArray, IntArray
from segmentation.risk.metrics import log_odds

TOP_REASONS = 3
_WEAK = 0.05
_PAST = "past_lateness"


@dataclass(frozen=True)
class Explanation:
    """Parts of the log-odds of being late: one column per group, the first being the starting point.

    The sum of a row is the log-odds of late_prob; for an instalment that is overdue already, and so is
    late for certain, the log-odds that it would have had without being seen unpaid so far.
    """

    groups: tuple[str, ...]
    parts: FloatArray

    def ranks(self) -> IntArray:
        """Return, for every part, 1 for the one that moved the score most, 2, 3; 0 for base, weak parts and the rest."""
        size = np.abs(self.parts[:, 1:])
        order = np.argsort(-size, axis=1, kind="stable")[:, :TOP_REASONS]
        places = np.broadcast_to(np.arange(1, order.shape[1] + 1), order.shape)
        strong = np.where(np.take_along_axis(size, order, axis=1) >= _WEAK, places, 0)
        ranks = np.zeros(self.parts.shape, dtype=np.int64)
        np.put_along_axis(ranks, order + 1, strong, axis=1)
        return ranks


def explain(
    candidate: Candidate, calibration: LateCalibration, cohort: Cohort, late_prob: FloatArray
) -> Explanation:
    """Return the parts of the log-odds of ``late_prob`` for each instalment of ``cohort``.

    Parameters
    ----------
    candidate : model or baseline that spoke.
    calibration : slope and shift that were applied to its log-odds.
    late_prob : probability of being late given that the instalment is open; 1 once overdue.

    Notes
    -----
    The calibrated log-odds are slope × (base + Σ parts) + shift: parts are multiplied by the slope and the
    shift belongs to the base. What being open so far adds (by Bayes' rule, S(0) ÷ S(age)) is a group of
    its own. The clipping of probabilities at one in a million is in that group too.
    """
    names, parts = _parts(candidate, cohort)
    group_of = {feature.name: str(feature.reason_group) for feature in FEATURES}
    groups = sorted({group_of.get(name, name) for name in names} - {BASE})
    sums = np.zeros((len(cohort), len(groups) + 2))
    for column, name in enumerate(names):
        group = group_of.get(name, name)
        place = 0 if group == BASE else groups.index(group) + 1
        sums[:, place] += parts[:, column] * calibration.slope
    sums[:, 0] += calibration.shift
    is_overdue = late_prob >= 1.0
    given_open = log_odds(late_prob) - sums[:, :-1].sum(axis=1)
    sums[:, -1] = np.where(is_overdue, 0.0, given_open)
    return Explanation((BASE, *groups, STILL_OPEN), sums)


def _parts(candidate: Candidate, cohort: Cohort) -> tuple[list[str], FloatArray]:
    if isinstance(candidate, HeadedHazard):
        return [*cohort.feature_names, BASE], candidate.contributions(cohort.features)
    survival = candidate.survival(cohort)
    at_due = survival[:, int(np.searchsorted(candidate.grid.ends, 0))] if hasattr(candidate, "grid") else None
    if isinstance(candidate, PastLateRate):
        own = log_odds(candidate.late_prob(cohort))
        base = log_odds(np.full(len(cohort), candidate.late_rate))
        return [_PAST, BASE], np.column_stack([own - base, base])
    late = getattr(candidate, "late_rate", None)
    base = log_odds(np.full(len(cohort), late)) if late is not None else log_odds(np.asarray(at_due))
    return [BASE], base[:, None]


def build_reasons(cohort: Cohort, explanation: Explanation) -> pl.DataFrame:
    """Return every part but nil: key, customer_id, reason_code (group), contribution and rank.

    ``rank`` is 1 to 3 for what moved the score most, else null.
    """
    count, width = explanation.parts.shape
    ranks = explanation.ranks().reshape(-1)
    frame = pl.DataFrame(
        {
            "row": np.repeat(np.arange(count), width),
            "reason_code": np.tile(np.array(explanation.groups, dtype=object), count).tolist(),
            "contribution": explanation.parts.reshape(-1),
            "rank": ranks,
        },
        schema={"row": pl.Int64, "reason_code": pl.String, "contribution": pl.Float64, "rank": pl.Int64},
    ).filter((pl.col("contribution") != 0) | (pl.col("reason_code") == BASE))
    keys = cohort.key.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    ranked = frame.with_columns(pl.when(pl.col("rank") > 0).then("rank"))
    return ranked.join(keys, on="row", how="inner", maintain_order="left")


def directed_code() -> pl.Expr:
    """Return the code of a reason with its direction: ``past_lateness_up`` raised the probability of being late."""
    way = pl.when(pl.col("contribution") > 0).then(pl.lit(UP)).otherwise(pl.lit(DOWN))
    return pl.concat_str("reason_code", way, separator="_")


def list_codes(reasons: pl.DataFrame) -> pl.DataFrame:
    """Return invoice_id, instalment_number and reason_codes: up to three with their direction, strongest first."""
    top = reasons.drop_nulls("rank").sort("row", "rank")
    return top.group_by(*KEY, maintain_order=True).agg(directed_code().alias("reason_codes"))
