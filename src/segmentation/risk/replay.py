"""The weeks of a backtest lived through again: what was said of the open book on each Monday.

Belongs here: the open book and the inflow forecast of each Monday, beside what happened. Does not belong
here: scores at issue (backtest), figures (judgement).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from segmentation.domain.schema import Frames
from segmentation.features.computation import compute_open_features
from segmentation.ledger.as_known import as_known
from segmentation.ledger.balances import build_instalment_balances
from segmentation.risk.band import WEEKS_AHEAD, measure_dependence, measure_width, week_of_arrival
from segmentation.risk.cohort import KEY, Cohort, Outcome, build_cohort, day_number
from segmentation.risk.distribution import PaymentDistribution
from segmentation.risk.forecast import (
    Dependence,
    find_payment_weekdays,
    forecast_inflow,
    weekly_paid_prob,
)
from segmentation.risk.grid import BoolArray, FloatArray, IntArray
from segmentation.risk.speaking import Speakers

OPEN_BOOK_DAYS = 14
_MONDAY, _WEEK = 0, 7
_EMPTY_BOOK = pl.DataFrame(
    schema={
        "invoice_id": pl.String,
        "instalment_number": pl.Int64,
        "customer_id": pl.String,
        "scored_at": pl.Date,
        "unpaid_14_prob": pl.Float64,
        "is_unpaid_14": pl.Boolean,
    }
)
_EMPTY_INFLOW = pl.DataFrame(
    schema={
        "made_date": pl.Date,
        "week": pl.Int64,
        "currency": pl.String,
        "inflow_amount": pl.Float64,
        "inflow_p10_amount": pl.Float64,
        "inflow_p90_amount": pl.Float64,
        "actual_amount": pl.Float64,
    }
)


@dataclass(frozen=True)
class Replay:
    """Models frozen on one day, and the ledger that they meet on later days.

    Parameters
    ----------
    speakers : models and their calibration, as of ``start``.
    facts : core_ facts with everything known until now, without balances.
    ledger, balance : the same with balances on the day ``end``.
    start, end : day on which models are frozen, and day before which outcomes are known.
    names, levels : features, and the words of each text feature.
    seed : of the simulated inflow.
    """

    speakers: Speakers
    facts: Frames
    ledger: Frames
    balance: pl.DataFrame
    start: date
    end: date
    names: tuple[str, ...]
    levels: Mapping[str, list[str]]
    seed: int

    @cached_property
    def _weekdays(self) -> BoolArray:
        return find_payment_weekdays(as_known(self.facts, self.start)["core_payment"], self.start)

    @cached_property
    def _dependence(self) -> Dependence:
        return measure_dependence(self.speakers)

    @cached_property
    def _width(self) -> float:
        return measure_width(
            self.speakers, day_number(self.start), self._dependence, self._weekdays, self.seed
        )

    def score_mondays(self, until: date) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the scored open book and the forecast inflow of every Monday, with what came of them."""
        books, inflows = [_EMPTY_BOOK], [_EMPTY_INFLOW]
        monday = self.start + timedelta(days=(_MONDAY - self.start.weekday()) % _WEEK)
        while monday <= until:
            open_ = compute_open_features({**self.ledger, "core_instalment_balance": self.balance}, monday)
            cohort = build_cohort(open_, self.balance, self.names, dict(self.levels))
            distribution, _ = self.speakers.distribution(cohort, day_number(monday))
            outcome = cohort.outcome_before(day_number(self.end))
            books.append(_score_book(cohort, monday, distribution, outcome))
            inflows.append(self._forecast_weeks(cohort, monday, distribution, outcome))
            monday += timedelta(days=_WEEK)
        book, inflow = pl.concat(books), pl.concat(inflows)
        return book.sort("scored_at", *KEY), inflow.sort("made_date", "week", "currency")

    def _forecast_weeks(
        self, cohort: Cohort, monday: date, distribution: PaymentDistribution, outcome: Outcome
    ) -> pl.DataFrame:
        """Return the expected and the actual inflow of the weeks after ``monday`` that are over.

        Amounts are those owed on that day and arrive whole. What is paid on a day without payments counts
        for the week of the next day with them, in the forecast as in the books.
        """
        if not len(cohort):
            return _EMPTY_INFLOW
        owed = build_instalment_balances(as_known(self.facts, monday), monday)
        known = cohort.key.join(
            owed.select(*KEY, "open_amount", "currency"), on=KEY, how="left", maintain_order="left"
        )
        amount = known["open_amount"].cast(pl.Float64).fill_null(0.0).to_numpy()
        names = known["currency"].fill_null("").unique().sort()
        code = known["currency"].fill_null("").replace_strict(names, np.arange(len(names))).to_numpy()
        paid = weekly_paid_prob(distribution, WEEKS_AHEAD, monday, self._weekdays)
        mean, low, _, high = forecast_inflow(
            paid,
            cohort.customer,
            amount,
            code,
            dependence=self._dependence,
            draws=self.speakers.settings.forecast_draws,
            seed=self.seed,
            width=self._width,
        )
        weeks = pl.DataFrame(
            {
                "week": np.tile(np.arange(1, WEEKS_AHEAD + 1), len(names)),
                "currency": np.repeat(names.to_numpy(), WEEKS_AHEAD).tolist(),
                "inflow_amount": mean.reshape(-1),
                "inflow_p10_amount": low.reshape(-1),
                "inflow_p90_amount": high.reshape(-1),
            }
        )
        week = week_of_arrival(cohort.paid, outcome.is_paid, day_number(monday))
        actual = known.select(
            pl.Series("week", week), pl.col("currency").fill_null(""), pl.Series("actual_amount", amount)
        )
        summed = actual.group_by("week", "currency").agg(pl.col("actual_amount").sum())
        is_over = pl.col("week") <= (self.end - monday).days // _WEEK
        return (
            weeks.filter(is_over)
            .join(summed, on=("week", "currency"), how="left")
            .with_columns(pl.lit(monday).alias("made_date"), pl.col("actual_amount").fill_null(0.0))
            .select(_EMPTY_INFLOW.columns)
        )


def _score_book(
    cohort: Cohort, monday: date, distribution: PaymentDistribution, outcome: Outcome
) -> pl.DataFrame:
    """Return P(unpaid in 14 days | open) of every open instalment, beside what happened."""
    day = distribution.seen_day + OPEN_BOOK_DAYS
    return cohort.key.with_columns(
        pl.lit(monday).alias("scored_at"),
        pl.Series("unpaid_14_prob", distribution.unpaid_prob(day)),
        pl.Series("is_unpaid_14", _unpaid_after(outcome, day)).fill_nan(None).cast(pl.Boolean),
    )


def _unpaid_after(outcome: Outcome, day: IntArray) -> FloatArray:
    """Return 1 when unpaid at the end of each instalment's ``day``, 0 when paid, NaN when not known."""
    unpaid = np.where(outcome.last_open_day >= day, 1.0, np.nan)
    return np.where(outcome.is_paid, (outcome.event_day > day).astype(np.float64), unpaid)
