"""The choice among a customer's candidate steps, within the team's capacity for calls.

Belongs here: ranking and choosing. Does not belong here: which steps are candidates (candidates), what
they are worth (value).
"""

import polars as pl

from segmentation.domain.vocabulary import Action

_STEP_ORDER = {action.value: number for number, action in enumerate(Action)}
_CHOICE_COLUMNS = (
    "action",
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


def rank_candidates(candidates: pl.DataFrame, calls_per_day: int) -> pl.DataFrame:
    """Return the candidates with is_worth_it and is_over_capacity, best first within each customer.

    Notes
    -----
    A step is worth it when the lower end of its value is above nil. Customers whose best step is a
    call are ranked by its value; beyond calls_per_day the call falls away and the next best stands.
    """
    ranked = candidates.with_columns(
        (pl.col("value_low") > 0).alias("is_worth_it"),
        pl.col("action").replace_strict(_STEP_ORDER, return_dtype=pl.Int64).alias("_order"),
    ).sort("customer_id", "value", "_order", descending=[False, True, False])
    best = ranked.filter("is_worth_it").unique("customer_id", keep="first", maintain_order=True)
    calls = best.filter(pl.col("action") == Action.CALL).sort(
        "value", "customer_id", descending=[True, False]
    )
    beyond = calls.slice(calls_per_day).select(
        "customer_id", "action", pl.lit(True).alias("is_over_capacity")
    )
    return ranked.join(beyond, on=["customer_id", "action"], how="left", maintain_order="left").with_columns(
        pl.col("is_over_capacity").fill_null(False)
    )


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
        chosen.select("customer_id", *_CHOICE_COLUMNS)
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
                for name in _CHOICE_COLUMNS
                if name.startswith(("evidence", "own")) or name in {"is_default", "break_even_amount"}
            ),
            pl.col("action").alias("runner_up"),
            "is_over_capacity",
        )
    )
    return chosen, idle
