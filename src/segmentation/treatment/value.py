"""What acting is worth over waiting, in money, with a 90 % interval.

Belongs here: the formula and its interval. Does not belong here: estimates of the effect (response),
assumptions (scenarios.yaml), the choice (recommendation).
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import Action
from segmentation.treatment.scenario import Condition, Scenario

Reals: TypeAlias = npt.NDArray[np.float64]

_DAYS_IN_YEAR = 365
_LOW, _HIGH = 0.05, 0.95
_NO_SUCH_AMOUNT = 1e9


def _quantile(mean: Reals, mass: Reals, level: float) -> Reals:
    """Return the quantile of a beta distribution with that mean and weight; 0 where the mean is 0."""
    from scipy.special import betaincinv

    safe = np.where(mean > 0, mean, 0.5)
    quantile: Reals = np.where(mean > 0, betaincinv(safe * mass, (1 - safe) * mass, level), 0.0)
    return quantile


def _add_bounds(candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates with both ends of the interval of their share, each pair of figures worked out once."""
    beliefs = pl.struct("share", "evidence").rank("dense").alias("belief")
    coded = candidates.with_columns(beliefs)
    known = coded.select("belief", "share", "evidence").unique("belief").sort("belief")
    mean, mass = known["share"].to_numpy(), known["evidence"].to_numpy()
    place = coded["belief"] - 1
    return candidates.with_columns(
        pl.Series("share_low", _quantile(mean, mass, _LOW)).gather(place),
        pl.Series("share_high", _quantile(mean, mass, _HIGH)).gather(place),
    )


def value_steps(candidates: pl.DataFrame, scenario: Scenario, settings: TreatmentSettings) -> pl.DataFrame:
    """Return the candidates with the expected value of acting over waiting and its 90 % interval.

    Parameters
    ----------
    candidates : one row per customer and step with action, channel, share, evidence and the exposure's
        amounts, counts, probabilities and days.
    scenario : response days, horizon, cost of an overdue day.
    settings : cost of capital, of a contact and of annoyance.

    Returns
    -------
    The candidates with value, value_low, value_high (float, in the row's currency),
    ``reduction_days`` (expected days by which payment comes earlier) and ``break_even_amount`` (amount
    below which the step would not be worth its cost).

    Notes
    -----
    Overdue: reduction = (1 − p) × f × (L − H/2), with p the probability of payment within H response
    days anyway, f the share whom the step moves, and L = (E − p × H/2) / (1 − p) the expected days to
    payment given none within H, at least H and at most the horizon. Coming: reduction = f × expected
    days beyond terms. Value = reduction × (amount × (cost of capital / 365 + loss share) + invoices ×
    handling cost) − contact cost − annoyance. The interval is that of f, beta distributed; other
    inputs count as known, so it is too narrow rather than too wide. A word of thanks is worth what the
    scenario says, less its cost, and annoys nobody.
    """
    response = float(scenario.response_days)
    is_dispute = pl.col("action") == Action.DISPUTE_FOLLOW_UP
    is_coming = (pl.col("action") == Action.PRE_DUE_NOTICE) | (pl.col("condition") == Condition.UNUSUAL_DEBIT)
    is_coming = is_coming.fill_null(value=False)
    is_thanks = pl.col("action") == Action.THANK_YOU

    def pick(name: str) -> pl.Expr:
        return (
            pl.when(is_dispute).then(pl.col(f"dispute_{name}")).otherwise(pl.col(f"act_{name}")).fill_null(0)
        )

    paid, remaining = pick("paid_prob"), pick("remaining_days")
    later = ((remaining - paid * response / 2) / (1 - paid)).clip(response, float(scenario.horizon_days))
    overdue_factor = (1 - paid) * (later - response / 2)
    coming_factor = pl.col("coming_expected_late_days").fill_null(0)
    amount = (
        pl.when(is_coming)
        .then(pl.col("coming_amount").cast(pl.Float64))
        .otherwise(pick("amount").cast(pl.Float64))
    )
    count = pl.when(is_coming).then(pl.col("coming_count")).otherwise(pick("count"))
    day_cost = amount * (
        settings.annual_cost_of_capital / _DAYS_IN_YEAR + scenario.loss_share_per_day
    ) + count * float(scenario.handling_cost_per_day)
    costs = {channel: float(cost) for channel, cost in settings.contact_cost.items()}
    contact = (
        pl.when(pl.col("channel").is_null())
        .then(float(scenario.internal_task_cost))
        .otherwise(
            pl.col("channel").replace_strict(costs, default=0.0, return_dtype=pl.Float64)
            + pl.when(is_thanks).then(-float(scenario.thanks_value)).otherwise(float(settings.annoyance_cost))
        )
    )
    return (
        _add_bounds(candidates)
        .with_columns(
            pl.when(is_coming).then(coming_factor).otherwise(overdue_factor).alias("_days"),
            amount.alias("_amount"),
            day_cost.alias("_day_cost"),
            contact.alias("_cost"),
        )
        .with_columns(
            (pl.col("share") * pl.col("_days")).alias("reduction_days"),
            *(
                (pl.col(quantile) * pl.col("_days") * pl.col("_day_cost") - pl.col("_cost")).alias(name)
                for quantile, name in (
                    ("share", "value"),
                    ("share_low", "value_low"),
                    ("share_high", "value_high"),
                )
            ),
        )
        .with_columns(_break_even().alias("break_even_amount"))
        .drop("_days", "_day_cost", "_cost", "_amount")
    )


def _break_even() -> pl.Expr:
    """Return the amount at which the lower end of the value is nil; null where no amount brings it there.

    Notes
    -----
    A day costs in proportion to the amount here, handling included, which is close enough for a reader.
    """
    gain = pl.col("share_low") * pl.col("_days") * pl.col("_day_cost")
    amount = pl.col("_amount") * pl.col("_cost") / gain
    return pl.when((gain > 0) & (pl.col("_cost") > 0) & (amount < _NO_SUCH_AMOUNT)).then(amount)


def to_money(value: str) -> pl.Expr:
    """Return a float amount as money in cents; a hair of floating-point noise never shows."""
    return pl.col(value).round(2).cast(pl.Decimal(18, 3))
