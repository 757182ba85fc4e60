"""Mitigation: what a smaller gap between groups costs in accuracy, and what is chosen within the budget.

Belongs here: group codes for training, and the trade-off on rows later than those trained on. Does not
belong here: how training uses them (risk), or the gate, which judges the outcome like any other.

Notes
-----
Only the model of being late is mitigated: its score, not the segment, which is a count of the customer's own
record. A false positive is a row that did not turn out late and was given a probability of one half or more.
The choice is made on the same later rows as the curve is drawn from, so the chosen gap is a little
flattered; the gate then measures again, on the open book.
"""

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.settings import FairnessSettings, RiskSettings
from segmentation.fairness.multiplicity import Flags, Floats, Ints
from segmentation.risk.cohort import Cohort, build_cohort, day_number, drop_incomplete, text_levels
from segmentation.risk.heads import fit_past_rate, fit_tree_head
from segmentation.risk.inputs import feature_columns
from segmentation.risk.metrics import expit
from segmentation.risk.mitigation import Method, Mitigation

AUDIT_TRADEOFF = ROOM_TABLES["audit_tradeoff"]
NO_METHOD = "none"
TEST_SHARE = 0.25
REWEIGHING_STRENGTHS = (0.5, 1.0)
_FLAGGED = 0.5


def explore_tradeoff(  # noqa: PLR0917  frames and settings of two rooms
    issue_features: pl.DataFrame,
    ledger: Frames,
    groups: pl.DataFrame,
    risk: RiskSettings,
    settings: FairnessSettings,
    as_of: date,
    seed: int,
) -> pl.DataFrame:
    """Return accuracy and widest gap of the model of being late, plain and mitigated, with what is chosen.

    Parameters
    ----------
    issue_features : ``feat_instalment_at_issue``.
    ledger : ``core_`` tables as known on the as-of day.
    groups : ``customer_id``, ``attribute``, ``group`` (``groups.read_groups``).
    risk : settings of the model.
    settings : methods, strengths and accuracy budget.
    as_of : day of the run.
    seed : of the training.

    Returns
    -------
    ``audit_tradeoff``; empty when no method is switched on, there is no group data, or there are too few rows.
    """
    if not settings.mitigation or groups.height == 0:
        return AUDIT_TRADEOFF.empty()
    train, late, test, test_late = _split_by_time(issue_features, ledger, as_of)
    if min(late.sum(), len(late) - late.sum(), test_late.sum(), len(test_late) - test_late.sum()) < (
        risk.min_late_instalments
    ):
        return AUDIT_TRADEOFF.empty()
    attributes = [name for name in settings.attributes if name in set(groups["attribute"])]
    codes = code_groups(groups, attributes)(test.key["customer_id"])
    rows = []
    for method, strength in [(NO_METHOD, 0.0), *_list_options(settings)]:
        mitigation = build_mitigation(groups, method, strength, settings)
        start = fit_past_rate(train.features, train.feature_names, late)
        head = fit_tree_head(train.features, late, risk, seed, start, mitigation, train.key["customer_id"])
        score = expit(head.log_odds(test.features))
        gap, column, code = measure_worst_gap(score >= _FLAGGED, test_late, codes, settings.min_count_report)
        rows.append(
            {
                "method": method,
                "strength": strength,
                "auc": measure_ranking(score, test_late == 1),
                "worst_gap": gap,
                "worst_group": _name_group(groups, attributes, column, code),
                "test_count": len(test_late),
            }
        )
    return AUDIT_TRADEOFF.conform(choose_option(pl.DataFrame(rows), settings.max_auc_loss))


def choose_option(options: pl.DataFrame, max_auc_loss: float) -> pl.DataFrame:
    """Return the options with which are within the budget, and which one is chosen.

    The narrowest gap within the budget is chosen; among equals the more accurate, then the weaker.
    """
    plain = options.filter(method=NO_METHOD)["auc"].item()
    marked = options.with_columns(is_within_budget=pl.col("auc") >= plain - max_auc_loss)
    best = (
        marked.filter("is_within_budget")
        .sort("worst_gap", "auc", "strength", descending=[False, True, False])
        .row(0, named=True)
    )
    return marked.with_columns(
        is_chosen=(pl.col("method") == best["method"]) & (pl.col("strength") == best["strength"])
    )


