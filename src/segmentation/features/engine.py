"""Turns dated facts and moments into features, batch by batch of customers.

Belongs here: batches, threads, what the sweep is given. Does not belong here: numbers for days and
customers (``encoding``), what was known when (``facts``, ``tallies``), the meaning of features.

Customers do not depend on each other, so any split of the customers gives the same rows: one
machine takes batches in threads, a distributed engine one partition at a time.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from segmentation.domain.schema import Frames
from segmentation.features.dates import OBSERVED
from segmentation.features.definitions import Feature
from segmentation.features.encoding import Calendar, Currencies, describe_own, find_base_day, number_customers
from segmentation.features.facts import BookFacts
from segmentation.features.state import REAL_STATE, STATE
from segmentation.features.tallies import TALLIES, Tally
from segmentation.features.tally_counts import count_tally

BATCH_MOMENTS = 25_000
"""Moments at a time: their state about fits into the processor's caches."""

THREADS = 2


@dataclass(frozen=True, slots=True)
class _Buckets:
    """Rows in customer order, and the arrays that the sweep reads."""

    order: np.ndarray
    start: np.ndarray
    columns: tuple[np.ndarray, ...]

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All of them, as the sweep takes them."""
        return (self.order, self.start, *self.columns)


@dataclass(frozen=True, slots=True)
class Engine:
    """Facts of a ledger, ready to be looked at from any moment."""

    features: Sequence[Feature]
    book: BookFacts
    tallies: Sequence[tuple[Tally, pl.DataFrame, int | None]]

    def compute(self, moments: pl.DataFrame, keep: Sequence[str]) -> pl.DataFrame:
        """Return the kept columns and the features of all moments, in customer order."""
        batches = list(self.stream(moments, keep))
        return pl.concat(batches)

    def stream(self, moments: pl.DataFrame, keep: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the kept columns and the features, one frame per batch of customers.

        Parameters
        ----------
        moments : customer_id, currency (null: the customer's most frequent), as_of_date and, for
            features about an instalment, issue_date, due_date, amount (thousandths) and its state.
        keep : columns of ``moments`` to keep.
        """
        from segmentation.features.sweep import bucket_rows, sweep

        book = self.book
        fact_frames = [facts for _, facts, _ in self.tallies]
        days = find_base_day(book.items, book.outcomes, moments, *fact_frames)
        calendar = Calendar.since(days.base)
        money = Currencies(book.items, moments)
        (item_codes, outcome_codes, moment_codes, *tally_codes), customers = number_customers(
            book.items, book.outcomes, moments, *fact_frames
        )
        tallies = [
            count_tally(tally, facts, first, codes, days)
            for (tally, facts, first), codes in zip(self.tallies, tally_codes, strict=True)
        ]

        def bucket(customer: np.ndarray, *columns: np.ndarray) -> _Buckets:
            order, start = bucket_rows(customer, customers)
            return _Buckets(order, start, columns)

        items = bucket(
            item_codes,
            *(days.offset(book.items[f"{name}_date"]) for name in ("from", "due", "until", "excused")),
            book.items["amount"].to_numpy(),
            money.of(book.items),
            book.items["weight"].to_numpy(),
        )
        outcomes = bucket(
            outcome_codes,
            *(days.offset(book.outcomes[f"{name}_date"]) for name in ("known", "until", "paid", "due")),
            book.outcomes["is_written_off"].cast(pl.Int8).to_numpy(),
        )
        looks = bucket(moment_codes, days.offset(moments["as_of_date"]), money.of(moments))

        def look(bounds: tuple[int, int]) -> pl.DataFrame:
            first, end = bounds
            low, high = looks.start[first], looks.start[end]
            state = np.empty((len(STATE), high - low), np.int64)
            real_state = np.empty((len(REAL_STATE), high - low), np.float64)
            arguments: tuple[Any, ...] = (
                *(*bounds, *items.arrays, *outcomes.arrays, *looks.arrays),
                *(money.count, calendar.weekday, calendar.month_day, state, real_state),
            )
            sweep(*arguments)
            rows = looks.order[low:high]
            own = moments[rows]
            columns: dict[str, np.ndarray | pl.Series] = dict(zip(STATE, state, strict=True))
            columns |= dict(zip(REAL_STATE, real_state, strict=True))
            columns |= describe_own(own, days, calendar)
            customer = np.repeat(np.arange(first, end), np.diff(looks.start[first : end + 1]))
            day = looks.columns[0][rows].astype(np.int64)
            for tally in tallies:
                columns |= tally.at(customer, day)
            return pl.DataFrame(columns).select(
                *(own[name] for name in keep),
                *(f.formula.cast(f.column.polars_type).alias(f.name) for f in self.features),
            )

        bounds = _split(looks.start)
        with ThreadPoolExecutor(THREADS) as pool:
            yield from pool.map(look, bounds)


def build_engine(ledger: Frames, book: BookFacts, features: Sequence[Feature]) -> Engine:
    """Return an engine over the ledger's facts that the features need (``without_refused`` applied)."""
    needed = {name for feature in features for name in feature.formula.meta.root_names()}
    tallies = [
        (tally, tally.facts(ledger, book), _first_day(ledger[tally.source]))
        for tally in TALLIES
        if needed.intersection(tally.columns)
    ]
    return Engine(features, book, tallies)


def _first_day(source: pl.DataFrame) -> int | None:
    first = source.select(OBSERVED.min()).item()
    return None if first is None else (first - dt.date(1970, 1, 1)).days


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
