"""Turns dated facts and moments into features, batch by batch of customers.

Belongs here: batches, threads, what the sweep is given. Does not belong here: numbers for days and
customers (``encoding``), what was known when (``facts``, ``tallies``), the meaning of features.

Customers do not depend on each other, so any split of the customers gives the same rows: one
machine takes batches in threads, a distributed engine one partition at a time.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.domain.errors import InputRefusedError
from segmentation.domain.schema import Frames
from segmentation.features.encoding import (
    Calendar,
    Days,
    NumberedLedger,
    count_terms,
    describe_own,
    find_base_day,
)
from segmentation.features.eras import find_first_day
from segmentation.features.facts import BookFacts
from segmentation.features.feature import Feature
from segmentation.features.state import NEVER, NO_CURRENCY, REAL_STATE, STATE
from segmentation.features.tallies import TALLIES
from segmentation.features.tally_counts import NO_FACTS, TallyCounts, count_tally

BATCH_MOMENTS = 25_000
"""Moments at a time: their state about fits into the processor's caches."""

MOST_THOUSANDTHS = 2.0**62
"""Sums of amounts stay below this, far from where whole numbers of 64 bits wrap around."""

THREADS = 2

AHEAD = 4
"""Batches computed before somebody takes them: memory stays bounded where they are taken slowly."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records in customer order, and where those of each customer start."""

    rows: np.ndarray
    start: np.ndarray


@dataclass(frozen=True, slots=True)
class History:
    """All that the sweep and the tallies read, in whole numbers: the book, its outcomes, and when it is looked at."""

    days: Days
    calendar: Calendar
    items: Records
    outcomes: Records
    looks: Records
    tallies: Sequence[TallyCounts]
    currency_count: int

    @property
    def customer_count(self) -> int:
        """How many customers there are."""
        return len(self.items.start) - 1


def build_history(
    ledger: NumberedLedger, book: BookFacts, moments: pl.DataFrame, features: Sequence[Feature]
) -> History:
    """Return what the features need of a ledger, to be looked at from the moments.

    Parameters
    ----------
    ledger : facts that features may see (``permission.without_refused``), numbered.
    book : of the same ledger.
    moments : as ``compute_batches`` takes them.
    features : to be computed.
    """
    needed = {name for feature in features for name in feature.formula.meta.root_names()}
    tallies = [tally for tally in TALLIES if needed.intersection(tally.columns)]
    first_days = [_first_day(ledger.frames, tally.source) for tally in tallies]
    # a ledger that does not record such things at all need not be searched for them
    facts = [
        NO_FACTS if first_day is None else tally.facts(ledger.frames, book)
        for tally, first_day in zip(tallies, first_days, strict=True)
    ]
    days = find_base_day(book.items, book.outcomes, moments, *facts)
    customers = max(len(ledger.customers), 1)
    _refuse_unsummable(book.items)
    with ThreadPoolExecutor(THREADS) as pool:
        items = pool.submit(_place_items, book.items, days, customers)
        outcomes = pool.submit(_place_outcomes, book.outcomes, days, customers)
        looks = pool.submit(_place_moments, moments, days, customers)
        return History(
            days,
            Calendar.since(days.base),
            items.result(),
            outcomes.result(),
            looks.result(),
            [count_tally(*told, days) for told in zip(tallies, facts, first_days, strict=True)],
            max(len(ledger.currencies), 1),
        )


