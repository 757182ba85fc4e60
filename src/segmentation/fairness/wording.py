"""Findings of the audit in words that a credit manager and an auditor can both read.

Belongs here: sentences made from figures. Does not belong here: the figures, or what follows from them.
"""

from collections.abc import Iterable
from typing import Any

from babel import Locale

from segmentation.domain.settings import FairnessSettings
from segmentation.domain.vocabulary import Verdict
from segmentation.fairness.comparison import PAIR
from segmentation.fairness.harms import Harm

_HARDLY = 0.55
_CLEARLY = 0.7
_SEXES = {"F": "female", "M": "male"}


def say_code(code: str) -> str:
    """Return the code of a metric, attribute or group as words; the codes have columns of their own.

    Examples
    --------
    >>> say_code("harsh_step_rate")
    'harsh step rate'
    """
    return code.replace("_", " ")


def say_list(codes: Iterable[str]) -> str:
    """Return codes as words in one enumeration, sorted.

    Examples
    --------
    >>> say_list({"sex", "age_band", "region"})
    'age band, region and sex'
    """
    *first, last = sorted(map(say_code, codes))
    return f"{', '.join(first)} and {last}" if first else last


def say_member(attribute: str, group: str) -> str:
    """Return a group, or a pair of groups, in words; other codes of the source stay as they are.

    Examples
    --------
    >>> say_member("party_type", "sole_trader"), say_member("language × sex", "fr × F")
    ('sole trader', 'French × female')
    """
    if PAIR in attribute and PAIR in group:
        return PAIR.join(map(say_member, attribute.split(PAIR), group.split(PAIR)))
    if attribute == "language":
        return str(Locale("en").languages.get(group, group))
    return _SEXES.get(group, group) if attribute == "sex" else say_code(group)


def say_group(row: dict[str, Any]) -> str:
    """Return which group a row of the audit is about, such as *party type sole trader*."""
    return f"{say_code(row['attribute'])} {say_member(row['attribute'], row['group'])}"


def say_gap(row: dict[str, Any]) -> str:
    """Return group, metric, gap, interval and count of one comparison in a clause."""
    rest = max(0.0, row["estimate"] - row["gap"])
    return (
        f"{say_group(row)} ({say_code(row['metric'])} {_percent(row['estimate'])} of {row['count']}, 90 % interval "
        f"{_percent(row['estimate_low'])} to {_percent(row['estimate_high'])}, all others {_percent(rest)}, "
        f"gap {_points(row['gap'])})"
    )


def say_cell(row: dict[str, Any], harm: Harm, settings: FairnessSettings) -> str:
    """Return the finding about one group: who, how many, the rate, its gap, and the verdict."""
    group = say_group(row)
    if row["verdict"] == Verdict.NOT_ASSESSABLE.value:
        return (
            f"{group}: no figure, fewer than {settings.min_count_report} {harm.concerned} in the group or "
            "among all others."
        )
    direction = "more" if row["gap"] >= 0 else "fewer"
    finding = (
        f"{group}: {_percent(row['estimate'])} of {row['count']} {harm.concerned} {harm.suffered}, against "
        f"{_percent(row['reference_estimate'])} of all others: {_points(abs(row['gap']))} {direction} "
        f"(with all comparisons together, no more than {_points(row['gap_high'])} above)."
    )
    return f"{finding} {_say_verdict(row, settings)}"


def say_alone(metric: str, attribute: str, count: int, settings: FairnessSettings) -> str:
    """Return that all customers concerned are of one group; which one is not told."""
    what = f"{say_code(metric)} by {say_code(attribute)}"
    if count < settings.min_count_report:
        return f"{what}: no figure, fewer than {settings.min_count_report} customers are concerned."
    return f"{what}: all {count} concerned are of one group; nothing to compare."


def say_proxy(  # noqa: PLR0917  the figures of one sentence
    attribute: str, group: str, source: str, auc: float, low: float, high: float, strongest: list[str]
) -> str:
    """Return how well a group is told from a source, and what gives it away."""
    told = "hardly" if low <= _HARDLY else "somewhat" if auc < _CLEARLY else "clearly"
    named = f"; most by {', '.join(say_code(name) for name in strongest)}" if told != "hardly" else ""
    return (
        f"{say_code(attribute)} {say_member(attribute, group)} can {told} be told from the {source}: AUC {auc:.2f} "
        f"(95 % interval {low:.2f} to {high:.2f}; 0.5 is chance){named}."
    )


def say_small_pairs(attribute: str, settings: FairnessSettings) -> str:
    """Return that pairs of groups are too small for a figure; which ones is not told."""
    return (
        f"{say_code(attribute)}: pairs of groups with fewer than {settings.min_count_report} customers, or from which such "
        "a pair could be worked out, have no figure."
    )


def say_missing_attribute(attribute: str, source: str) -> str:
    """Return that an attribute could not be assessed, and what to supply."""
    return f"{say_code(attribute)}: not assessable, no group data. Supply {source} to have it assessed."


def say_missing_metric(metric: str, harm: Harm) -> str:
    """Return that a rate could not be assessed, and why."""
    wanted = f"the table {harm.needs.removeprefix('core_')}" if harm.needs else f"any {harm.concerned}"
    return f"{say_code(metric)}: not assessable, the ledger does not hold {wanted}."


def _say_verdict(row: dict[str, Any], settings: FairnessSettings) -> str:
    if row["verdict"] == Verdict.BLOCK.value:
        return (
            f"Block: the gap is above {_points(settings.block_gap)} and not explained by chance "
            f"(p = {row['p_value']:.2g} corrected for the number of comparisons, this run's limit is {row['alpha']:.2g})."
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
