"""The bias audit: whether any group of customers is treated worse than the others.

Belongs here: putting groups, harms and their comparison together. Does not belong here: what follows
from the findings (gate).
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.settings import FairnessSettings
from segmentation.domain.vocabulary import Verdict
from segmentation.fairness.comparison import CELL, compare_groups
from segmentation.fairness.groups import SOURCES, UNKNOWN, read_groups
from segmentation.fairness.harms import HARMS, Harm, observe_harms
from segmentation.fairness.wording import say_alone, say_cell, say_missing_attribute, say_missing_metric

AUDIT_FAIRNESS = ROOM_TABLES["audit_fairness"]
PRIMARY = "primary"
SECONDARY = "secondary"
ALL = "all"

_OUTCOME_HARMS: Mapping[str, Harm] = {
    "false_positive_rate": Harm("rows without the outcome", "are flagged", pl.lit(True), pl.lit(True)),
    "false_negative_rate": Harm("rows with the outcome", "are not flagged", pl.lit(True), pl.lit(True)),
    "selection_rate": Harm("rows", "are flagged", pl.lit(True), pl.lit(True)),
}


def audit_bias(  # noqa: PLR0917  frames travel as arguments
    ledger: Frames,
    segment: pl.DataFrame,
    recommendation: pl.DataFrame,
    settings: FairnessSettings,
    as_of: date,
    seed: int,
) -> pl.DataFrame:
    """Return whether any group of customers is labelled or treated worse than all others.

    Parameters
    ----------
    ledger : all ``core_`` tables as known on the as-of day.
    segment : ``pred_segment``.
    recommendation : ``act_recommendation``.
    settings : attributes, primary metrics, gaps, alpha, minimum counts.
    as_of : day of the run.
    seed : of the bootstrap.

    Returns
    -------
    ``audit_fairness``: one row per metric and group. An attribute or a metric about which the ledger
    holds nothing has one row for group *all*, *not_assessable*, that says what to supply; a ledger
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
        return AUDIT_FAIRNESS.conform(_no_group_data(segment.height, settings))
    harms = observe_harms(ledger, segment, recommendation, settings, as_of)
    cells, alone = _split_alone(_count_cells(harms.join(groups, "customer_id"), settings), settings)
    known = set(groups["attribute"].unique())
    seen = set(cells["metric"]) | {str(row["metric"]) for row in alone}
    missing = (
        alone
        + [
            _unassessed(_family(metric, settings), metric, ALL, say_missing_metric(metric, HARMS[metric]))
            for metric in HARMS
            if metric not in seen
        ]
        + [
            _unassessed(PRIMARY, ALL, attribute, say_missing_attribute(attribute, SOURCES[attribute]))
            for attribute in settings.attributes
            if attribute not in known
        ]
    )
    return _finish(cells, HARMS, settings, seed, missing)


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
    settings : gaps, alpha, minimum counts and replicates; the defaults when None. Its attributes and
        metrics are not used.
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
        When lengths differ, when there are no groups, or when a score or outcome is missing.

    Examples
    --------
    Four hundred people of each shift; nobody defaulted, and the night shift is flagged more often.

    >>> flagged = [1] * 20 + [0] * 380 + [1] * 80 + [0] * 320
    >>> outcome = [0] * 800
    >>> shift = {"shift": ["day"] * 400 + ["night"] * 400}
    >>> found = audit(flagged, outcome, shift)
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
    long = pl.concat(parts).unpivot(
        attributes, index=["metric", "is_harmed"], variable_name="attribute", value_name="group"
    )
    cells, alone = _split_alone(_count_cells(long, chosen), chosen)
    return _finish(cells, _OUTCOME_HARMS, chosen, seed, alone)


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
    if np.isnan(score).any() or not np.isin(outcome, (0.0, 1.0)).all():
        raise ValueError("every row needs a score, and an outcome that is 0 or 1")
    return frame.select(pl.all().cast(pl.String).fill_null(UNKNOWN)).with_columns(
        _flagged=pl.Series(score >= threshold), _outcome=pl.Series(outcome == 1.0)
    )


def _family(metric: str, settings: FairnessSettings) -> str:
    return PRIMARY if metric in settings.primary_metrics else SECONDARY


