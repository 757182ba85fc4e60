"""Proxies: how well a group can be told from features, or from the segment itself, without being named.

Belongs here: predicting group membership, and naming what gives it away. Does not belong here: judging
whether a proxy may be used; that is for people, case by case.

Notes
-----
From features: every numeric feature is cut into fifths, with missing values apart, and a ridge regression on
these indicators predicts all groups at once. From the segment: the share of the group among customers of the
same segment and cause. Both are cross-fitted in five parts: nobody is predicted by a model that has seen them.
AUC with the interval of DeLong, DeLong and Clarke-Pearson (1988). The strongest proxies are the features
(or segments) that alone tell the group best. Above ``MAX_CUSTOMERS`` a random part of the customers is used.

An AUC near one half says that this method finds nothing, not that no other would.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import FairnessSettings
from segmentation.fairness.findings import ALL
from segmentation.fairness.groups import SOURCES
from segmentation.fairness.multiplicity import Flags, Floats, Ints
from segmentation.fairness.wording import say_code, say_member, say_missing_attribute, say_proxy

AUDIT_PROXIES = ROOM_TABLES["audit_proxies"]
FEATURES, SEGMENT = "features", "segment"
MAX_CUSTOMERS = 20_000
_FOLDS = 5
_BINS = 5
_RIDGE = 10.0
_SHOWN = 3
_NORMAL_95 = 1.959964
Indicators: TypeAlias = npt.NDArray[np.float64]


def assess_proxies(
    groups: pl.DataFrame,
    features: pl.DataFrame,
    segment: pl.DataFrame,
    settings: FairnessSettings,
    seed: int,
) -> pl.DataFrame:
    """Return how well each group is told from the features and from the published segment.

    Parameters
    ----------
    groups : ``customer_id``, ``attribute``, ``group`` (``groups.read_groups``).
    features : ``feat_customer``; its numeric columns are used.
    segment : ``pred_segment``.
    settings : attributes and minimum count.
    seed : of the folds, and of the part of a large ledger that is used.

    Returns
    -------
    ``audit_proxies``: two rows per group, sorted. An attribute without data has one row that says what to supply.
    """
    customers = (
        segment.select("customer_id", pl.concat_str(["segment", "cause"], separator=", ").alias("_label"))
        .join(features.select("customer_id", *_numeric_columns(features)), "customer_id", "left")
        .sort("customer_id")
    )
    rng = np.random.default_rng(seed)
    if customers.height > MAX_CUSTOMERS:
        chosen = np.sort(rng.choice(customers.height, MAX_CUSTOMERS, replace=False))
        customers = customers[chosen]
    fold = rng.permutation(customers.height) % _FOLDS
    names = _numeric_columns(features)
    indicators, owner = _cut_features(customers, names)
    labels, label_codes = np.unique(customers["_label"].to_numpy(), return_inverse=True)
    label_indicators = np.eye(len(labels))[label_codes]
    said = np.array([say_code(name) for name in labels.tolist()], dtype=object)
    rows = []
    for attribute in settings.attributes:
        member = customers.select("customer_id").join(
            groups.filter(attribute=attribute), "customer_id", "left", maintain_order="left"
        )["group"]
        concerned = member.is_not_null().to_numpy()
        if not concerned.any():
            statement = say_missing_attribute(attribute, SOURCES[attribute])
            rows += [_describe_missing(attribute, ALL, source, statement) for source in (FEATURES, SEGMENT)]
            continue
        values = member.to_numpy()[concerned]
        kinds = np.unique(values.astype(str))
        is_member = values[:, None] == kinds[None, :]
        for source, matrix, names_of, what in (
            (FEATURES, indicators, owner, np.array(names, dtype=object)),
            (SEGMENT, label_indicators, np.arange(len(labels)), said),
        ):
            part = matrix[concerned]
            predicted = _predict_crosswise(part, is_member, fold[concerned])
            for number, group in enumerate(kinds.tolist()):
                rows.append(
                    _describe_group(
                        (attribute, group, source),
                        predicted[:, number],
                        is_member[:, number],
                        _rank_alone(part, is_member[:, number], names_of, what),
                        settings,
                    )
                )
    return AUDIT_PROXIES.conform(pl.DataFrame(rows, infer_schema_length=None))


def measure_auc(score: Floats, is_member: Flags) -> tuple[float, float, float]:
    """Return the AUC of a score and the ends of its 95 % interval (DeLong et al. 1988).

    Examples
    --------
    >>> auc, low, high = measure_auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    >>> auc
    0.75
    """
    from scipy.stats import rankdata

    members, others = score[is_member], score[~is_member]
    m, n = len(members), len(others)
    ranks = rankdata(np.concatenate([members, others]))
    over_others = (ranks[:m] - rankdata(members)) / n
    under_members = 1.0 - (ranks[m:] - rankdata(others)) / m
    auc = float(over_others.mean())
    variance = over_others.var(ddof=1) / m + under_members.var(ddof=1) / n if min(m, n) > 1 else 0.25
    reach = _NORMAL_95 * float(np.sqrt(variance))
    return auc, max(0.0, auc - reach), min(1.0, auc + reach)


def _numeric_columns(features: pl.DataFrame) -> list[str]:
    return [
        name
        for name, dtype in features.schema.items()
        if (dtype.is_numeric() or dtype == pl.Boolean) and name != "customer_id"
    ]


def _cut_features(customers: pl.DataFrame, names: list[str]) -> tuple[Indicators, Ints]:
    """Indicators of fifths and of missing values, and the feature that each belongs to."""
    columns, owner = [], []
    for number, name in enumerate(names):
        values = customers[name].cast(pl.Float64).to_numpy()
        known = np.isfinite(values)
        cuts = np.quantile(values[known], np.arange(1, _BINS) / _BINS) if known.any() else np.zeros(0)
        edges = np.unique(cuts)
        codes = np.where(known, np.searchsorted(edges, values, side="left"), len(edges) + 1)
        kinds, codes = np.unique(codes, return_inverse=True)
        if len(kinds) > 1:
            columns.append(np.eye(len(kinds))[codes])
            owner += [number] * len(kinds)
    empty = np.zeros((customers.height, 0))
    return np.concatenate([empty, *columns], axis=1), np.array(owner, dtype=np.int64)


def _predict_crosswise(matrix: Indicators, is_member: Flags, fold: Ints) -> Floats:
    """Predicted membership of everybody in every group, by a ridge regression on the other folds."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    predicted = np.zeros(is_member.shape)
    penalty = _RIDGE * np.eye(matrix.shape[1])
    with threadpool_limits(limits=1, user_api="blas"):
        for held in range(_FOLDS):
            train, test = fold != held, fold == held
            if not train.any() or not test.any():
                continue
            middle, share = matrix[train].mean(axis=0), is_member[train].mean(axis=0)
            centred = matrix[train] - middle
            weights = np.linalg.solve(centred.T @ centred + penalty, centred.T @ (is_member[train] - share))
            predicted[test] = (matrix[test] - middle) @ weights
    return predicted