def compute_batches(
    history: History,
    moments: pl.DataFrame,
    features: Sequence[Feature],
    keep: Mapping[str, pl.Series | None],
) -> Iterator[pl.DataFrame]:
    """Yield the kept columns and the features, one frame per batch of customers, in customer order.

    Parameters
    ----------
    history : to look at, from the same moments.
    moments : customer_id, currency (numbers; a null currency is the customer's most frequent one),
        as_of_date and, for features about an instalment, issue_date, due_date, amount (thousandths) and
        its state.
    features : what to compute.
    keep : columns of ``moments`` to keep; where a column holds numbers, the names that they stand for.

    Notes
    -----
    Within a customer, rows are in order of day, then as in ``moments``.
    """
    from segmentation.features.sweep import sweep

    days, calendar, looks = history.days, history.calendar, history.looks
    items, outcomes = history.items, history.outcomes
    formulas = [f.formula.cast(f.column.polars_type).alias(f.name) for f in features]
    as_it_stands = {f.formula.meta.output_name() for f in features if f.formula.meta.is_column()}

    def look(first: int, end: int) -> pl.DataFrame:
        mine = looks.rows[looks.start[first] : looks.start[end]]
        state = np.empty((len(STATE), len(mine)), np.int64)
        real_state = np.empty((len(REAL_STATE), len(mine)))
        sweep(
            first,
            end,
            items.rows,
            items.start,
            outcomes.rows,
            outcomes.start,
            looks.rows,
            looks.start,
            history.currency_count,
            calendar.weekday,
            calendar.month_day,
            state,
            real_state,
        )
        columns: dict[str, np.ndarray | pl.Series] = {
            # a column that becomes a feature as it stands would keep the whole state in memory
            name: values.copy() if name in as_it_stands else values
            for names, rows in ((STATE, state), (REAL_STATE, real_state))
            for name, values in zip(names, rows, strict=True)
        }
        own = moments[mine["row"]]
        columns |= describe_own(own, days, calendar)
        customer = np.repeat(np.arange(first, end), np.diff(looks.start[first : end + 1]))
        day = mine["day"].astype(np.int64)
        for tally in history.tallies:
            columns |= tally.at(customer, day)
        return pl.DataFrame(columns).select(
            *(own[name] if names is None else names[own[name]].alias(name) for name, names in keep.items()),
            *formulas,
        )

    waiting: list[Future[pl.DataFrame]] = []
    with ThreadPoolExecutor(THREADS) as pool:
        for first, end in _split(looks.start):
            waiting.append(pool.submit(look, first, end))
            if len(waiting) > AHEAD:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _refuse_unsummable(items: pl.DataFrame) -> None:
    """Raise where the amounts of all parts of the book together do not fit into 63 bits."""
    total = items.select(pl.col("amount").cast(pl.Float64).abs().sum()).item()
    if total >= MOST_THOUSANDTHS:
        raise InputRefusedError(
            f"the amounts of the ledger add up to {total / 1000:.3g}",
            where="core_instalment_balance",
            remedy="Correct the amounts: they are more than can be added up exactly.",
        )


def _first_day(ledger: Frames, source: str) -> int | None:
    first = find_first_day(ledger, source)
    return None if first is None else (first - dt.date(1970, 1, 1)).days


def _place_items(items: pl.DataFrame, days: Days, customer_count: int) -> Records:
    from segmentation.features.packing import place_items

    return Records(
        *place_items(
            items["customer_id"].to_numpy(),
            customer_count,
            items["amount"].to_numpy(),
            *(days.offset(items[name]) for name in ("from_date", "due_date", "until_date", "excused_date")),
            *(items[name].to_numpy() for name in ("terms", "currency", "weight")),
        )
    )


def _place_outcomes(outcomes: pl.DataFrame, days: Days, customer_count: int) -> Records:
    from segmentation.features.packing import place_outcomes

    outcomes = outcomes.with_columns(pl.col("is_written_off").cast(pl.Int8))
    return Records(
        *place_outcomes(
            outcomes["customer_id"].to_numpy(),
            customer_count,
            *(days.offset(outcomes[name]) for name in ("known_date", "until_date", "paid_date", "due_date")),
            *(outcomes[name].to_numpy() for name in ("terms", "is_written_off")),
        )
    )


def _place_moments(moments: pl.DataFrame, days: Days, customer_count: int) -> Records:
    from segmentation.features.packing import place_moments

    due = terms = np.full(moments.height, NEVER, np.int32)
    if "due_date" in moments.columns:
        due = days.offset(moments["due_date"])
        terms = moments.select(count_terms()).to_series().to_numpy()
    day, currency = days.offset(moments["as_of_date"]), moments["currency"].fill_null(NO_CURRENCY).to_numpy()
    return Records(
        *place_moments(moments["customer_id"].to_numpy(), customer_count, day, due, terms, currency)
    )


def _split(start: np.ndarray) -> list[tuple[int, int]]:
    """Customer ranges of some ``BATCH_MOMENTS`` moments each; a customer is never split."""
    bounds = []
    first = 0
    count = len(start) - 1
    while first < count:
        end = int(np.searchsorted(start, start[first] + BATCH_MOMENTS, side="right")) - 1
        end = min(max(end, first + 1), count)
        bounds.append((first, end))
        first = end
    return bounds or [(0, 0)]
