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
from segmentation.fairness.cells import PRIMARY
from segmentation.fairness.comparison import is_pair
from segmentation.fairness.findings import ALL, AUDIT_FAIRNESS
from segmentation.fairness.wording import say_gap, say_group, say_list

_SHOWN = 3
_LAST_STAYS = "The last approved snapshot stays current"
_REMEDY = (
    f"{_LAST_STAYS} until the gap is gone or a named person has decided that it is justified; look first at "
    "how its lateness is recorded and what led to its labels or steps."
)
_AUDIT_AGAIN = f"{_LAST_STAYS}: run the audit again, and find out what changed it."
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
    else *inconclusive*. A group too small for a figure prevents a pass. A pair of groups blocks like a group,
    but does not prevent a pass: its two groups are assessed, and some pair is too small in every ledger. The statement has at most three sentences: what was assessed, what
    was found, what follows; the findings about each group are in the audit.
    """
    fault = _find_fault(audit, settings)
    if fault is not None:
        verdict, statement = Verdict.BLOCK, f"The bias audit cannot be relied on: {fault}. {_AUDIT_AGAIN}"
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
    missing = primary.filter((pl.col("group") == ALL) & ~is_pair())
    if compared.filter(pl.col("verdict") != Verdict.NOT_ASSESSABLE.value).height == 0:
        return Verdict.NOT_ASSESSABLE, _say_nothing_compared(compared, missing)
    blocked = compared.filter(pl.col("verdict") == Verdict.BLOCK.value).sort("gap", descending=True)
    scope = _say_scope(compared, missing)
    if blocked.height:
        # A pair is worse off together with its group; it is named when no whole group is.
        named = blocked.filter(~is_pair()) if blocked.filter(~is_pair()).height else blocked
        shown = named.head(_SHOWN)
        worst = "; ".join(map(say_gap, shown.iter_rows(named=True)))
        more = f"; and {blocked.height - shown.height} more" if blocked.height > shown.height else ""
        return Verdict.BLOCK, f"{scope} Treated worse: {worst}{more}. {_REMEDY}"
    counted = compared.filter(~is_pair())
    open_ = counted.filter(pl.col("verdict") != Verdict.PASS.value)
    if open_.height == 0:
        return Verdict.PASS, f"{scope} No group was found to be treated worse."
    return Verdict.INCONCLUSIVE, f"{scope} {_say_doubt(counted, open_)} {_CARE}"


def _say_doubt(counted: pl.DataFrame, open_: pl.DataFrame) -> str:
    """Say how many comparisons of a group are open, and how many could not be made."""
    small = open_.filter(pl.col("gap_high").is_null())
    open_ = open_.filter(pl.col("gap_high").is_not_null())
    too_small = f"{small.height} could not be made, of groups too small for a figure"
    if open_.is_empty():
        return f"Of {counted.height} comparisons of a group, {too_small}, such as {say_group(small.row(0, named=True))}."
    widest = open_.sort("gap_high", descending=True).row(0, named=True)
    more = f"; {too_small}" if small.height else ""
    return (
        f"Of {counted.height} comparisons of a group, {open_.height} neither show a gap nor rule one out, "
        f"such as {say_gap(widest)}{more}."
    )


def _say_scope(compared: pl.DataFrame, missing: pl.DataFrame) -> str:
    known = set(compared.filter(~is_pair())["attribute"])
    absent = {f"{name} in part" if name in known else name for name in set(missing["attribute"]) - {ALL}}
    absent |= set(missing.filter(pl.col("attribute") == ALL)["metric"]) - {ALL}
    left_out = f" (not assessed for want of data: {say_list(absent)})" if absent else ""
    pairs = " and their pairs" if compared.filter(is_pair()).height else ""
    return f"Assessed {say_list(set(compared['metric']))} by {say_list(known)}{pairs}{left_out}."


def _say_nothing_compared(compared: pl.DataFrame, missing: pl.DataFrame) -> str:
    nothing = "Nothing could be compared"
    small = set(compared.filter(~is_pair())["attribute"])
    absent = set(missing["attribute"]) - small - {ALL}
    reasons = [f"there are no groups to compare by {say_list(absent)}"] if absent else []
    unmeasured = set(missing.filter(pl.col("attribute") == ALL)["metric"]) - {ALL}
    if unmeasured:
        reasons.append(f"the ledger lacks what it takes to measure {say_list(unmeasured)}")
    if small:
        reasons.append(f"every group by {say_list(small)} is too small for a figure")
    if reasons:
        return f"{nothing}: {'; '.join(reasons)}. The audit says what to supply."
    return " ".join([f"{nothing}.", *missing["statement"].head(1)])


def _find_fault(audit: pl.DataFrame, settings: FairnessSettings) -> str | None:  # noqa: PLR0911  a list of faults
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
        return f"it says nothing about {say_list(absent)}"
    figures = ("estimate", "gap", "gap_high", "p_value", "alpha")
    is_judged = pl.col("verdict") != Verdict.NOT_ASSESSABLE.value
    if primary.filter(
        is_judged & pl.any_horizontal(pl.col(figures).is_null() | pl.col(figures).is_nan())
    ).height:
        return "it judges groups without figures"
    if (primary["alpha"] > settings.alpha).any():
        return "it spends more than the budget of false alarms"
    is_pass = pl.col("verdict") == Verdict.PASS.value
    is_earned = (pl.col("gap_high") < settings.pass_gap) & (pl.col("count") >= settings.min_count_pass)
    is_worse = (pl.col("p_value") < pl.col("alpha")) & (pl.col("gap") > settings.block_gap)
    contradicted = (is_pass & ~is_earned) | (
        is_judged & is_worse & (pl.col("verdict") != Verdict.BLOCK.value)
    )
    if primary.filter(contradicted).height:
        return "its verdicts contradict its figures"
    return None
