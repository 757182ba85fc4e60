"""The choice among a customer's candidate steps, within the team's capacity for calls.

Belongs here: ranking and choosing. Does not belong here: which steps are candidates (candidates), what
they are worth (value).
"""

import polars as pl

from segmentation.domain.row_lookup import is_known
from segmentation.domain.vocabulary import Action

_STEP_ORDER = {action.value: number for number, action in enumerate(Action)}
CHOICE_COLUMNS = (
    "action",
    "round_level",
    "channel",
    "tone",
    "value",
    "value_low",
    "value_high",
    "break_even_amount",
    "lift",
    "slot",
    "propensity",
    "is_exploration",
    "is_held_out",
    "evidence_own_share",
    "evidence_segment_share",
    "evidence_global_share",
    "own_count",
    "own_paid_count",
    "own_part_count",
    "own_median_days",
    "is_default",
    "is_preferred",
    "is_unverified",
)


def rank_candidates(candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates with is_worth_it, best first within each customer.

    Notes
    -----
    A step is worth it when the lower end of its value is above nil.
    """
    return (
        candidates.with_columns(
            (pl.col("value_low") > 0).alias("is_worth_it"),
            pl.col("action").replace_strict(_STEP_ORDER, return_dtype=pl.Int64).alias("_order"),
        )
        .sort("customer_id", "value", "_order", descending=[False, True, False])
        .drop("_order")
    )


def list_calls(ranked: pl.DataFrame) -> pl.DataFrame:
    """Return customer_id, currency and value of the customers whose best step is a call."""
    best = ranked.filter("is_worth_it").unique("customer_id", keep="first", maintain_order=True)
    return best.filter(pl.col("action") == Action.CALL).select("customer_id", "currency", "value")


def find_beyond_capacity(calls: pl.DataFrame, calls_per_day: int) -> pl.DataFrame:
    """Return customer_id of those whose call falls away, because the team makes so many calls a day.

    Parameters
    ----------
    calls : of ``list_calls``, of the whole book: the calls worth most are made, wherever they come from.
    calls_per_day : capacity.

    Notes
    -----
    A value counts in medians of the calls in its currency: a yen is not a euro, and no rate is known here.
    """
    relative = pl.col("value") / pl.col("value").median().over("currency")
    best_first = calls.with_columns(relative.alias("relative")).sort(
        "relative", "customer_id", descending=[True, False]
    )
    return best_first.slice(calls_per_day).select("customer_id")


def mark_beyond_capacity(ranked: pl.DataFrame, beyond: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates with is_over_capacity: the calls that fall away, so that the next best step stands."""
    is_beyond = is_known(ranked["customer_id"], beyond["customer_id"])
    return ranked.with_columns(((pl.col("action") == Action.CALL) & is_beyond).alias("is_over_capacity"))


def choose_steps(ranked: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the chosen step per customer with its runner-up, and the best step of those who wait."""
    can = pl.col("is_worth_it") & ~pl.col("is_over_capacity")
    chosen = ranked.filter(can).unique("customer_id", keep="first", maintain_order=True)
    others = (
        ranked.join(
            chosen.select("customer_id", "action"),
            on=["customer_id", "action"],
            how="anti",
            maintain_order="left",
        )
        .filter(pl.col("value") > 0)
        .unique("customer_id", keep="first", maintain_order=True)
        .select("customer_id", pl.col("action").alias("runner_up"), pl.col("value").alias("runner_value"))
    )
    over = ranked.group_by("customer_id").agg(pl.col("is_over_capacity").any())
    chosen = (
        chosen.select("customer_id", *CHOICE_COLUMNS)
        .join(others, on="customer_id", how="left")
        .join(over, on="customer_id", how="left")
        .with_columns(pl.col("runner_up").fill_null(Action.WAIT.value))
    )
    idle = (
        ranked.join(chosen.select("customer_id"), on="customer_id", how="anti", maintain_order="left")
        .unique("customer_id", keep="first", maintain_order=True)
        .select(
            "customer_id",
            *(
                name
                for name in CHOICE_COLUMNS
                if name.startswith(("evidence", "own")) or name in {"is_default", "break_even_amount"}
            ),
            pl.col("action").alias("runner_up"),
            "is_over_capacity",
        )
    )
    return chosen, idle