def _count_cells(long: pl.DataFrame, settings: FairnessSettings) -> pl.DataFrame:
    """Members and harmed members per metric, attribute and group."""
    family = pl.when(pl.col("metric").is_in(settings.primary_metrics)).then(pl.lit(PRIMARY))
    return (
        long.group_by("metric", "attribute", "group")
        .agg(pl.len().cast(pl.Int64).alias("count"), pl.col("is_harmed").sum().cast(pl.Int64).alias("harmed"))
        .with_columns(family.otherwise(pl.lit(SECONDARY)).alias("family"))
        .sort(CELL)
    )


def _split_alone(
    cells: pl.DataFrame, settings: FairnessSettings
) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """Cells that have others to be compared with, and rows that say where there is one group only."""
    is_alone = pl.len().over("family", "metric", "attribute") == 1
    rows = [
        _unassessed(
            row["family"],
            row["metric"],
            row["attribute"],
            say_alone(row["metric"], row["attribute"], row["count"], settings),
            row["count"] if row["count"] >= settings.min_count_report else 0,
        )
        for row in cells.filter(is_alone).iter_rows(named=True)
    ]
    return cells.filter(~is_alone), rows


def _finish(
    cells: pl.DataFrame,
    harms: Mapping[str, Harm],
    settings: FairnessSettings,
    seed: int,
    missing: list[dict[str, object]],
) -> pl.DataFrame:
    compared = compare_groups(cells, settings, seed).join(_point_figures(cells), list(CELL), "left")
    told = [
        row | {"statement": say_cell(row, harms[row["metric"]], settings)}
        for row in compared.iter_rows(named=True)
    ]
    is_shown = pl.col("verdict") != Verdict.NOT_ASSESSABLE.value
    frame = pl.DataFrame(told + missing, infer_schema_length=None)
    if told:
        # A comparison without figures gives no count either: how many of a small group are concerned
        # is a finding about few people, and one count subtracted from another tells it.
        is_whole = pl.col("group") == ALL
        frame = frame.with_columns(
            pl.when(is_shown).then(pl.col("estimate")).alias("estimate"),
            pl.when(is_shown | is_whole).then(pl.col("count")).otherwise(0).alias("count"),
        )
    return AUDIT_FAIRNESS.conform(frame)


def _point_figures(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells with their rate as fairlearn's MetricFrame gives it, from counts as sample weights."""
    if cells.height == 0:
        return cells.select(CELL).with_columns(estimate=pl.lit(None, pl.Float64))
    from fairlearn.metrics import MetricFrame, selection_rate

    numbered = cells.with_row_index("cell")
    rows = pl.concat(
        [
            numbered.select("cell", pl.lit(1).alias("is_harmed"), pl.col("harmed").alias("weight")),
            numbered.select(
                "cell", pl.lit(0).alias("is_harmed"), (pl.col("count") - pl.col("harmed")).alias("weight")
            ),
        ]
    )
    is_harmed = rows["is_harmed"].to_numpy()
    by_cell = MetricFrame(
        metrics=selection_rate,
        y_true=is_harmed,
        y_pred=is_harmed,
        sensitive_features=rows["cell"].to_numpy(),
        sample_params={"sample_weight": rows["weight"].to_numpy()},
    ).by_group.sort_index()
    return numbered.select(*CELL, pl.Series("estimate", by_cell.to_numpy(dtype=float)))


def _unassessed(
    family: str, metric: str, attribute: str, statement: str, count: int = 0
) -> dict[str, object]:
    return {
        "family": family,
        "metric": metric,
        "attribute": attribute,
        "group": ALL,
        "count": count,
        "verdict": Verdict.NOT_ASSESSABLE.value,
        "statement": statement,
    }


def _no_group_data(customer_count: int, settings: FairnessSettings) -> pl.DataFrame:
    sources = ", ".join(SOURCES[attribute] for attribute in settings.attributes)
    statement = (
        "Not assessable: the ledger holds no group data. "
        f"Supply any of {sources} to have the treatment assessed."
    )
    return pl.DataFrame([_unassessed(PRIMARY, ALL, ALL, statement, customer_count)])
