"""The open book of one customer, event by event: issued, fallen due, excused, covered.

Belongs here: the queues of these events and what each does to the state. Does not belong here: what
became of instalments (``sweep_outcomes``), the order in which customers are taken (``sweep``).
"""

from typing import Final

import numpy as np

from segmentation.domain.compilation import compiled_within
from segmentation.features.sorting import PLACE, PLACE_BITS, signed, sort_keys
from segmentation.features.state import NEVER, NO_DAY, STATE, WHOLE
from segmentation.features.sweep_types import (
    Record,
    Records,
)

_YEAR: Final = 365
_QUARTER: Final = 90

_ISSUES, _DUES, _COVERS, _EXCUSES, _OLDEST = range(5)
BOOK_QUEUES: Final = 5
"""A row of events for each: issued, fell due, covered, excused, and what fell due by due date."""

_AT_ISSUE, _AT_90, _AT_365, _AT_DUE, _AT_EXCUSE, _AT_COVER, _AT_OLDEST = range(7)
BOOK_PLACES: Final = 7
"""How far each queue was gone through, and where the windows start."""

AMOUNT_COUNT, _AMOUNT_SUM, _YEAR_COUNT, _YEAR_SUM, _OPEN_SUM, _OVERDUE_SUM = range(6)
MONEY_SUMS: Final = 6
"""Sums by currency, in the order of the state columns from ``amount_count`` on."""

KNOWN_SO, LATE_SO = range(2)
"""Rows of the shares by kind of due date: known, and of these late."""

ISSUED: Final = STATE.index("issued_count")
ISSUED_90: Final = STATE.index("issued_90_count")
ISSUED_365: Final = STATE.index("issued_365_count")
FIRST_ISSUED: Final = STATE.index("first_issued_day")
LAST_ISSUED: Final = STATE.index("last_issued_day")
OPEN: Final = STATE.index("open_count")
OVERDUE: Final = STATE.index("overdue_count")
OVERDUE_DAYS: Final = STATE.index("overdue_days_sum")
LATE_OPEN: Final = STATE.index("late_open_count")


@compiled_within
def queue_book(items: Records, queues: np.ndarray) -> tuple[int, int, int]:
    """Queue when each part of the book was issued, fell due, was covered, was excused.

    Returns how many fall due, are covered and are excused while overdue.
    """
    dues = 0
    covers = 0
    excuses = 0
    known_late = 0
    for i in range(items.size):
        item = items[i]
        since, due, until = signed(item.since), signed(item.due), signed(item.until)
        queues[_ISSUES, i] = (since << PLACE_BITS) | i
        overdue_from = max(since, due)
        if until > overdue_from:
            queues[_DUES, dues] = (overdue_from << PLACE_BITS) | i
            queues[_OLDEST, dues] = (due << PLACE_BITS) | i
            dues += 1
            known_late += int(since > due)
            if item.excused < until and item.weight > 0:
                queues[_EXCUSES, excuses] = (max(signed(item.excused), overdue_from) << PLACE_BITS) | i
                excuses += 1
        if until < NEVER:
            queues[_COVERS, covers] = (until << PLACE_BITS) | i
            covers += 1
    sort_keys(queues[_ISSUES], items.size)
    sort_keys(queues[_DUES], dues)
    sort_keys(queues[_COVERS], covers)
    sort_keys(queues[_EXCUSES], excuses)
    if known_late:  # overdue from the day it was known, yet older than that: order by due date
        sort_keys(queues[_OLDEST], dues)
    else:
        queues[_OLDEST, :dues] = queues[_DUES, :dues]
    return dues, covers, excuses


