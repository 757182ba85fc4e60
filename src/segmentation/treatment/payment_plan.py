"""A payment plan that the customer's own payments so far can carry.

Belongs here: how large a part can be, how many parts, on which days. Does not belong here: whether a plan
is offered (scenario, value), the letter about it (messages).
"""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from segmentation.domain.payers import name_payers
from segmentation.domain.schema import Frames
from segmentation.treatment.scenario import Scenario

MONTH_DAYS = 30
_FEWEST_PARTS = 2
_MILLS = 1000
_MILLS_IN_CENT = 10
_MILL = Decimal("0.001")


def measure_typical_month(ledger: Frames, as_of: date, scenario: Scenario) -> pl.DataFrame:
    """Return what customers pay in a typical month, reversals taken off.

    Parameters
    ----------
    ledger : of ``name_payers``; payments of several customers count for nobody.
    as_of : payments valued before it count.
    scenario : how many months of 30 days are looked at, and how many of them must hold a payment.

    Returns
    -------
    customer_id, currency and ``typical_amount``: the median over the months, those without payment
    included. Customers with too few paying months have no row: nothing is known of what they can carry.
    """
    rules = scenario.plan
    months = pl.int_range(rules.months).alias("month")
    age = (pl.lit(as_of) - pl.col("value_date")).dt.total_days()
    paid = (
        name_payers(ledger)
        .filter(pl.col("customer_id").is_not_null(), age > 0, age <= rules.months * MONTH_DAYS)
        .group_by("customer_id", "currency", ((age - 1) // MONTH_DAYS).alias("month"))
        .agg(pl.col("amount").sum().alias("paid_amount"))
    )
    enough = (
        paid.filter(pl.col("paid_amount") > 0)
        .group_by("customer_id", "currency")
        .agg(pl.len().alias("paying_months"))
        .filter(pl.col("paying_months") >= rules.paying_months)
    )
    return (
        enough.join(pl.select(months), how="cross")
        .join(paid, on=["customer_id", "currency", "month"], how="left")
        .group_by("customer_id", "currency")
        .agg(pl.col("paid_amount").fill_null(0).clip(0).cast(pl.Float64).median().alias("typical_amount"))
        .sort("customer_id", "currency")
    )


def propose_plans(steps: pl.DataFrame, ledger: Frames, as_of: date, scenario: Scenario) -> pl.DataFrame:
    """Return the parts of a plan for every customer whose payments so far can carry one.

    Parameters
    ----------
    steps : customer_id, currency and act_amount of those to whom a plan is offered.
    ledger : as for ``measure_typical_month``.
    as_of : the first part falls ``first_after_days`` after it, the others a month apart.
    scenario : share of a typical month that a part may take, most parts, least part.

    Returns
    -------
    customer_id, number (1 for the first), day, part_amount; the parts add up to act_amount. Nobody for
    whom the parts would be too many, or too small to be worth collecting.

    Notes
    -----
    A part takes at most a share of what was paid in a typical month, because new bills come as well.
    Parts are equal to the cent; the last one takes what rounding leaves.
    """
    rules = scenario.plan
    mills = (pl.col("act_amount") * _MILLS).cast(pl.Int64)
    carried = (pl.col("typical_amount") * rules.share * _MILLS).floor().cast(pl.Int64)
    count = pl.max_horizontal((mills + pl.col("carried") - 1) // pl.col("carried"), _FEWEST_PARTS)
    planned = (
        steps.join(
            measure_typical_month(ledger, as_of, scenario), on=["customer_id", "currency"], how="inner"
        )
        .with_columns(carried.alias("carried"), mills.alias("mills"))
        .filter(pl.col("carried") > 0)
        .with_columns(count.alias("count"))
        .filter(
            pl.col("count") <= rules.most_parts,
            pl.col("mills") // pl.col("count") >= int(rules.least_part * _MILLS),
        )
        .with_columns(pl.int_ranges(1, pl.col("count") + 1).alias("number"))
        .explode("number")
    )
    part = pl.col("mills") // pl.col("count") // _MILLS_IN_CENT * _MILLS_IN_CENT
    last = pl.col("mills") - part * (pl.col("count") - 1)
    first_day = as_of + timedelta(days=rules.first_after_days)
    return planned.select(
        "customer_id",
        "number",
        pl.lit(first_day)
        .dt.offset_by(pl.concat_str((pl.col("number") - 1).cast(pl.String), pl.lit("mo")))
        .alias("day"),
        (pl.when(pl.col("number") == pl.col("count")).then(last).otherwise(part) * _MILL)
        .cast(pl.Decimal(18, 3))
        .alias("part_amount"),
    ).sort("customer_id", "number")


def write_schedules(plans: pl.DataFrame) -> pl.DataFrame:
    """Return customer_id and ``plan_schedule``, a JSON list of [day, amount] as in core_payment_plan."""
    pair = pl.format(
        '["{}", "{}"]',
        pl.col("day").dt.strftime("%Y-%m-%d"),
        pl.col("part_amount").cast(pl.String).str.strip_suffix("0"),
    )
    return (
        plans.sort("customer_id", "number")
        .group_by("customer_id", maintain_order=True)
        .agg(pair.str.join(", ").alias("pairs"))
        .select("customer_id", pl.format("[{}]", "pairs").alias("plan_schedule"))
    )
