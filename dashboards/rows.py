"""Rows for the pages: joined, filtered, sorted and cut to a page before anything is drawn.

Belongs here: frames to frames. Does not belong here: reading (published), drawing (charts, views).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from dashboards.formats import DEFAULT_TIMEZONE
from segmentation.domain.vocabulary import Decision

PAGE_ROWS = 50

ORDERS: dict[str, tuple[str, bool]] = {
    "expected_value_amount": ("Expected gain", True),
    "overdue_amount": ("Overdue amount", True),
    "open_amount": ("Open amount", True),
    "oldest_days_late": ("Days late", True),
    "window_start_at": ("Time to act", False),
    "customer": ("Customer name", False),
}
"""Columns that the worklist can be ordered by, what they are called, and whether the largest comes first."""


@dataclass(frozen=True)
class WorklistFilter:
    """What the reader wants to see; an empty choice means everything."""

    search: str = ""
    actions: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    minimum_amount: float = 0.0


def label_customer() -> pl.Expr:
    """Return the name of the customer, or the number where the ledger has no name."""
    return pl.coalesce(pl.col("name"), pl.lit("Customer ") + pl.col("customer_id")).alias("customer")


def local_date(worklist: pl.DataFrame, column: str) -> pl.Expr:
    """Return the day of a moment in the zone in which each customer's contact hours are read; null stays null."""
    zone = pl.col("contact_timezone").fill_null(DEFAULT_TIMEZONE)
    day = pl.lit(None, dtype=pl.Date)
    for name in worklist.select(zone.unique(maintain_order=True)).to_series():
        day = pl.when(zone == name).then(pl.col(column).dt.convert_time_zone(name).dt.date()).otherwise(day)
    return day


def join_worklist(
    recommendations: pl.DataFrame, customers: pl.DataFrame, segments: pl.DataFrame
) -> pl.DataFrame:
    """Return every recommendation with its customer and segment, best expected value first.

    Parameters
    ----------
    recommendations : out_recommendations.
    customers : out_customers.
    segments : out_customer_segments.

    Returns
    -------
    out_recommendations plus ``customer`` (name or number), ``search_text``, and the segment's columns,
    null where the customer has none. Ties are broken by customer and id, so that the order is stable.
    """
    segment_columns = [
        "customer_id",
        "segment",
        "structural_prob",
        "structural_prob_p05",
        "structural_prob_p95",
        "cause",
        "cause_prob",
        "settled_count",
        "late_count",
        "typical_days_late",
    ]
    people = [name for name in customers.columns if name != "as_of_date"]
    return (
        recommendations.join(customers.select(people), on="customer_id", how="left")
        .join(segments.select(segment_columns), on="customer_id", how="left")
        .with_columns(label_customer())
        .with_columns(
            (pl.col("customer") + pl.lit(" ") + pl.col("customer_id")).str.to_lowercase().alias("search_text")
        )
        .sort(
            ["expected_value_amount", "overdue_amount", "customer_id", "recommendation_id"],
            descending=[True, True, False, False],
        )
    )


def filter_worklist(worklist: pl.DataFrame, wanted: WorklistFilter) -> pl.DataFrame:
    """Return the rows of the worklist that the reader asked for, in the same order."""
    conditions: list[pl.Expr] = []
    conditions.extend(
        pl.col("search_text").str.contains(part, literal=True) for part in wanted.search.lower().split()
    )
    for column, values in (
        ("action", wanted.actions),
        ("segment", wanted.segments),
        ("channel", wanted.channels),
        ("currency", wanted.currencies),
    ):
        if values:
            conditions.append(pl.col(column).is_in(list(values)))
    if wanted.minimum_amount > 0:
        conditions.append(pl.col("open_amount") >= Decimal(str(wanted.minimum_amount)))
    return worklist.filter(*conditions) if conditions else worklist


