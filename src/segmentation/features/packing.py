"""Rows of frames as records in customer order, which is how the sweep reads them.

Belongs here: the counting sort by customer, and the records. Does not belong here: what the numbers
mean (``state``), how they are made (``encoding``). Importing this module compiles it, or loads the
compiled form from numba's cache: import it where it is used.

Notes
-----
The rows of a customer lie together, whole rows at a time, so that the sweep walks through memory in one
direction: at a million rows, the order of access costs more than all arithmetic.
"""

import numba
import numpy as np

from segmentation.domain.compilation import compiled, compiled_within
from segmentation.features.sorting import PLACE, PLACE_BITS, sort_keys
from segmentation.features.sweep_types import (
    COLUMN,
    COUNT,
    ITEMS,
    LONG_COLUMN,
    LONGS,
    MOMENTS,
    OUTCOMES,
    SMALL_COLUMN,
    Records,
)


@compiled(LONGS(COLUMN, COUNT))
def find_starts(customer: np.ndarray, customer_count: int) -> np.ndarray:
    """Return where the rows of each customer start in customer order, and at last how many there are."""
    start = np.zeros(customer_count + 1, np.int64)
    for code in customer:
        start[code + 1] += 1
    for c in range(customer_count):
        start[c + 1] += start[c]
    return start


@compiled(numba.void(COLUMN, LONGS, *[COLUMN] * 4, LONG_COLUMN, COLUMN, COLUMN, SMALL_COLUMN, ITEMS))
def place_items(
    customer: np.ndarray,
    start: np.ndarray,
    since: np.ndarray,
    due: np.ndarray,
    until: np.ndarray,
    excused: np.ndarray,
    amount: np.ndarray,
    terms: np.ndarray,
    currency: np.ndarray,
    weight: np.ndarray,
    items: Records,
) -> None:
    """Write parts of the book into ``items`` in customer order, each customer's in their own order."""
    free = start[:-1].copy()
    for row in range(customer.size):
        item = items[free[customer[row]]]
        free[customer[row]] += 1
        item.amount = amount[row]
        item.since = since[row]
        item.due = due[row]
        item.until = until[row]
        item.excused = excused[row]
        item.terms = terms[row]
        item.currency = currency[row]
        item.weight = weight[row]


@compiled(numba.void(COLUMN, LONGS, *[COLUMN] * 5, SMALL_COLUMN, OUTCOMES))
def place_outcomes(
    customer: np.ndarray,
    start: np.ndarray,
    known: np.ndarray,
    until: np.ndarray,
    paid: np.ndarray,
    due: np.ndarray,
    terms: np.ndarray,
    is_written_off: np.ndarray,
    outcomes: Records,
) -> None:
    """Write outcomes into ``outcomes`` in customer order, each customer's in their own order."""
    free = start[:-1].copy()
    for row in range(customer.size):
        outcome = outcomes[free[customer[row]]]
        free[customer[row]] += 1
        outcome.known = known[row]
        outcome.until = until[row]
        outcome.paid = paid[row]
        outcome.due = due[row]
        outcome.terms = terms[row]
        outcome.is_written_off = is_written_off[row]


@compiled_within
def order_moments(moments: Records) -> None:
    """Order the moments of one customer by day; those of the same day keep their order."""
    is_ordered = True
    for i in range(1, moments.size):
        is_ordered = is_ordered and moments[i - 1].day <= moments[i].day
    if is_ordered:
        return
    keys = np.empty(moments.size, np.int64)
    for i in range(moments.size):
        keys[i] = (np.int64(moments[i].day) << PLACE_BITS) | i
    sort_keys(keys, moments.size)
    unordered = moments.copy()
    for i in range(moments.size):
        moments[i] = unordered[keys[i] & PLACE]


@compiled(numba.void(COLUMN, LONGS, *[COLUMN] * 4, MOMENTS))
def place_moments(
    customer: np.ndarray,
    start: np.ndarray,
    day: np.ndarray,
    due: np.ndarray,
    terms: np.ndarray,
    currency: np.ndarray,
    moments: Records,
) -> None:
    """Write moments, with the rows that they come from, into ``moments`` by customer and day.

    Moments of the same customer and day keep their order.
    """
    free = start[:-1].copy()
    for row in range(customer.size):
        moment = moments[free[customer[row]]]
        free[customer[row]] += 1
        moment.row = row
        moment.day = day[row]
        moment.due = due[row]
        moment.terms = terms[row]
        moment.currency = currency[row]
    for c in range(start.size - 1):
        order_moments(moments[start[c] : start[c + 1]])