def _rank_alone(
    matrix: Indicators, is_member: Flags, owner: Ints, what: npt.NDArray[np.object_]
) -> list[str]:
    """What tells the group best on its own: by the AUC of the group's share per indicator."""
    inside, everybody = is_member.astype(np.float64) @ matrix, matrix.sum(axis=0)
    outside = everybody - inside
    share = inside / np.maximum(everybody, 1.0)
    strength = {}
    for number in np.unique(owner).tolist():
        own = owner == number
        order = np.argsort(share[own], kind="stable")
        a, b = inside[own][order], outside[own][order]
        below = np.cumsum(b) - b
        pairs = max(a.sum() * b.sum(), 1.0)
        strength[number] = float((a * (below + b / 2)).sum() / pairs)
    if len(strength) == len(owner):  # single indicators, such as segments: more common among members
        strength = {
            i: float(inside[i] / max(inside.sum(), 1.0) - outside[i] / max(outside.sum(), 1.0))
            for i in strength
        }
    ranked = sorted(strength, key=lambda number: (-strength[number], str(what[number])))
    return [str(what[number]) for number in ranked[:_SHOWN]]


def _describe_group(
    key: tuple[str, str, str],
    score: Floats,
    is_member: Flags,
    strongest: list[str],
    settings: FairnessSettings,
) -> dict[str, object]:
    attribute, group, source = key
    count = int(is_member.sum())
    if min(count, len(is_member) - count) < settings.min_count_report:
        few = (
            f"{say_code(attribute)} {say_member(attribute, group)}: no figure, fewer than {settings.min_count_report} "
            "customers in the group or among all others."
        )
        return _describe_missing(attribute, group, source, few)
    auc, low, high = measure_auc(score, is_member)
    return {
        "attribute": attribute,
        "group": group,
        "source": source,
        "count": count,
        "auc": auc,
        "auc_low": low,
        "auc_high": high,
        "strongest": strongest,
        "statement": say_proxy(attribute, group, source, auc, low, high, strongest),
    }


def _describe_missing(attribute: str, group: str, source: str, statement: str) -> dict[str, object]:
    row: dict[str, object] = {"attribute": attribute, "group": group, "source": source, "count": 0}
    return row | {"auc": None, "auc_low": None, "auc_high": None, "strongest": [], "statement": statement}
