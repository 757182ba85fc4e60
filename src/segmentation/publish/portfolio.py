"""Measures of the book: ageing, DSO and its kin, lateness, promises kept; per currency and slice.

Belongs here: the usual measures of credit management, each with formula and inputs in its row. Does not
belong here: predictions.

References: Credit Research Foundation, *Standard Formulas and Key Performance Indicators* (DSO, best
possible DSO, average days delinquent, collection effectiveness index); Salek, J. G. (2005), *Accounts
Receivable Management Best Practices*, Wiley.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from segmentation.domain.published_tables import PORTFOLIO
from segmentation.domain.schema import Frames
from segmentation.publish.book import list_ended_promises, read_book

PERIOD_DAYS = 90
"""Days before the as-of day over which flows are measured; fewer where the ledger is younger."""

ALL = "all"

_BUCKETS: tuple[tuple[str, int | None, int | None], ...] = (
    ("not_due", None, 0),
    ("days_1_30", 1, 30),
    ("days_31_60", 31, 60),
    ("days_61_90", 61, 90),
    ("days_over_90", 91, None),
)

AGEING_BUCKETS = tuple(name for name, _, _ in _BUCKETS)
"""Slices of ageing, in order of age: days beyond terms of the open instalment."""


@dataclass(frozen=True)
class _Measure:
    name: str
    unit: str | None  # None: the currency of the row
    formula: str
    value: pl.Expr
    inputs: tuple[str, ...]


def _ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return pl.when(denominator > 0).then(numerator.cast(pl.Float64) / denominator.cast(pl.Float64))


_OPEN = pl.col("open_amount")
_CURRENT = pl.col("current_amount")
_OVERDUE = pl.col("overdue_amount")
_ISSUED = pl.col("issued_amount")
_OPENING = pl.col("opening_amount")
_PERIOD = pl.col("period_days")
_SALES = ("issued_amount", "period_days", "period_start")

_AGEING = _Measure(
    "ageing_amount",
    None,
    "sum of open_amount over open instalments of the slice",
    _OPEN.cast(pl.Float64),
    ("open_amount", "open_instalment_count"),
)

_MEASURES = (
    _AGEING,
    _Measure(
        "overdue_amount",
        None,
        "sum of open_amount over instalments past their due date",
        _OVERDUE.cast(pl.Float64),
        ("overdue_amount", "overdue_instalment_count"),
    ),
    _Measure(
        "overdue_share",
        "share",
        "overdue_amount ÷ open_amount",
        _ratio(_OVERDUE, _OPEN),
        ("overdue_amount", "open_amount"),
    ),
    _Measure(
        "dso_days",
        "days",
        "open_amount ÷ issued_amount × period_days",
        _ratio(_OPEN, _ISSUED) * _PERIOD,
        ("open_amount", *_SALES),
    ),
    _Measure(
        "best_possible_dso_days",
        "days",
        "current_amount ÷ issued_amount × period_days, where current_amount is open and not past due",
        _ratio(_CURRENT, _ISSUED) * _PERIOD,
        ("current_amount", *_SALES),
    ),
    _Measure(
        "average_days_delinquent",
        "days",
        "dso_days − best_possible_dso_days, that is overdue_amount ÷ issued_amount × period_days",
        _ratio(_OVERDUE, _ISSUED) * _PERIOD,
        ("overdue_amount", *_SALES),
    ),
    _Measure(
        "cei_share",
        "share",
        "(opening_amount + issued_amount − open_amount) ÷ (opening_amount + issued_amount − current_amount); "
        "1 when all that fell due was collected",
        _ratio(_OPENING + _ISSUED - _OPEN, _OPENING + _ISSUED - _CURRENT),
        ("opening_amount", "open_amount", "current_amount", *_SALES),
    ),
    _Measure(
        "weighted_days_late",
        "days",
        "sum of amount × days beyond terms (0 when in time) ÷ sum of amount, over instalments that fell due in "
        "the period and were paid or are open; open ones count with their days so far",
        _ratio(pl.col("late_amount_days"), pl.col("due_amount")),
        ("late_amount_days", "due_amount", "due_instalment_count", "period_days", "period_start"),
    ),
    _Measure(
        "promise_kept_share",
        "share",
        "kept_promise_count ÷ promise_count, over promises whose last day, the days of grace included, was in the "
        "period; a partial payment does not keep a promise",
        _ratio(pl.col("kept_promise_count"), pl.col("promise_count")),
        ("kept_promise_count", "promise_count", "period_days", "period_start"),
    ),
)


def measure_portfolio(frames: Frames, as_of: date) -> pl.DataFrame:
    """Return the measures of the book per currency and slice, as ``out_portfolio``.

    Parameters
    ----------
    frames : uses ``core_instalment_balance``, ``core_allocation``, ``core_payment``,
        ``core_promise_to_pay`` and ``pred_segment``.
    as_of : the measures are those at the start of this day.

    Returns
    -------
    Every measure for all customers and for each segment; ageing for each bucket too. A value is null
    when nothing was issued, fell due or was promised in the period. Due on the as-of day is not late.

    Notes
    -----
    Sales are what was issued in the period, tax included; the opening amount is what was open on its
    first day. Receivables that no segment is known for are in slice ``all`` only.
    """
    balance = frames["core_instalment_balance"]
    if balance.is_empty():
        return PORTFOLIO.empty()
    first_issue = balance.select(pl.col("issue_date").min()).item()
    period_days = max(1, min(PERIOD_DAYS, (as_of - first_issue).days))
    start = as_of - timedelta(days=period_days)
    book = _with_slices(read_book(frames, start, as_of), frames["pred_segment"])
    promises = _with_slices(list_ended_promises(frames, start, as_of), frames["pred_segment"])
    sums = (
        _sum_book(book)
        .join(_sum_promises(promises), on=("currency", "slice"), how="left")
        .with_columns(
            pl.col("promise_count", "kept_promise_count").fill_null(0),
            pl.lit(period_days, dtype=pl.Int64).alias("period_days"),
            pl.lit(start).alias("period_start"),
        )
    )
    return PORTFOLIO.conform(pl.concat([_spread(sums, _MEASURES), _spread(_sum_buckets(book), (_AGEING,))]))


def bucket_of(days_late: pl.Expr) -> pl.Expr:
    """Return the ageing bucket of a number of days beyond terms."""
    label = pl.lit(None, dtype=pl.String)
    for name, low, high in _BUCKETS:
        inside = pl.lit(True)
        if low is not None:
            inside &= days_late >= low
        if high is not None:
            inside &= days_late <= high
        label = pl.when(inside).then(pl.lit(name)).otherwise(label)
    return label


def _with_slices(rows: pl.DataFrame, segment: pl.DataFrame) -> pl.DataFrame:
    """Repeat every row: once for all, once for the segment of its customer where that is known."""
    by_segment = rows.join(
        segment.select("customer_id", pl.col("segment").alias("slice")), on="customer_id", how="inner"
    )
    return pl.concat([rows.with_columns(pl.lit(ALL).alias("slice")), by_segment])


def _sum_book(book: pl.DataFrame) -> pl.DataFrame:
    is_late = pl.col("days_late") > 0
    return book.group_by("currency", "slice").agg(
        pl.col("open_amount").sum(),
        (pl.col("open_amount") > 0).sum().cast(pl.Int64).alias("open_instalment_count"),
        pl.col("open_amount").filter(is_late).sum().alias("overdue_amount"),
        ((pl.col("open_amount") > 0) & is_late).sum().cast(pl.Int64).alias("overdue_instalment_count"),
        pl.col("open_amount").filter(~is_late).sum().alias("current_amount"),
        pl.col("issued_amount").sum(),
        pl.col("opening_amount").sum(),
        pl.col("due_amount").sum(),
        (pl.col("due_amount") * pl.max_horizontal("days_late", 0)).sum().alias("late_amount_days"),
        (pl.col("due_amount") > 0).sum().cast(pl.Int64).alias("due_instalment_count"),
    )


def _sum_buckets(book: pl.DataFrame) -> pl.DataFrame:
    everything = book.filter(pl.col("slice") == ALL)
    grid = everything.select("currency").unique().join(pl.DataFrame({"slice": AGEING_BUCKETS}), how="cross")
    counted = (
        everything.filter(pl.col("open_amount") > 0)
        .with_columns(bucket_of(pl.col("days_late")).alias("slice"))
        .group_by("currency", "slice")
        .agg(pl.col("open_amount").sum(), pl.len().cast(pl.Int64).alias("open_instalment_count"))
    )
    return grid.join(counted, on=("currency", "slice"), how="left").with_columns(
        pl.col("open_amount", "open_instalment_count").fill_null(0)
    )


def _sum_promises(promises: pl.DataFrame) -> pl.DataFrame:
    return promises.group_by("currency", "slice").agg(
        pl.len().cast(pl.Int64).alias("promise_count"),
        pl.col("is_kept").sum().cast(pl.Int64).alias("kept_promise_count"),
    )


def _spread(sums: pl.DataFrame, measures: Sequence[_Measure]) -> pl.DataFrame:
    return pl.concat(
        sums.select(
            pl.lit(measure.name).alias("measure"),
            "currency",
            "slice",
            measure.value.cast(pl.Float64).alias("value"),
            (pl.lit(measure.unit) if measure.unit else pl.col("currency")).alias("unit"),
            pl.lit(measure.formula).alias("formula"),
            pl.struct(measure.inputs).struct.json_encode().alias("inputs"),
        )
        for measure in measures
    )
