"""Findings of the audit in words that a credit manager and an auditor can both read.

Belongs here: sentences made from figures. Does not belong here: the figures, or what follows from them.
"""

from typing import Any

from segmentation.domain.settings import FairnessSettings
from segmentation.domain.vocabulary import Verdict
from segmentation.fairness.harms import Harm


def say_cell(row: dict[str, Any], harm: Harm, settings: FairnessSettings) -> str:
    """Return the finding about one group: who, how many, the rate, its gap, and the verdict."""
    group = f"{row['attribute']} {row['group']}"
    if row["verdict"] == Verdict.NOT_ASSESSABLE.value:
        smaller = min(row["count"], row["other_count"])
        return (
            f"{group}: {row['count']} {harm.concerned}, {row['other_count']} others; no figure where "
            f"either is below {settings.min_count_report} (here {smaller})."
        )
    direction = "more" if row["gap"] >= 0 else "fewer"
    finding = (
        f"{group}: {_percent(row['estimate'])} of {row['count']} {harm.concerned} {harm.suffered}, against "
        f"{_percent(row['reference_estimate'])} of all others: {_points(abs(row['gap']))} {direction} "
        f"(with all comparisons together, no more than {_points(row['gap_high'])} above)."
    )
    return f"{finding} {_say_verdict(row, settings)}"


def say_missing_attribute(attribute: str, source: str) -> str:
    """Return that an attribute could not be assessed, and what to supply."""
    return f"{attribute}: not assessable, no group data. Supply {source} to have it assessed."


def say_missing_metric(metric: str, harm: Harm) -> str:
    """Return that a rate could not be assessed, and why."""
    wanted = f"the table {harm.needs.removeprefix('core_')}" if harm.needs else f"any {harm.concerned}"
    return f"{metric}: not assessable, the ledger does not hold {wanted}."


def _say_verdict(row: dict[str, Any], settings: FairnessSettings) -> str:
    if row["verdict"] == Verdict.BLOCK.value:
        return (
            f"Block: the gap is above {_points(settings.block_gap)} and not explained by chance "
            f"(p = {row['p_value']:.2g} after Holm)."
        )
    if row["verdict"] == Verdict.PASS.value:
        return f"Pass: a gap of {_points(settings.pass_gap)} or more is unlikely."
    if row["count"] < settings.min_count_pass and row["gap_high"] < settings.pass_gap:
        return f"Inconclusive: no pass below {settings.min_count_pass} customers."
    return "Inconclusive: neither a gap nor its absence is shown."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
