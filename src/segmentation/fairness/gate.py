"""What follows from the bias audit: publish, publish with care, or stop.

Belongs here: one verdict over all findings, failing closed. Does not belong here: the findings (audit),
or carrying the verdict out (the pipeline).
"""

import polars as pl

from segmentation.domain.hashing import hash_text
from segmentation.domain.room_tables import AUDIT_VERDICT
from segmentation.domain.settings import FairnessSettings
from segmentation.domain.validation import find_violations
from segmentation.domain.vocabulary import Verdict
from segmentation.fairness.audit import ALL, AUDIT_FAIRNESS, PRIMARY

_SHOWN = 3
_REMEDY = (
    "The last approved snapshot stays current. Look at how the lateness of this group is recorded and at "
    "what led to its labels or steps; publish only when the gap is gone or a named person has decided that "
    "it is justified."
)
_CARE = "Harsh steps need a person's decision until this is clear."


def judge_audit(audit: pl.DataFrame, settings: FairnessSettings) -> pl.DataFrame:
    """Return whether the run may be published as far as the treatment of groups is concerned.

    Parameters
    ----------
    audit : ``audit_fairness``; anything else, or nothing, blocks.
    settings : the settings that the audit was made with.

    Returns
    -------
    ``audit_verdict``, one row: *block* when a comparison of the primary family blocks, or when the
    audit is empty, invalid, incomplete or contradicts itself; *not_assessable* when nothing could be
    compared for want of group data; *pass* when every group compared in the primary family passes;
    else *inconclusive*. A group too small for a figure prevents a pass.
    """
    fault = _find_fault(audit, settings)
    if fault is not None:
        verdict, statement = Verdict.BLOCK, f"The bias audit cannot be relied on: {fault}. {_REMEDY}"
    else:
        verdict, statement = _judge(audit.filter(pl.col("family") == PRIMARY))
    return AUDIT_VERDICT.conform(
        pl.DataFrame(
            {
                "verdict": [verdict.value],
                "statement": [statement],
                "settings_hash": [hash_text(settings.model_dump_json())],
            }
        )
    )


def _judge(primary: pl.DataFrame) -> tuple[Verdict, str]:
    compared = primary.filter(pl.col("group") != ALL)
    missing = primary.filter(pl.col("group") == ALL)
    if compared.filter(pl.col("verdict") != Verdict.NOT_ASSESSABLE.value).height == 0:
        reasons = missing["statement"].to_list() or ["Every group is too small for a figure."]
        return Verdict.NOT_ASSESSABLE, " ".join(["Nothing could be compared.", *reasons])
    blocked = compared.filter(pl.col("verdict") == Verdict.BLOCK.value).sort("gap", descending=True)
    scope = _say_scope(compared, missing)
    if blocked.height:
        worst = " ".join(blocked["statement"].head(_SHOWN).to_list())
        return Verdict.BLOCK, f"{scope} Treated worse: {worst} {_REMEDY}"
    open_ = compared.filter(pl.col("verdict") != Verdict.PASS.value)
    if open_.height == 0:
        return Verdict.PASS, f"{scope} No group was found to be treated worse."
    widest = open_.sort("gap_high", descending=True, nulls_last=True)["statement"][0]
    doubt = f"{open_.height} of {compared.height} comparisons neither show a gap nor rule one out, such as:"
    return Verdict.INCONCLUSIVE, f"{scope} {doubt} {widest} {_CARE}"


def _say_scope(compared: pl.DataFrame, missing: pl.DataFrame) -> str:
    attributes = ", ".join(sorted(compared["attribute"].unique()))
    absent = sorted(set(missing["attribute"]) - {ALL})
    left_out = f" Not assessed for want of data: {', '.join(absent)}." if absent else ""
    return f"Assessed {', '.join(sorted(compared['metric'].unique()))} by {attributes}.{left_out}"


def _find_fault(audit: pl.DataFrame, settings: FairnessSettings) -> str | None:
    """Why the audit cannot be relied on, in words; None when it can."""
    if audit.height == 0:
        return "it is empty"
    violations = find_violations(audit, AUDIT_FAIRNESS)
    if violations:
        return f"it does not keep its definition ({violations[0]})"
    primary = audit.filter(pl.col("family") == PRIMARY)
    metrics = set(primary["metric"])
    absent = sorted(set(settings.primary_metrics) - metrics)
    if absent and not (metrics == {ALL} and primary["attribute"].to_list() == [ALL]):
        return f"it says nothing about {', '.join(absent)}"
    figures = ("estimate", "gap", "gap_high", "p_value")
    is_judged = pl.col("verdict") != Verdict.NOT_ASSESSABLE.value
    if primary.filter(
        is_judged & pl.any_horizontal(pl.col(figures).is_null() | pl.col(figures).is_nan())
    ).height:
        return "it judges groups without figures"
    is_pass = pl.col("verdict") == Verdict.PASS.value
    is_earned = (pl.col("gap_high") < settings.pass_gap) & (pl.col("count") >= settings.min_count_pass)
    is_worse = (pl.col("p_value") < settings.alpha) & (pl.col("gap") > settings.block_gap)
    contradicted = (is_pass & ~is_earned) | (
        is_judged & is_worse & (pl.col("verdict") != Verdict.BLOCK.value)
    )
    if primary.filter(contradicted).height:
        return "its verdicts contradict its figures"
    return None
