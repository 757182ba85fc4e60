"""How many members of each group a rate is about, and how many of them were harmed.

Belongs here: counting single groups and pairs, and hiding pairs that would give away few people. Does
not belong here: what is counted (harms), by whom (groups), or comparing (comparison).
"""

from collections.abc import Sequence
from itertools import combinations

import polars as pl

from segmentation.domain.settings import FairnessSettings
from segmentation.fairness.comparison import CELL, PAIR

PRIMARY = "primary"
SECONDARY = "secondary"
_HIDING_ROUNDS = 5


def count_cells(rows: pl.DataFrame, attributes: Sequence[str], settings: FairnessSettings) -> pl.DataFrame:
    """Return the cells of all comparisons: members and harmed members per metric, attribute and group.

    Parameters
    ----------
    rows : ``metric``, ``is_harmed``, and a column per attribute with the member's group; null where the
        attribute does not concern the member.
    attributes : names of those columns, in the order in which pairs are named.
    settings : primary metrics, whether there are pairs, minimum count.

    Returns
    -------
    ``family``, ``metric``, ``attribute``, ``group``, ``count``, ``harmed``, ``is_hidden``, sorted. A pair is
    the members whom both attributes concern; it is left out for a metric for which either has one group only.

    Notes
    -----
    Members are counted once, by all attributes together; every cell is a sum over that small table. So the cost
    hardly depends on the number of attributes and pairs.

    A pair's figures and those of its two groups can be subtracted from each other. Where what is hidden
    for being small leaves fewer than ``min_count_report`` members of a group, its smallest other pair is
    hidden too (secondary suppression, Hundepool et al. 2012).
    """
    joint = rows.group_by("metric", *attributes).agg(
        pl.len().cast(pl.Int64).alias("count"), pl.col("is_harmed").sum().cast(pl.Int64).alias("harmed")
    )
    singles = [_sum_groups(joint, (name,)) for name in attributes]
    pairs = [_sum_groups(joint, pair) for pair in combinations(attributes, 2)] if settings.with_pairs else []
    family = pl.when(pl.col("metric").is_in(settings.primary_metrics)).then(pl.lit(PRIMARY))
    cells = pl.concat([*singles, *(_hide_pairs(pair, settings.min_count_report) for pair in pairs)])
    return (
        cells.with_columns(family.otherwise(pl.lit(SECONDARY)).alias("family"))
        .select(pl.col(CELL), "count", "harmed", "is_hidden")
        .sort(CELL)
    )


def _sum_groups(joint: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    group = pl.concat_str(names, separator=PAIR)
    sides = [pl.col(name).alias(side) for name, side in zip(names, ("left", "right"), strict=False)]
    whole = [pl.lit(None, pl.String).alias(side) for side in ("left", "right")[len(names) :]]
    cells = (
        joint.drop_nulls(names)
        .group_by("metric", pl.lit(PAIR.join(names)).alias("attribute"), group.alias("group"), *sides, *whole)
        .agg(pl.col("count").sum(), pl.col("harmed").sum())
    )
    return cells.with_columns(is_hidden=pl.lit(value=False))


def _hide_pairs(pair: pl.DataFrame, minimum: int) -> pl.DataFrame:
    several = [pl.col(side).n_unique().over("metric") > 1 for side in ("left", "right")]
    cells = pair.filter(*several)
    count, is_hidden = pl.col("count"), pl.col("is_hidden")
    cells = cells.with_columns(is_hidden=count < minimum)
    for _ in range(_HIDING_ROUNDS):
        for side in ("left", "right"):
            whole = ["metric", side]
            gone = count.filter(is_hidden).sum().over(whole)
            smallest = count.filter(~is_hidden).min().over(whole)
            gives_away = (gone > 0) & (gone < minimum) & (count == smallest)
            cells = cells.with_columns(is_hidden=is_hidden | gives_away.fill_null(value=False))
    return cells
