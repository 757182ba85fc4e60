"""What is known about each customer's punctuality: late and on time, counted and discounted by age.

Belongs here: which instalments count, as what, and with which weight. Does not belong here:
what the counts say about the customer (propensity), or about the cause (signals).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.row_lookup import find_rows
from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import CoveredBy
from segmentation.segments.histories import MOST_PER_PERIOD, MOST_PERIODS, PERIOD_DAYS, Histories

WEIGHT_UNIT = 1 << 20
"""Weights are summed as whole multiples of 2⁻²⁰, so that no order of rows can change a sum."""

LATE = "is_late"
EXCLUDED = "is_excluded"
_KEPT = (
    "invoice_id",
    "customer_id",
    "currency",
    "issue_date",
    "issued_known_date",
    "due_date",
    "covered_known_date",
    "amount",
    "days_late",
    "is_open",
    "payment_count",
)
_COUNTS = ("settled_count", "late_count", "excluded_count")
_WEIGHTS = ("late_weight", "prompt_weight", "late_weight_squares", "prompt_weight_squares")
_MEASURES = ("typical_days_late", "severity_days")


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known of every customer, row for row.

    Parameters
    ----------
    counts : counts, weights and measures, one row per customer (``observe_customers``).
    histories : the same instalments by period.
    """

    counts: pl.DataFrame
    histories: Histories


def classify_instalments(balance: pl.DataFrame, as_of: date, settings: SegmentSettings) -> pl.DataFrame:
    """Return the instalments whose lateness is known, each marked late or not, excluded or not.

    Parameters
    ----------
    balance : ``core_instalment_balance`` as known on the as-of day.
    as_of : start of this day ends what is known.
    settings : ``grace_days`` still count as on time.

    Returns
    -------
    The rows of ``balance`` that say something about paying, of the columns those that the room reads, with
    ``is_late``, ``is_excluded`` (lateness was the supplier's doing) and ``age_days`` (days since the due date, at
    least nil).

    Notes
    -----
    An instalment is known to be late as soon as it is overdue beyond grace, paid or not; history of
    settled instalments alone would flatter slow payers. It is known to be on time when a payment
    covered it within grace. An open one that is not overdue says nothing yet, and one that a credit
    note or write-off covered says nothing about paying.
    """
    is_payer_decided = pl.col("is_open") | (pl.col("covered_by") == CoveredBy.PAYMENT.value)
    is_overdue = pl.col("days_late") > settings.grace_days
    known = balance.lazy().filter(
        (pl.col("amount") > 0)
        & pl.col("days_late").is_not_null()
        & is_payer_decided.fill_null(False)
        & (is_overdue | ~pl.col("is_open"))
    )
    return known.select(
        *_KEPT,
        is_overdue.alias(LATE),
        pl.col("is_supplier_caused").alias(EXCLUDED),
        (pl.lit(as_of) - pl.col("due_date")).dt.total_days().clip(lower_bound=0).alias("age_days"),
    ).collect()


def observe_customers(known: pl.DataFrame, customer_id: pl.Series, settings: SegmentSettings) -> Observed:
    """Return per customer how many instalments are known, how many were late, their weights, and their history.

    Parameters
    ----------
    known : result of ``classify_instalments``.
    customer_id : customers, each once; rows come in this order, others are left out.
    settings : ``half_life_days`` is the age at which an instalment counts for half.

    Returns
    -------
    Counts with ``customer_id``, ``settled_count``, ``late_count``, ``excluded_count``; ``late_weight``,
    ``prompt_weight`` (sums of weights) and ``late_weight_squares``, ``prompt_weight_squares`` (sums of squared
    weights), all nil where nothing is known; ``late_span_days`` (days between the first and the last late due
    date, null when none was late); ``typical_days_late`` (median over paid instalments, null without any);
    ``severity_days`` (null without any). Histories row for row.

    Notes
    -----
    Weight of an instalment = 2^(−age ÷ half-life), age in days since its due date.

    severity_days = Σ_c n_c ÷ n · (Σ amount · max(days late, 0) ÷ Σ amount), the inner sums over the n_c instalments
    in currency c: the mean delay, each instalment weighted by its amount relative to the customer's own mean amount
    in its currency. It is above the plain mean where the larger invoices are paid later, and the unit of a currency
    does not matter.
    """
    from segmentation.segments import tally

    age = known["age_days"].to_numpy()
    periods = min(int(age.max(initial=0)) // PERIOD_DAYS + 1, MOST_PERIODS)
    weight = 2.0 ** (-np.arange(int(age.max(initial=0)) + 1) / settings.half_life_days)
    currency = known["currency"].unique().sort()
    flags = (
        pl.col(LATE).cast(pl.UInt8) * tally.LATE
        + pl.col(EXCLUDED).cast(pl.UInt8) * tally.EXCLUDED
        + pl.col("is_open").cast(pl.UInt8) * tally.OPEN
    )
    sums, reals, late, prompt = tally.tally_customers(
        _number(known["customer_id"], customer_id),
        age.astype(np.int64),
        known["days_late"].cast(pl.Int64).to_numpy(),
        known["amount"].to_physical().cast(pl.Int64).to_numpy(),
        _number(known["currency"], currency),
        known.select(flags).to_series().to_numpy(),
        len(customer_id),
        len(currency),
        PERIOD_DAYS,
        periods,
        MOST_PER_PERIOD,
        *(np.round(power * WEIGHT_UNIT).astype(np.int64) for power in (weight, weight**2)),
    )
    counts = dict(zip(_COUNTS, sums.T[:3], strict=True))
    weights = dict(zip(_WEIGHTS, sums.T[3:7] / WEIGHT_UNIT, strict=True))
    span = pl.Series("late_span_days", sums[:, 7])
    measures = pl.DataFrame(dict(zip(_MEASURES, reals.T, strict=True))).fill_nan(None)
    frame = pl.DataFrame({"customer_id": customer_id, **counts, **weights}).with_columns(
        pl.when(span >= 0).then(span), *measures
    )
    return Observed(frame, Histories(late, prompt))


def _number(values: pl.Series, names: pl.Series) -> npt.NDArray[np.int64]:
    """Return where each value stands among the names; −1 where it does not."""
    rows: npt.NDArray[np.int64] = find_rows(values, names).cast(pl.Int64).fill_null(-1).to_numpy()
    return rows
