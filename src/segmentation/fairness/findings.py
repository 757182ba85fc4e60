"""From counted cells to the findings of an audit: figures, verdicts and sentences, row by row.

Belongs here: what the audits of a ledger and of any table have in common. Does not belong here: what is
counted (ledger_audit, table_audit), or the statistics (comparison).
"""

from collections.abc import Mapping

import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import FairnessSettings
from segmentation.domain.vocabulary import Verdict
from segmentation.fairness.comparison import CELL, compare_groups, is_pair
from segmentation.fairness.harms import Harm
from segmentation.fairness.wording import say_alone, say_cell, say_small_pairs

AUDIT_FAIRNESS = ROOM_TABLES["audit_fairness"]
ALL = "all"


def split_alone(
    cells: pl.DataFrame, settings: FairnessSettings
) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """Return the cells that have others to be compared with, and rows that say where there is one group only."""
    is_alone = pl.len().over("family", "metric", "attribute") == 1
    rows = [
        describe_unassessed(
            row["family"],
            row["metric"],
            row["attribute"],
            say_alone(row["metric"], row["attribute"], row["count"], settings),
            row["count"] if row["count"] >= settings.min_count_report else 0,
        )
        for row in cells.filter(is_alone).iter_rows(named=True)
    ]
    return cells.filter(~is_alone), rows


def complete_audit(  # noqa: PLR0917  six inputs, each a different thing
    cells: pl.DataFrame,
    harms: Mapping[str, Harm],
    settings: FairnessSettings,
    seed: int,
    missing: list[dict[str, object]],
    alpha: float,
) -> pl.DataFrame:
    """Return ``audit_fairness``: the comparison of the cells, and the rows about what is missing.

    Parameters
    ----------
    cells : of groups that have others to be compared with (``cells.count_cells``).
    harms : words for every metric of the cells.
    settings, seed : of the comparison.
    missing : rows about what could not be assessed (``describe_unassessed``).
    alpha : false-alarm rate that is spent.
    """
    compared = compare_groups(cells, settings, seed, alpha).join(_point_figures(cells), list(CELL), "left")
    is_small_pair = is_pair() & (pl.col("verdict") == Verdict.NOT_ASSESSABLE.value)
    told = [
        row | {"statement": say_cell(row, harms[row["metric"]], settings)}
        for row in compared.filter(~is_small_pair).iter_rows(named=True)
    ]
    missing = missing + [
        describe_unassessed(family, metric, attribute, say_small_pairs(attribute, settings))
        for family, metric, attribute in compared.filter(is_small_pair)
        .select(CELL[:-1])
        .unique(maintain_order=True)
        .iter_rows()
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


def describe_unassessed(
    family: str, metric: str, attribute: str, statement: str, count: int = 0
) -> dict[str, object]:
    """Return a row of ``audit_fairness`` about what could not be compared, and why."""
    return {
        "family": family,
        "metric": metric,
        "attribute": attribute,
        "group": ALL,
        "count": count,
        "verdict": Verdict.NOT_ASSESSABLE.value,
        "statement": statement,
    }