@compiled_within
def issue(
    t: int, items: Records, queues: np.ndarray, at: np.ndarray, now: np.ndarray, money: np.ndarray
) -> None:
    """Add what was issued before t; take from the windows what was issued before they start."""
    k = at[_AT_ISSUE]
    while k < items.size and (queues[_ISSUES, k] >> PLACE_BITS) < t:
        item = items[queues[_ISSUES, k] & PLACE]
        currency = item.currency
        money[currency, _OPEN_SUM] += item.amount
        if item.weight > 0:
            now[OPEN] += 1
        if item.weight == WHOLE:
            money[currency, AMOUNT_COUNT] += 1
            money[currency, _AMOUNT_SUM] += item.amount
            money[currency, _YEAR_COUNT] += 1
            money[currency, _YEAR_SUM] += item.amount
            now[ISSUED] += 1
            now[ISSUED_90] += 1
            now[ISSUED_365] += 1
            now[LAST_ISSUED] = item.since
            if now[FIRST_ISSUED] == NO_DAY:
                now[FIRST_ISSUED] = item.since
        k += 1
    at[_AT_ISSUE] = k

    k = at[_AT_90]
    while k < at[_AT_ISSUE] and (queues[_ISSUES, k] >> PLACE_BITS) < t - _QUARTER:
        if items[queues[_ISSUES, k] & PLACE].weight == WHOLE:
            now[ISSUED_90] -= 1
        k += 1
    at[_AT_90] = k

    k = at[_AT_365]
    while k < at[_AT_ISSUE] and (queues[_ISSUES, k] >> PLACE_BITS) < t - _YEAR:
        item = items[queues[_ISSUES, k] & PLACE]
        if item.weight == WHOLE:
            now[ISSUED_365] -= 1
            money[item.currency, _YEAR_COUNT] -= 1
            money[item.currency, _YEAR_SUM] -= item.amount
        k += 1
    at[_AT_365] = k


@compiled_within
def count_late_open(
    item: Record,
    sign: int,
    now: np.ndarray,
    by_weekday: np.ndarray,
    by_terms: np.ndarray,
    weekday_of: np.ndarray,
) -> None:
    """Count (sign 1), or no longer count (−1), an instalment as late because it is overdue."""
    weekday = weekday_of[item.due]
    now[LATE_OPEN] += sign
    for row in (KNOWN_SO, LATE_SO):
        by_weekday[row, weekday] += sign
        by_terms[row, item.terms] += sign


@compiled_within
def fall_due(
    t: int,
    items: Records,
    queues: np.ndarray,
    dues: int,
    excuses: int,
    at: np.ndarray,
    now: np.ndarray,
    money: np.ndarray,
    by_weekday: np.ndarray,
    by_terms: np.ndarray,
    weekday_of: np.ndarray,
) -> None:
    """Add what was overdue before t; no longer hold late what was excused before it."""
    k = at[_AT_DUE]
    while k < dues and (queues[_DUES, k] >> PLACE_BITS) < t:
        item = items[queues[_DUES, k] & PLACE]
        money[item.currency, _OVERDUE_SUM] += item.amount
        if item.weight > 0:
            now[OVERDUE] += 1
            now[OVERDUE_DAYS] -= item.due
            count_late_open(item, 1, now, by_weekday, by_terms, weekday_of)
        k += 1
    at[_AT_DUE] = k

    k = at[_AT_EXCUSE]
    while k < excuses and (queues[_EXCUSES, k] >> PLACE_BITS) < t:
        count_late_open(items[queues[_EXCUSES, k] & PLACE], -1, now, by_weekday, by_terms, weekday_of)
        k += 1
    at[_AT_EXCUSE] = k


@compiled_within
def cover(
    t: int,
    items: Records,
    queues: np.ndarray,
    covers: int,
    at: np.ndarray,
    now: np.ndarray,
    money: np.ndarray,
    by_weekday: np.ndarray,
    by_terms: np.ndarray,
    weekday_of: np.ndarray,
) -> None:
    """Take away what was known before t to be covered."""
    k = at[_AT_COVER]
    while k < covers and (queues[_COVERS, k] >> PLACE_BITS) < t:
        item = items[queues[_COVERS, k] & PLACE]
        money[item.currency, _OPEN_SUM] -= item.amount
        if item.weight > 0:
            now[OPEN] -= 1
        if item.until > item.due and item.until > item.since:
            money[item.currency, _OVERDUE_SUM] -= item.amount
            if item.weight > 0:
                now[OVERDUE] -= 1
                now[OVERDUE_DAYS] += item.due
                if item.excused >= item.until:
                    count_late_open(item, -1, now, by_weekday, by_terms, weekday_of)
        k += 1
    at[_AT_COVER] = k


@compiled_within
def find_oldest_overdue(t: int, items: Records, queues: np.ndarray, dues: int, at: np.ndarray) -> int:
    """Return the days beyond terms of the oldest instalment that is overdue at t; there is one."""
    k = at[_AT_OLDEST]
    while k < dues:
        item = items[queues[_OLDEST, k] & PLACE]
        if item.until >= t and item.weight > 0:
            break
        k += 1
    at[_AT_OLDEST] = k
    while k < dues:
        item = items[queues[_OLDEST, k] & PLACE]
        if item.since < t and item.until >= t and item.weight > 0:
            return int(t - signed(item.due))
        k += 1
    return 0
