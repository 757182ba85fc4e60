"""Days as whole numbers since 1970-01-01: working days, bank holidays and payment runs."""

from datetime import date, timedelta

import numpy as np

from segmentation.simulator.randomness import Flags, Ints

NEVER = 10**6
"""Day number that stands for "not within any horizon"."""

NONE = -1
"""Day number that stands for "no such day"."""

_EPOCH = date(1970, 1, 1)
_RUN_MONTH_DAYS: tuple[tuple[int, ...], ...] = ((5,), (10,), (15,), (20,), (25,), (28,), (10, 25), (1, 15))

ANY_DAY = 0
"""Run code of somebody who pays on any working day; 1–5 are weekdays, higher codes days of the month."""

MONTH_RUNS = tuple(range(6, 6 + len(_RUN_MONTH_DAYS)))
"""Run codes of those who pay on fixed days of the month."""


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to ``day``."""
    return (day - _EPOCH).days


def easter(year: int) -> date:
    """Return Easter Sunday (anonymous Gregorian algorithm)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    correction = (golden + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * correction + 114, 31)
    return date(year, month, day + 1)


def bank_holidays(year: int) -> list[date]:
    """Return the days on which euro payments are not settled (the TARGET calendar)."""
    sunday = easter(year)
    fixed = [date(year, 1, 1), date(year, 5, 1), date(year, 12, 25), date(year, 12, 26)]
    return [*fixed, sunday - timedelta(days=2), sunday + timedelta(days=1)]


class BusinessDays:
    """Look-up of working days and payment runs over the span of a world."""

    def __init__(self, start: date, end: date) -> None:
        self.base = day_number(start) - 400
        length = day_number(end) + 1600 - self.base
        days = np.arange(self.base, self.base + length, dtype=np.int64)
        stamps = days.astype("datetime64[D]")
        months = stamps.astype("datetime64[M]")
        self.days = days
        self.weekday: Ints = (days + 3) % 7
        self.month: Ints = months.astype(np.int64) % 12 + 1
        self.month_index: Ints = months.astype(np.int64)
        self.day_of_month: Ints = (stamps - months.astype("datetime64[D]")).astype(np.int64) + 1
        years = range(start.year - 2, end.year + 6)
        closed = np.array([day_number(day) for year in years for day in bank_holidays(year)], dtype=np.int64)
        self.is_working: Flags = (self.weekday < 5) & ~np.isin(days, closed)  # noqa: PLR2004  Saturday
        rows = [self.is_working]
        rows += [self.is_working & (self.weekday == weekday) for weekday in range(5)]
        shifted = self._next(self.is_working)
        for month_days in _RUN_MONTH_DAYS:
            nominal = shifted[np.isin(self.day_of_month, month_days)]
            run = np.zeros(length, dtype=np.bool_)
            run[nominal[nominal < length]] = True
            rows.append(run)
        self._next_run = np.stack([self._next(row) for row in rows])
        self._previous_run = np.stack([self._previous(row) for row in rows])

    @staticmethod
    def _next(open_: Flags) -> Ints:
        positions = np.where(open_, np.arange(len(open_)), len(open_))
        return np.minimum.accumulate(positions[::-1])[::-1].astype(np.int64)

    @staticmethod
    def _previous(open_: Flags) -> Ints:
        positions = np.where(open_, np.arange(len(open_)), 0)
        return np.maximum.accumulate(positions).astype(np.int64)

    def _at(self, days: Ints) -> Ints:
        return np.clip(days - self.base, 0, len(self.days) - 1)

    def next_run(self, code: Ints | int, days: Ints) -> Ints:
        """Return the first run of the code on or after each day."""
        run: Ints = self._next_run[code, self._at(days)] + self.base
        return run

    def previous_run(self, code: Ints | int, days: Ints) -> Ints:
        """Return the last run of the code on or before each day."""
        run: Ints = self._previous_run[code, self._at(days)] + self.base
        return run

    def next_working(self, days: Ints) -> Ints:
        """Return the first working day on or after each day."""
        return self.next_run(ANY_DAY, days)

    def previous_working(self, days: Ints) -> Ints:
        """Return the last working day on or before each day."""
        return self.previous_run(ANY_DAY, days)

    def month_of(self, days: Ints) -> Ints:
        """Return the month, 1 to 12, of each day."""
        return self.month[self._at(days)]

    def on_month_day(self, days: Ints, month_day: Ints) -> Ints:
        """Return the given day of the month (at most 28) in the month of each day."""
        return days - self.day_of_month[self._at(days)] + month_day
