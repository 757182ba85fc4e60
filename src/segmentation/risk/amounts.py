"""Amount at risk: what late payment is expected to cost, in money.

Belongs here: expected loss and expected cost of delay, from the distribution and the assumptions in
settings. Does not belong here: what a step would gain (treatment).
"""

import numpy as np
import polars as pl

from segmentation.domain.settings import RiskSettings
from segmentation.risk.distribution import PaymentDistribution

_DAYS_IN_YEAR = 365


def price_risk(distribution: PaymentDistribution, settings: RiskSettings) -> pl.DataFrame:
    """Return, per unit of the open amount, loss_share and delay_cost_share of every instalment.

    Notes
    -----
    Loss: P(unpaid ``loss_after_days`` after the due date) × ``loss_share``; for one that is older already, P(unpaid
    for 30 days more) in place of it. Delay: mean days still to come beyond the due date × yearly cost of capital
    ÷ 365. Both are simple on purpose: the assumptions stand in settings and are the reader's to change.
    """
    day = np.maximum(settings.loss_after_days, distribution.seen_day + _NEXT_MONTH)
    lost = distribution.unpaid_prob(day) * settings.loss_share
    delay = distribution.expected_late_days() * settings.annual_cost_of_capital / _DAYS_IN_YEAR
    return pl.DataFrame({"loss_share": lost, "delay_cost_share": delay})


_NEXT_MONTH = 30


def add_amounts(risk: pl.DataFrame) -> pl.DataFrame:
    """Return ``risk`` (open_amount, loss_share, delay_cost_share) with expected amounts, to the cent."""

    def expected(share: str) -> pl.Expr:
        return (pl.col("open_amount").cast(pl.Float64) * pl.col(share)).round(2)

    return risk.with_columns(
        expected("loss_share").alias("expected_loss_amount"),
        expected("delay_cost_share").alias("expected_delay_cost_amount"),
    )