def order_worklist(worklist: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return the worklist ordered by a column of ``ORDERS``; rows without a value come last."""
    largest_first = ORDERS[column][1]
    key = pl.col(column).str.to_lowercase() if worklist.schema[column] == pl.String else pl.col(column)
    return worklist.sort(
        [key, "recommendation_id"], descending=[largest_first, False], nulls_last=True, maintain_order=True
    )


def count_pages(frame: pl.DataFrame, page_rows: int = PAGE_ROWS) -> int:
    """Return the number of pages, at least one."""
    return max(1, -(-frame.height // page_rows))


def cut_page(frame: pl.DataFrame, page: int, page_rows: int = PAGE_ROWS) -> pl.DataFrame:
    """Return one page of rows; the first page is 1, and a page past the end is the last one."""
    page = min(max(page, 1), count_pages(frame, page_rows))
    return frame.slice((page - 1) * page_rows, page_rows)


def search_customers(customers: pl.DataFrame, text: str, limit: int = 50) -> pl.DataFrame:
    """Return customers whose name or number contains every word of ``text``, at most ``limit`` of them."""
    found = customers
    for part in text.lower().split():
        found = found.filter(pl.col("search_text").str.contains(part, literal=True))
    return found.head(limit)


def event_day(zone: str) -> pl.Expr:
    """Return the day of an event of the timeline: of a contact in that time zone, as the customer had it.

    What the books date by the day (invoices, payments, disputes) is no moment, and keeps its day.
    """
    moment = pl.col("event_at")
    is_contact = pl.col("kind").is_in(["contact", "reply"])
    return pl.when(is_contact).then(moment.dt.convert_time_zone(zone).dt.date()).otherwise(moment.dt.date())


def list_customers(customers: pl.DataFrame, scores: pl.DataFrame, segments: pl.DataFrame) -> pl.DataFrame:
    """Return every customer with what is open and their segment, those with most overdue first.

    Parameters
    ----------
    customers : out_customers.
    scores : out_invoice_scores.
    segments : out_customer_segments.
    """
    owed = scores.group_by("customer_id").agg(
        pl.col("overdue_amount", "open_amount").sum(),
    )
    return (
        customers.join(owed, on="customer_id", how="left")
        .join(segments.select("customer_id", "segment"), on="customer_id", how="left")
        .with_columns(label_customer(), pl.col("overdue_amount", "open_amount").fill_null(0))
        .with_columns(
            (pl.col("customer") + pl.lit(" ") + pl.col("customer_id")).str.to_lowercase().alias("search_text")
        )
        .sort(["overdue_amount", "open_amount", "customer_id"], descending=[True, True, False])
    )


def sum_segments(segments: pl.DataFrame, scores: pl.DataFrame, currency: str) -> pl.DataFrame:
    """Return customers and open amount in one currency per segment.

    Parameters
    ----------
    segments : out_customer_segments.
    scores : out_invoice_scores.
    currency : invoices in other currencies are left out; customers count whatever they owe.
    """
    owed = (
        scores.filter(pl.col("currency") == currency).group_by("customer_id").agg(pl.col("open_amount").sum())
    )
    return (
        segments.join(owed, on="customer_id", how="left")
        .group_by("segment")
        .agg(pl.len().cast(pl.Int64).alias("customer_count"), pl.col("open_amount").sum())
        .with_columns(pl.col("open_amount").fill_null(0).cast(pl.Float64))
        .sort("segment")
    )


def currencies_of(*frames: pl.DataFrame) -> Sequence[str]:
    """Return the currencies of these frames, the one with most rows first."""
    codes = pl.concat([frame.select("currency") for frame in frames])
    counted = (
        codes.drop_nulls().group_by("currency").len().sort(["len", "currency"], descending=[True, False])
    )
    return counted["currency"].to_list()


def sum_up_decisions(latest: pl.DataFrame, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Return how people decided on each snapshot: whether they overrule it, and how long they take.

    Parameters
    ----------
    latest : ``core_decision``, the last one per recommendation.
    snapshots : snapshot and published_at (UTC).

    Returns
    -------
    snapshot, decided_count, overruled_share (of them: adjusted or ignored) and decision_hours (median from publication
    to decision; null where the clock stood on the day of a sample). What was taken back does not count.
    """
    hours = (pl.col("decided_at") - pl.col("published_at")).dt.total_minutes() / 60
    return (
        latest.filter(pl.col("decision") != Decision.WITHDRAW)
        .rename({"snapshot_id": "snapshot"})
        .join(snapshots.select("snapshot", "published_at"), on="snapshot")
        .group_by("snapshot")
        .agg(
            pl.len().alias("decided_count"),
            (pl.col("decision") != Decision.ACCEPT).mean().alias("overruled_share"),
            hours.filter(hours >= 0).median().alias("decision_hours"),
        )
    )