def choose_mitigation(
    tradeoff: pl.DataFrame, groups: pl.DataFrame, settings: FairnessSettings
) -> Mitigation | None:
    """Return the mitigation that the trade-off chose; None for none."""
    chosen = tradeoff.filter("is_chosen")
    if chosen.height == 0:
        return None
    return build_mitigation(groups, chosen.item(0, "method"), chosen.item(0, "strength"), settings)


def build_mitigation(
    groups: pl.DataFrame, method: str, strength: float, settings: FairnessSettings
) -> Mitigation | None:
    """Return a mitigation over all attributes that the ledger holds; None for no method."""
    known: dict[str, Method] = {"penalty": "penalty", "reweighing": "reweighing"}
    if method not in known:
        return None
    attributes = [name for name in settings.attributes if name in set(groups["attribute"])]
    return Mitigation(known[method], strength, code_groups(groups, attributes))


def code_groups(groups: pl.DataFrame, attributes: Sequence[str]) -> Callable[[pl.Series], Ints]:
    """Return what gives the codes of customers' groups: rows × attributes, from 0 on; −1 where not concerned."""
    code = (pl.col("group").rank("dense").over("attribute") - 1).cast(pl.Int64)
    wide = groups.with_columns(code.alias("code")).pivot("attribute", index="customer_id", values="code")

    def codes_of(customer_id: pl.Series) -> Ints:
        asked = customer_id.rename("customer_id").to_frame()
        joined = asked.join(wide, "customer_id", "left", maintain_order="left")
        return joined.select(pl.col(attributes).fill_null(-1)).to_numpy().astype(np.int64)

    return codes_of


def measure_worst_gap(
    is_flagged: Flags, is_late: Floats, codes: Ints, minimum: int
) -> tuple[float, int, int]:
    """Return the widest gap in false positives between a group and all others, its attribute's column and code.

    Groups of fewer than ``minimum`` rows without the outcome, or with so few others, are left out; without any
    group the gap is 0.
    """
    worst = (0.0, -1, -1)
    innocent = is_late == 0
    for column in range(codes.shape[1]):
        concerned = innocent & (codes[:, column] >= 0)
        count = np.bincount(codes[concerned, column])
        flagged = np.bincount(codes[concerned, column], weights=is_flagged[concerned], minlength=len(count))
        rest = count.sum() - count
        usable = np.flatnonzero(np.minimum(count, rest) >= minimum)
        gaps = flagged[usable] / count[usable] - (flagged.sum() - flagged[usable]) / rest[usable]
        if len(gaps) and gaps.max() > worst[0]:
            worst = (float(gaps.max()), column, int(usable[gaps.argmax()]))
    return worst


def measure_ranking(score: Floats, is_late: Flags) -> float:
    """Return the AUC of a score."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(is_late, score))


def _list_options(settings: FairnessSettings) -> list[tuple[str, float]]:
    strengths = {"penalty": settings.mitigation_strengths, "reweighing": REWEIGHING_STRENGTHS}
    return [(method, strength) for method in settings.mitigation for strength in strengths[method]]


def _split_by_time(
    issue_features: pl.DataFrame, ledger: Frames, as_of: date
) -> tuple[Cohort, Floats, Cohort, Floats]:
    """Rows whose outcome was known on a past day, and those issued from that day on; with their outcomes."""
    balance, day = ledger["core_instalment_balance"], day_number(as_of)
    names = feature_columns(issue_features, issue_features)
    past = build_cohort(issue_features, balance, names, text_levels(issue_features, names))
    past = drop_incomplete(past, balance, as_of)
    past = past.take(past.known_before(day) & ~past.is_supplier_caused)
    late = past.outcome_before(day).late_after(0)
    matured = (past.due < day) & np.isfinite(late)
    issued = np.sort(past.issue[matured])
    split = int(issued[int(len(issued) * (1 - TEST_SHARE))]) if len(issued) else day
    early = past.take(past.known_before(split))
    early_late = early.outcome_before(split).late_after(0)
    trained = (early.due < split) & np.isfinite(early_late)
    tested = matured & (past.issue >= split)
    return early.take(trained), early_late[trained], past.take(tested), late[tested]


def _name_group(groups: pl.DataFrame, attributes: Sequence[str], column: int, code: int) -> str:
    if column < 0:
        return "none"
    names = groups.filter(attribute=attributes[column])["group"].unique().sort()
    return f"{attributes[column]} {names[code]}"
