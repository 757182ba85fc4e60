"""Whole numbers for days, customers and currencies, as the sweep takes them.

Belongs here: encodings. Does not belong here: what the numbers are used for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.domain.errors import InputRefusedError
from segmentation.domain.row_lookup import find_rows
from segmentation.domain.schema import Frames
from segmentation.domain.side_by_side import work_on
from segmentation.features.state import LONGEST_TERMS, NEVER, NO_DAY, OWN

_YEAR = 365
_MARGIN = 400
"""Days before the first one, so that the start of a window is never below nil."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days as offsets from a base day."""

    base: int

    def offset(self, days: pl.Series) -> np.ndarray:
        """Offsets as int32; a null is a day that has not come."""
        return (days.to_physical() - self.base).fill_null(NEVER).to_numpy().astype(np.int32, copy=False)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Weekday (Monday is 0), day of the month and length of the month, by offset from the base day."""

    weekday: np.ndarray
    month_day: np.ndarray
    month_length: np.ndarray

    @classmethod
    def since(cls, base: int) -> "Calendar":
        """Return the calendar of all days that a ledger may span from the base day on."""
        days = np.arange(base, base + NEVER + 1, dtype=np.int64)
        dates = days.astype("datetime64[D]")
        months = dates.astype("datetime64[M]")
        first = months.astype("datetime64[D]").astype(np.int64)
        next_first = (months + 1).astype("datetime64[D]").astype(np.int64)
        return cls(
            ((days + 3) % 7).astype(np.int8),  # day 0, 1 January 1970, was a Thursday
            (days - first + 1).astype(np.int8),
            (next_first - first).astype(np.int8),
        )


def number_names(columns: Sequence[pl.Series]) -> tuple[pl.Series, list[pl.Series]]:
    """Return the names in the columns, in alphabetical order, and each column as places in them.

    Returns
    -------
    The names, without nulls, and for each column an Int32 column; a null stays null.
    """
    numbered = work_on(_number_column, columns)
    found = [distinct for distinct, _ in numbered]
    names = pl.concat(found).unique().sort().drop_nulls() if found else pl.Series("name", [], pl.String)
    places = [
        find_rows(distinct, names).cast(pl.Int32).gather(numbers).alias(column.name)
        for column, (distinct, numbers) in zip(columns, numbered, strict=True)
    ]
    return names.alias("name"), places


def _number_column(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Distinct values of a column, and where in them each of its values stands."""
    from segmentation.domain.hash_table import number_hashes

    numbers, firsts = number_hashes(column.hash().to_numpy())
    distinct, places = column.gather(firsts), pl.Series(values=numbers)
    if distinct.gather(places).ne_missing(column).any():  # two names share a hash
        distinct = column.unique()
        places = find_rows(column, distinct)
    return distinct, places


@dataclass(frozen=True, slots=True)
class NumberedLedger:
    """A ledger in which customers and currencies are numbers: faster to join, sort and hold.

    ``customers`` and ``currencies`` are the names, in alphabetical order; the columns ``customer_id`` of
    all frames, and ``currency`` of the balances, hold places in them.
    """

    frames: Frames
    customers: pl.Series
    currencies: pl.Series


ISSUES = "issues"
"""Name under which moments at issue stand beside the tables, where corrections make them differ from the balances."""


def number_ledger(ledger: Frames) -> NumberedLedger:
    """Return the ledger with numbers for its customers, and for the currencies of its balances and issues."""
    named = [name for name, frame in ledger.items() if "customer_id" in frame.columns]
    customers, numbers = number_names([ledger[name]["customer_id"] for name in named])
    valued = [name for name in ("core_instalment_balance", ISSUES) if name in ledger]
    currencies, currency = number_names([ledger[name]["currency"] for name in valued])
    frames = dict(ledger)
    for name, column in zip(named, numbers, strict=True):
        frames[name] = ledger[name].with_columns(column.alias("customer_id"))
    for name, column in zip(valued, currency, strict=True):
        frames[name] = frames[name].with_columns(column.alias("currency"))
    return NumberedLedger(frames, customers, currencies)


def find_base_day(*frames: pl.DataFrame) -> Days:
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
        return Days(0)
    if max(known) - min(known) > NEVER - 2 * _YEAR:
        raise InputRefusedError(
            f"the ledger's dates span {(max(known) - min(known)) // _YEAR} years",
            where="invoices, payments or what happened beside them",
            remedy="Correct the dates, or narrow earliest_year and latest_year in the settings.",
        )
    return Days(min(known) - _MARGIN)


def count_terms(issue: str = "issue_date", due: str = "due_date") -> pl.Expr:
    """Return days from issue to due date, no more than ``LONGEST_TERMS`` and no less than nil."""
    days = pl.col(due).to_physical() - pl.col(issue).to_physical()
    return days.clip(0, LONGEST_TERMS).alias("terms")


def describe_own(own: pl.DataFrame, days: Days, calendar: Calendar) -> dict[str, np.ndarray | pl.Series]:
    """Return the columns of ``state.OWN`` for the rows of ``own``; null where the frame lacks them."""
    nothing = pl.Series([None], dtype=pl.Int64).new_from_index(0, own.height)
    columns: dict[str, np.ndarray | pl.Series] = dict.fromkeys(OWN, nothing)

    def offset(name: str) -> pl.Series:
        return (own[name].to_physical() - days.base).cast(pl.Int64)

    columns["moment_day"] = offset("as_of_date")
    if "due_date" in own.columns:
        due = offset("due_date")
        columns |= {
            "issue_day": offset("issue_date"),
            "due_day": due,
            "due_weekday": calendar.weekday[due].astype(np.int64),
            "due_month_day": calendar.month_day[due].astype(np.int64),
            "due_month_length": calendar.month_length[due].astype(np.int64),
            "own_amount": own["amount"],
        }
    if "own_reminder_last_date" in own.columns:
        columns["own_reminder_last_day"] = offset("own_reminder_last_date").fill_null(NO_DAY)
    return columns | {name: own[name] for name in OWN if name in own.columns}
