"""The bias audit of a ledger: whether any group of customers is labelled or treated worse than the others.

Belongs here: putting groups, harms and their comparison together. Does not belong here: what follows
from the findings (gate).
"""

from datetime import date

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.settings import FairnessSettings
from segmentation.fairness.cells import PRIMARY, SECONDARY, count_cells
from segmentation.fairness.findings import (
    ALL,
    AUDIT_FAIRNESS,
    complete_audit,
    describe_unassessed,
    split_alone,
)
from segmentation.fairness.groups import SOURCES, read_groups
from segmentation.fairness.harms import HARMS, observe_harms
from segmentation.fairness.spending import spend_alpha
from segmentation.fairness.wording import say_missing_attribute, say_missing_metric


def audit_bias(  # noqa: PLR0917  frames travel as arguments
    ledger: Frames,
    decided: Frames,
    settings: FairnessSettings,
    as_of: date,
    seed: int,
    alpha: float | None = None,
) -> pl.DataFrame:
    """Return whether any group of customers is labelled or treated worse than all others.

    Parameters
    ----------
    ledger : all ``core_`` tables as known on the as-of day.
    decided : ``pred_instalment_risk``, ``pred_segment``, ``act_gate`` and ``act_recommendation``: what is audited.
    settings : attributes, primary metrics, gaps, alpha, minimum counts.
    as_of : day of the run.
    seed : of the bootstrap.
    alpha : false-alarm rate that this run may spend (``spending.spend_alpha``); that of a first audit
        when None.

    Returns
    -------
    ``audit_fairness``: one row per metric and group, or pair of groups. An attribute or a metric about which
    the ledger holds nothing has one row for group *all*, *not_assessable*, that says what to supply; a ledger
    without any group data has one row altogether.

    Notes
    -----
    Below ``min_count_report`` customers, in a group or among all others, there is no figure, not even how
    many are concerned: ``count`` is 0 there, and the statement says *fewer than*. Where the same
    customers are counted by several attributes, totals can still be subtracted from each other; the audit
    is made for those who answer for the treatment, not for the public.

    Which rates, about whom, and the limits of measuring without the truth: ``harms``. How groups are
    compared: ``comparison``.
    """
    groups = read_groups(ledger, settings.attributes, as_of)
    if groups.height == 0:
        return AUDIT_FAIRNESS.conform(_no_group_data(decided["pred_segment"].height, settings))
    harms = observe_harms(ledger, decided, settings, as_of)
    known = [name for name in settings.attributes if name in set(groups["attribute"])]
    wide = groups.pivot("attribute", index="customer_id", values="group").select("customer_id", *known)
    cells, alone = split_alone(
        count_cells(harms.join(wide, "customer_id", "left"), known, settings), settings
    )
    seen = set(cells["metric"]) | {str(row["metric"]) for row in alone}
    missing = (
        alone
        + [
            describe_unassessed(
                _family(metric, settings), metric, ALL, say_missing_metric(metric, HARMS[metric])
            )
            for metric in HARMS
            if metric not in seen
        ]
        + [
            describe_unassessed(PRIMARY, ALL, attribute, say_missing_attribute(attribute, SOURCES[attribute]))
            for attribute in settings.attributes
            if attribute not in known
        ]
    )
    spent = spend_alpha(None, as_of, settings) if alpha is None else alpha
    return complete_audit(cells, HARMS, settings, seed, missing, spent)


def _family(metric: str, settings: FairnessSettings) -> str:
    return PRIMARY if metric in settings.primary_metrics else SECONDARY


def _no_group_data(customer_count: int, settings: FairnessSettings) -> pl.DataFrame:
    sources = ", ".join(SOURCES[attribute] for attribute in settings.attributes)
    statement = (
        "Not assessable: the ledger holds no group data. "
        f"Supply any of {sources} to have the treatment assessed."
    )
    return pl.DataFrame([describe_unassessed(PRIMARY, ALL, ALL, statement, customer_count)])
