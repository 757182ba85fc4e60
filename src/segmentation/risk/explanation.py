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
from segmentation.risk.cohort import Cohort
from segmentation.risk.grid import FloatArray
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

    def reason_codes(self) -> pl.Series:
        """Return up to three groups that moved the score most, with their direction, strongest first."""
        moving = self.parts[:, 1:]
        order = np.argsort(-np.abs(moving), axis=1, kind="stable")[:, :TOP_REASONS]
        size = np.take_along_axis(moving, order, axis=1)
        ups = np.array([f"{group}_{UP}" for group in self.groups[1:]], dtype=object)
        downs = np.array([f"{group}_{DOWN}" for group in self.groups[1:]], dtype=object)
        if not len(ups):
            return pl.Series("reason_codes", [[]] * len(moving), dtype=pl.List(pl.String))
        codes = np.where(size > 0, ups[order], downs[order])
        columns = {f"r{rank}": codes[:, rank] for rank in range(codes.shape[1])}
        weak = {f"w{rank}": np.abs(size[:, rank]) < _WEAK for rank in range(codes.shape[1])}
        frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).hstack(pl.DataFrame(weak))
        strong = [pl.when(~pl.col(f"w{rank}")).then(pl.col(f"r{rank}")) for rank in range(codes.shape[1])]
        return frame.select(pl.concat_list(strong).list.drop_nulls().alias("reason_codes")).to_series()

    def take(self, rows: FloatArray) -> "Explanation":
        """Return the explanation of these rows."""
        return Explanation(self.groups, self.parts[rows])


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
    """Return invoice_id, instalment_number, reason_code (group) and contribution of all parts but nil."""
    count, width = explanation.parts.shape
    frame = pl.DataFrame(
        {
            "row": np.repeat(np.arange(count), width),
            "reason_code": list(explanation.groups) * count,
            "contribution": explanation.parts.reshape(-1),
        },
        schema={"row": pl.Int64, "reason_code": pl.String, "contribution": pl.Float64},
    ).filter((pl.col("contribution") != 0) | (pl.col("reason_code") == BASE))
    keys = cohort.key.select("invoice_id", "instalment_number").with_columns(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("row")
    )
    return frame.join(keys, on="row", how="inner")
