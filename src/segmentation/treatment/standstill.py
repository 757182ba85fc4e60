"""Why nothing is done with a customer: the closed gates that leave nothing to do, and the reason as a code.

Belongs here: both, as whole-column expressions. Does not belong here: closing gates (gates), words (reasons).
"""

import polars as pl

from segmentation.domain.vocabulary import MONEY_GATES, PAUSES, BlockCode
from segmentation.treatment.reasons import LIKELY_UNPROMPTED_PROB

_DOUBTS = [BlockCode.QUARANTINED_ROWS.value, BlockCode.STALE_SOURCE.value]
_GATE_ORDER = {code.value: number for number, code in enumerate(BlockCode)}


def find_blocks(situation: pl.DataFrame, gate: pl.DataFrame) -> pl.DataFrame:
    """Return, per customer, the closed gates that leave nothing to do: of the account, or of every invoice.

    Notes
    -----
    Gates of single invoices count when nothing overdue is left outside them.
    """
    account = gate.filter(pl.col("channel").is_null() & pl.col("invoice_id").is_null())
    all_behind = situation.filter(
        (pl.col("act_count") == 0) & ((pl.col("overdue_count") > 0) | (pl.col("unblocked_amount") == 0))
    )
    invoices = gate.filter(pl.col("invoice_id").is_not_null()).join(all_behind, on="customer_id", how="semi")
    closed = account.select("customer_id").unique()
    found = collect_gates(pl.concat([account, invoices]))
    return found.join(closed.with_columns(pl.lit(True).alias("is_blocked")), on="customer_id", how="left")


def collect_gates(gate: pl.DataFrame) -> pl.DataFrame:
    """Return per customer the codes of closed gates, when the last lifts and why the first is closed."""
    lifts = pl.when(pl.col("lifts_at").null_count() > 0).then(None).otherwise(pl.col("lifts_at").max())
    return (
        gate.with_columns(pl.col("gate").replace_strict(_GATE_ORDER, return_dtype=pl.Int64).alias("_order"))
        .sort("customer_id", "_order", "invoice_id", "channel", nulls_last=True)
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.col("gate").unique(maintain_order=True).alias("blocked_by"),
            lifts.alias("lifts_at"),
            pl.col("detail").first().alias("block_detail"),
        )
    )


def wait_code(reminder_day: dict[str, int]) -> pl.Expr:
    """Return why a customer is waited for, as a code.

    Notes
    -----
    Where nothing is overdue and no step would be taken anyway, that is the reason, and a closed gate is
    not; unless the gate says that the ledger itself cannot be relied on, what is due included.
    """
    first_day = pl.col("profile").replace_strict(reminder_day, return_dtype=pl.Int64)
    is_doubtful = pl.col("blocked_by").list.set_intersection(pl.lit(_DOUBTS)).list.len() > 0
    return (
        pl.when(pl.col("is_held_out"))
        .then(pl.lit("held_out"))
        .when((pl.col("overdue_count") == 0) & ~pl.col("has_step") & ~is_doubtful)
        .then(pl.lit("not_due"))
        .when(pl.col("blocked_by").list.len() > 0)
        .then(pl.lit("blocked"))
        .when(pl.col("is_over_capacity"))
        .then(pl.lit("calls_used_up"))
        .when(pl.col("overdue_count") == 0)
        .then(pl.lit("not_due"))
        .when(pl.col("runner_up").is_null() & (pl.col("act_days_late") < first_day))
        .then(pl.lit("early_days"))
        .when(pl.col("runner_up").is_null())
        .then(pl.lit("steps_exhausted"))
        .when(pl.col("act_paid_prob") >= LIKELY_UNPROMPTED_PROB)
        .then(pl.lit("likely_to_pay_unprompted"))
        .otherwise(pl.lit("not_worth_its_cost"))
    )


def waits_for_matching() -> pl.Expr:
    """Return whether money or credit that waits to be matched is all that holds the account, beside pauses."""
    gates = pl.col("blocked_by")
    is_money = gates.list.set_intersection(pl.lit(list(MONEY_GATES))).list.len() > 0
    others = gates.list.set_difference(pl.lit([*MONEY_GATES, *PAUSES])).list.len()
    return (is_money & (others == 0) & (pl.col("overdue_count") > 0)).fill_null(value=False)
