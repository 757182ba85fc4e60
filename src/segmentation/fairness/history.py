"""The record of audits: what each run was tested at, and what it found.

Belongs here: the row of this run, after those of earlier ones. Does not belong here: where earlier rows
are kept (publish), or how much a run may spend (spending).
"""

from datetime import date, timedelta

import polars as pl

from segmentation.domain.published_tables import FAIRNESS_HISTORY
from segmentation.domain.settings import FairnessSettings
from segmentation.domain.vocabulary import Verdict
from segmentation.fairness.cells import PRIMARY
from segmentation.fairness.findings import ALL
from segmentation.fairness.spending import spend_alpha


def spend_next_alpha(history: pl.DataFrame, as_of: date, settings: FairnessSettings) -> float:
    """Return the false-alarm rate that a run may spend, given the record of earlier audits.

    Parameters
    ----------
    history : ``out_fairness_history``; only days before ``as_of`` on which something was compared count.
    as_of : day of the run.
    settings : of the spending.
    """
    earlier = history.filter((pl.col("as_of_date") < as_of) & (pl.col("alpha") > 0))["as_of_date"]
    previous = earlier.max()
    return spend_alpha(previous if isinstance(previous, date) else None, as_of, settings)


def extend_history(
    history: pl.DataFrame,
    audit: pl.DataFrame,
    verdict: pl.DataFrame,
    as_of: date,
    settings: FairnessSettings,
) -> pl.DataFrame:
    """Return the record of audits with the row of this run, as ``out_fairness_history``.

    Parameters
    ----------
    history : record of earlier audits; rows from ``as_of`` on are left out.
    audit : ``audit_fairness`` of this run.
    verdict : ``audit_verdict`` of this run.
    as_of : day of the run.
    settings : for the period over which alpha is summed.
    """
    primary = audit.filter((pl.col("family") == PRIMARY) & (pl.col("group") != ALL))
    compared = primary.filter(pl.col("verdict") != Verdict.NOT_ASSESSABLE.value)
    widest = compared.sort("gap", descending=True).head(1)
    earlier = history.filter(pl.col("as_of_date") < as_of)
    alpha = compared["alpha"].max()
    recent = earlier.filter(pl.col("as_of_date") > as_of - timedelta(days=settings.alpha_period_days))
    row = pl.DataFrame(
        {
            "as_of_date": [as_of],
            "verdict": verdict["verdict"].head(1),
            "alpha": [alpha if isinstance(alpha, float) else 0.0],
            "compared_count": [compared.height],
            "blocked_count": [compared.filter(pl.col("verdict") == Verdict.BLOCK.value).height],
            "widest_gap": widest["gap"].to_list() or [None],
            "widest_group": (widest["attribute"] + " " + widest["group"]).to_list() or [None],
            "widest_metric": widest["metric"].to_list() or [None],
            "statement": verdict["statement"].head(1),
        }
    ).with_columns(alpha_spent=pl.col("alpha") + recent["alpha"].sum())
    return FAIRNESS_HISTORY.conform(pl.concat([earlier, FAIRNESS_HISTORY.conform(row)]))
