"""Whole numbers for days, customers and currencies, as the sweep takes them.

Belongs here: encodings. Does not belong here: what the numbers are used for.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.domain.errors import InputRefusedError
from segmentation.features.state import NEVER, NO_DAY, OWN

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


def number_customers(*frames: pl.DataFrame) -> tuple[list[np.ndarray], int]:
    """Return a number for the customer of each row of the frames (int32), and how many there are.

    Notes
    -----
    Which number a customer gets does not matter to any result. All frames are numbered in one cast:
    the numbers of a Polars category last only as long as a column that uses it.
    """
    names = pl.concat([frame["customer_id"] for frame in frames])
    codes = names.cast(pl.Categorical(pl.Categories.random())).to_physical().cast(pl.Int32).to_numpy()
    ends = np.cumsum([frame.height for frame in frames])
    return np.split(codes, ends[:-1]), int(codes.max()) + 1 if len(codes) else 0


class Currencies:
    """Numbers for the currencies of frames, in alphabetical order; −1 where there is none."""

    def __init__(self, *frames: pl.DataFrame) -> None:
        names = pl.concat([frame["currency"] for frame in frames]).drop_nulls().unique().sort()
        self._codes = pl.DataFrame({"currency": names, "code": np.arange(len(names), dtype=np.int32)})
        self.count = max(len(names), 1)

    def of(self, frame: pl.DataFrame) -> np.ndarray:
        """Numbers of the frame's currencies, as int32."""
        joined = frame.select("currency").join(self._codes, on="currency", how="left", maintain_order="left")
        return joined["code"].fill_null(-1).to_numpy()


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
            where="core_instalment_balance",
            remedy="Correct the dates, or narrow earliest_year and latest_year in the settings.",
        )
    return Days(min(known) - _MARGIN)


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
