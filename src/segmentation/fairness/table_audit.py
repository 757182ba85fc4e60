"""The bias audit of any table of scores, outcomes and groups that a data scientist brings.

Belongs here: the public function ``segmentation.fairness.audit``. Does not belong here: customers of a
ledger (ledger_audit).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from segmentation.domain.settings import FairnessSettings
from segmentation.fairness.cells import count_cells
from segmentation.fairness.comparison import PAIR
from segmentation.fairness.findings import complete_audit, split_alone
from segmentation.fairness.groups import UNKNOWN
from segmentation.fairness.harms import Harm

_OUTCOME_HARMS: Mapping[str, Harm] = {
    "false_positive_rate": Harm("rows without the outcome", "are flagged", pl.lit(True), pl.lit(True)),
    "false_negative_rate": Harm("rows with the outcome", "are not flagged", pl.lit(True), pl.lit(True)),
    "selection_rate": Harm("rows", "are flagged", pl.lit(True), pl.lit(True)),
}

_OWN_NAMES = ("metric", "is_harmed", "count", "harmed", "_flagged", "_outcome")
"""Columns beside the attributes while rows are counted."""


def audit(
    scores: Sequence[float],
    truth: Sequence[float] | None,
    groups: pl.DataFrame | Mapping[str, Sequence[object]],
    *,
    threshold: float = 0.5,
    settings: FairnessSettings | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Return whether any group is flagged wrongly more often than all others, for any table of scores.

    Parameters
    ----------
    scores : score or decision per row; at or above ``threshold`` the row is flagged, which is the harm.
    truth : outcome per row, 1 or 0 (true or false); None when outcomes are not known.
    groups : attributes by name, one value per row; null is the group *unknown*.
    threshold : score from which a row is flagged.
    settings : gaps, alpha, pairs, minimum counts and replicates; the defaults when None. Its attributes
        and metrics are not used, and all of alpha is spent: this is one audit, not one of many.
    seed : of the bootstrap.

    Returns
    -------
    ``audit_fairness``. With outcomes, the primary family is the false positive rate (rows without the
    outcome that are flagged), and the rates of false negatives and of flags are secondary. Without
    outcomes the primary family is the rate of flags alone, which differs between groups for good and
    bad reasons.

    Raises
    ------
    ValueError
        When lengths differ, when there are no groups, when a score or outcome is missing, or when an attribute has a
        name that the audit needs itself (``metric``, ``count``) or that reads as a pair.

    Examples
    --------
    Four hundred people of each shift; nobody defaulted, and the night shift is flagged more often.

    >>> from segmentation import fairness
    >>> flagged = [1] * 20 + [0] * 380 + [1] * 80 + [0] * 320
    >>> outcome = [0] * 800
    >>> shift = {"shift": ["day"] * 400 + ["night"] * 400}
    >>> found = fairness.audit(flagged, outcome, shift)
    >>> found.filter(family="primary").select("group", "estimate", "gap", "verdict").rows()
    [('day', 0.05, -0.15000000000000002, 'pass'), ('night', 0.2, 0.15000000000000002, 'block')]
    """
    settings = settings or FairnessSettings()
    rows = _tabulate(scores, truth, groups, threshold)
    attributes = [name for name in rows.columns if name not in {"_flagged", "_outcome"}]
    flagged, outcome = pl.col("_flagged"), pl.col("_outcome")
    parts = [rows.select(pl.lit("selection_rate").alias("metric"), flagged.alias("is_harmed"), *attributes)]
    if truth is not None:
        wrongly = rows.filter(~outcome), "false_positive_rate", flagged
        missed = rows.filter(outcome), "false_negative_rate", ~flagged
        parts += [
            frame.select(pl.lit(metric).alias("metric"), harmed.alias("is_harmed"), *attributes)
            for frame, metric, harmed in (wrongly, missed)
        ]
    primary = "false_positive_rate" if truth is not None else "selection_rate"
    chosen = settings.model_copy(update={"primary_metrics": (primary,)})
    cells, alone = split_alone(count_cells(pl.concat(parts), attributes, chosen), chosen)
    return complete_audit(cells, _OUTCOME_HARMS, chosen, seed, alone, settings.alpha)


def _tabulate(
    scores: Sequence[float],
    truth: Sequence[float] | None,
    groups: pl.DataFrame | Mapping[str, Sequence[object]],
    threshold: float,
) -> pl.DataFrame:
    frame = groups if isinstance(groups, pl.DataFrame) else pl.DataFrame(dict(groups), strict=False)
    score = np.asarray(scores, dtype=np.float64)
    outcome = np.zeros(len(score)) if truth is None else np.asarray(truth, dtype=np.float64)
    if not frame.width or not len(score) == len(outcome) == frame.height:
        raise ValueError(
            f"{len(score)} scores, {len(outcome)} outcomes and {frame.height} rows of {frame.width} groups "
            "do not belong together"
        )
    refused = [name for name in frame.columns if name in _OWN_NAMES or PAIR in name]
    if refused:
        raise ValueError(
            f"attributes cannot be named {', '.join(map(repr, refused))}: rename them; the audit itself uses "
            f"{', '.join(_OWN_NAMES)}, and {PAIR!r} between the names of a pair"
        )
    if np.isnan(score).any() or not np.isin(outcome, (0.0, 1.0)).all():
        raise ValueError("every row needs a score, and an outcome that is 0 or 1")
    return frame.select(pl.all().cast(pl.String).fill_null(UNKNOWN)).with_columns(
        _flagged=pl.Series(score >= threshold), _outcome=pl.Series(outcome == 1.0)
    )
