"""Turns dated facts and moments into features, batch by batch of customers.

Belongs here: codes for customers and currencies, days as offsets, batches, threads. Does not belong
here: what was known when (``facts``, ``tallies``), the meaning of features (``definitions``).

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

from segmentation.domain.errors import InputRefusedError
from segmentation.domain.schema import Frames
from segmentation.features.dates import OBSERVED
from segmentation.features.definitions import Feature
from segmentation.features.facts import BookFacts
from segmentation.features.state import NEVER, NO_DAY, OWN, REAL_STATE, STATE
from segmentation.features.tallies import TALLIES, Tally

BATCH_MOMENTS = 100_000
THREADS = 2
_YEAR = 365


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
class _Days:
    """Days as offsets from a base day."""

    base: int

    def offset(self, days: pl.Series) -> np.ndarray:
        """Offsets as int32; a null is a day that has not come."""
        return (days.to_physical() - self.base).fill_null(NEVER).to_numpy().astype(np.int32, copy=False)


@dataclass(frozen=True, slots=True)
class _TallyDays:
    """Facts of a tally as sorted packed keys (customer, day)."""

    tally: Tally
    since: np.ndarray
    until: np.ndarray
    year_end: np.ndarray
    first_day: int


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

        codes = _customer_codes(
            self.book.items, self.book.outcomes, moments, *(f for _, f, _ in self.tallies)
        )
        count = codes.height
        currencies = (
            pl.concat([self.book.items["currency"], moments["currency"]]).unique().drop_nulls().sort()
        )
        money = pl.DataFrame({"currency": currencies, "code": np.arange(len(currencies), dtype=np.int32)})
        days = _base_day(self.book.items, self.book.outcomes, moments, *(f for _, f, _ in self.tallies))

        def bucket(frame: pl.DataFrame, *columns: np.ndarray) -> _Buckets:
            order, start = bucket_rows(_codes(frame, codes), count)
            return _Buckets(order, start, columns)

        items = bucket(
            self.book.items,
            days.offset(self.book.items["from_date"]),
            days.offset(self.book.items["due_date"]),
            days.offset(self.book.items["until_date"]),
            days.offset(self.book.items["excused_date"]),
            self.book.items["amount"].to_numpy(),
            _money(self.book.items, money),
            self.book.items["weight"].to_numpy(),
        )
        outcomes = bucket(
            self.book.outcomes,
            days.offset(self.book.outcomes["known_date"]),
            days.offset(self.book.outcomes["until_date"]),
            days.offset(self.book.outcomes["paid_date"]),
            days.offset(self.book.outcomes["due_date"]),
            self.book.outcomes["is_written_off"].cast(pl.Int8).to_numpy(),
        )
        looks = bucket(moments, days.offset(moments["as_of_date"]), _money(moments, money))
        tallies = [_tally_days(t, frame, first, codes, days) for t, frame, first in self.tallies]
        calendar = np.arange(days.base, days.base + NEVER + 1, dtype="datetime64[D]")
        weekday_of = ((np.arange(NEVER + 1) + days.base + 3) % 7).astype(np.int8)
        month_day_of = (calendar - calendar.astype("datetime64[M]")).astype(np.int8) + np.int8(1)

        def look(bounds: tuple[int, int]) -> pl.DataFrame:
            first, end = bounds
            low, high = looks.start[first], looks.start[end]
            state = np.empty((len(STATE), high - low), np.int64)
            real_state = np.empty((len(REAL_STATE), high - low), np.float64)
            arguments: tuple[Any, ...] = (
                *(*bounds, *items.arrays, *outcomes.arrays, *looks.arrays),
                *(max(len(currencies), 1), weekday_of, month_day_of, state, real_state),
            )
            sweep(*arguments)
            rows = looks.order[low:high]
            own = moments[rows]
            columns: dict[str, np.ndarray | pl.Series] = dict(zip(STATE, state, strict=True))
            columns |= dict(zip(REAL_STATE, real_state, strict=True))
            columns |= _own_columns(own, days)
            customer = np.repeat(np.arange(first, end), np.diff(looks.start[first : end + 1]))
            day = looks.columns[0][rows].astype(np.int64)
            for tally in tallies:
                columns |= _tally_columns(tally, customer, day)
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


def _customer_codes(*frames: pl.DataFrame) -> pl.DataFrame:
    return (
        pl.concat([frame.select("customer_id") for frame in frames])
        .unique()
        .sort("customer_id")
        .with_row_index("code")
        .with_columns(pl.col("code").cast(pl.Int32))
    )


def _codes(frame: pl.DataFrame, codes: pl.DataFrame) -> np.ndarray:
    joined = frame.select("customer_id").join(codes, on="customer_id", how="left", maintain_order="left")
    return joined["code"].to_numpy()


def _money(frame: pl.DataFrame, money: pl.DataFrame) -> np.ndarray:
    joined = frame.select("currency").join(money, on="currency", how="left", maintain_order="left")
    return joined["code"].fill_null(-1).to_numpy()


def _base_day(*frames: pl.DataFrame) -> _Days:
    """Base day: a year and more before the first day of all, so that windows never reach below nil."""
    days = [
        frame.select(
            pl.selectors.date().to_physical().min().name.suffix("_min"),
            pl.selectors.date().to_physical().max(),
        )
        for frame in frames
        if frame.height
    ]
    known = [value for frame in days for value in frame.row(0) if value is not None]
    if not known:
        return _Days(0)
    if max(known) - min(known) > NEVER - 2 * _YEAR:
        raise InputRefusedError(
            f"the ledger's dates span {(max(known) - min(known)) // _YEAR} years",
            where="core_instalment_balance",
            remedy="Correct the dates, or narrow earliest_year and latest_year in the settings.",
        )
    return _Days(min(known) - 400)


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


def _own_columns(own: pl.DataFrame, days: _Days) -> dict[str, np.ndarray | pl.Series]:
    rows = own.height
    columns: dict[str, np.ndarray | pl.Series] = {
        "moment_day": (own["as_of_date"].to_physical() - days.base).cast(pl.Int64)
    }
    if "due_date" in own.columns:
        due = own["due_date"]
        columns |= {
            "issue_day": (own["issue_date"].to_physical() - days.base).cast(pl.Int64),
            "due_day": (due.to_physical() - days.base).cast(pl.Int64),
            "due_weekday": (due.dt.weekday() - 1).cast(pl.Int64),
            "due_month_day": due.dt.day().cast(pl.Int64),
            "due_month_length": due.dt.month_end().dt.day().cast(pl.Int64),
            "own_amount": own["amount"],
        }
    for name in ("own_open_amount", "own_reminder_count", "own_dispute_count", "own_promise_count"):
        if name in own.columns:
            columns[name] = own[name]
    if "own_reminder_last_date" in own.columns:
        columns["own_reminder_last_day"] = (
            (own["own_reminder_last_date"].to_physical() - days.base).cast(pl.Int64).fill_null(NO_DAY)
        )
    for name in OWN:
        columns.setdefault(name, pl.Series(name, [None], pl.Int64).new_from_index(0, rows))
    return columns


def _tally_days(
    tally: Tally, facts: pl.DataFrame, first_day: int | None, codes: pl.DataFrame, days: _Days
) -> _TallyDays:
    customer = _codes(facts, codes).astype(np.int64) * (NEVER + 1)
    since = days.offset(facts["from_date"]).astype(np.int64)
    until = np.maximum(days.offset(facts["until_date"]).astype(np.int64), since)
    year_end = np.minimum(until, since + _YEAR)
    return _TallyDays(
        tally,
        np.sort(customer + since),
        np.sort(customer + until),
        np.sort(customer + year_end),
        NEVER if first_day is None else first_day - days.base,
    )


def _tally_columns(facts: _TallyDays, customer: np.ndarray, day: np.ndarray) -> dict[str, pl.Series]:
    """Counts of facts in force at the moments, and the day of the latest one."""
    count_name, year_name, last_name = facts.tally.columns
    if facts.first_day == NEVER:
        nothing = pl.Series(values=[None], dtype=pl.Int64).new_from_index(0, len(day))
        return {count_name: nothing, year_name: nothing, last_name: nothing}
    low = customer * (NEVER + 1)
    begun = np.searchsorted(facts.since, low + day)
    ended = np.searchsorted(facts.until, low + day)
    left = np.searchsorted(facts.year_end, low + day)
    origin = np.searchsorted(facts.since, low)
    # facts of earlier customers have all begun and, in this order of keys, all ended: they cancel out
    has_any = begun > origin
    last = np.where(
        has_any, facts.since[np.maximum(begun, 1) - 1] - low if len(facts.since) else NO_DAY, NO_DAY
    )
    is_recorded = pl.Series(day > facts.first_day)
    return {
        name: pl.select(pl.when(is_recorded).then(pl.Series(values.astype(np.int64)))).to_series()
        for name, values in (
            (count_name, begun - ended),
            (year_name, begun - left),
            (last_name, last),
        )
    }
