"""Rows of frames as records in customer order, which is how the sweep reads them.

Belongs here: the counting sort by customer, and the records. Does not belong here: what the numbers
mean (``state``), how they are made (``encoding``). Importing this module compiles it, or loads the
compiled form from numba's cache: import it where it is used.

Notes
-----
The rows of a customer lie together, whole rows at a time, so that the sweep walks through memory in one
direction: at a million rows, the order of access costs more than all arithmetic.
"""

from typing import Final

import numba
import numpy as np

from segmentation.domain.compilation import compiled, compiled_within
from segmentation.features.sorting import PLACE, PLACE_BITS, signed, sort_keys
from segmentation.features.state import ITEM, MOMENT, OUTCOME
from segmentation.features.sweep_types import (
    AMOUNTS,
    COLUMN,
    COUNT,
    ITEMS,
    LONGS,
    MOMENTS,
    OUTCOMES,
    SMALL_COLUMN,
    Records,
)

_ITEM: Final = numba.from_dtype(ITEM)
_OUTCOME: Final = numba.from_dtype(OUTCOME)
_MOMENT: Final = numba.from_dtype(MOMENT)


@compiled_within
def find_starts(customer: np.ndarray, customer_count: int) -> np.ndarray:
    """Return where the rows of each customer start, in customer order; at last, how many rows there are."""
    start = np.zeros(customer_count + 1, np.int64)
    for code in customer:
        start[code + 1] += 1
    for c in range(customer_count):
        start[c + 1] += start[c]
    return start


@compiled_within
def order_moments(moments: Records, start: np.ndarray) -> None:
    """Order the moments of each customer by day; those of the same day keep their order."""
    for c in range(start.size - 1):
        own = moments[start[c] : start[c + 1]]
        is_ordered = True
        for i in range(1, own.size):
            is_ordered = is_ordered and own[i - 1].day <= own[i].day
        if is_ordered:
            continue
        keys = np.empty(own.size, np.int64)
        for i in range(own.size):
            keys[i] = (signed(own[i].day) << PLACE_BITS) | i
        sort_keys(keys, own.size)
        unordered = own.copy()
        for i in range(own.size):
            own[i] = unordered[keys[i] & PLACE]


@compiled(numba.types.Tuple((ITEMS, LONGS))(COLUMN, COUNT, AMOUNTS, *(COLUMN,) * 6, SMALL_COLUMN))
def place_items(
    customer: np.ndarray,
    customer_count: int,
    amount: np.ndarray,
    since: np.ndarray,
    due: np.ndarray,
    until: np.ndarray,
    excused: np.ndarray,
    terms: np.ndarray,
    currency: np.ndarray,
    weight: np.ndarray,
) -> tuple[Records, np.ndarray]:
    """Return columns as records of ``state.ITEM`` in customer order, and where those of each customer start."""
    start = find_starts(customer, customer_count)
    free = start[:-1].copy()
    items = np.empty(customer.size, _ITEM)
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
    return items, start


@compiled(numba.types.Tuple((OUTCOMES, LONGS))(COLUMN, COUNT, *(COLUMN,) * 5, SMALL_COLUMN))
def place_outcomes(
    customer: np.ndarray,
    customer_count: int,
    known: np.ndarray,
    until: np.ndarray,
    paid: np.ndarray,
    due: np.ndarray,
    terms: np.ndarray,
    is_written_off: np.ndarray,
) -> tuple[Records, np.ndarray]:
    """Return columns as records of ``state.OUTCOME`` in customer order, and where those of each customer start."""
    start = find_starts(customer, customer_count)
    free = start[:-1].copy()
    outcomes = np.empty(customer.size, _OUTCOME)
    for row in range(customer.size):
        outcome = outcomes[free[customer[row]]]
        free[customer[row]] += 1
        outcome.known = known[row]
        outcome.until = until[row]
        outcome.paid = paid[row]
        outcome.due = due[row]
        outcome.terms = terms[row]
        outcome.is_written_off = is_written_off[row]
    return outcomes, start


@compiled(numba.types.Tuple((MOMENTS, LONGS))(COLUMN, COUNT, *(COLUMN,) * 4))
def place_moments(
    customer: np.ndarray,
    customer_count: int,
    day: np.ndarray,
    due: np.ndarray,
    terms: np.ndarray,
    currency: np.ndarray,
) -> tuple[Records, np.ndarray]:
    """Return columns as records of ``state.MOMENT`` in order of customer and day, and where each customer starts.

    Moments of the same customer and day keep their order.
    """
    start = find_starts(customer, customer_count)
    free = start[:-1].copy()
    moments = np.empty(customer.size, _MOMENT)
    for row in range(customer.size):
        moment = moments[free[customer[row]]]
        free[customer[row]] += 1
        moment.row = row
        moment.day = day[row]
        moment.due = due[row]
        moment.terms = terms[row]
        moment.currency = currency[row]
    order_moments(moments, start)
    return moments, start
