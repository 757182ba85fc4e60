"""Rows of frames as records in customer order, which is how the sweep reads them.

Belongs here: the counting sort by customer, and the records. Does not belong here: what the numbers
mean (``state``), how they are made (``encoding``). Importing this module compiles it, or loads the
compiled form from numba's cache: import it where it is used.

Notes
-----
The rows of a customer lie together, whole rows at a time, so that the sweep walks through memory in one
direction: at a million rows, the order of access costs more than all arithmetic.
"""

from collections.abc import Mapping

import numba
import numpy as np

from segmentation.domain.compilation import compiled
from segmentation.features.sorting import PLACE, PLACE_BITS, signed, sort_keys
from segmentation.features.sweep_types import COLUMN, COUNT, LONGS, MOMENTS, Records


@compiled(numba.types.UniTuple(LONGS, 2)(COLUMN, COUNT))
def order_rows(customer: np.ndarray, customer_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows in customer order, each customer's in their own, and where each customer starts.

    The starts have one number more than there are customers: at last, how many rows there are.
    """
    start = np.zeros(customer_count + 1, np.int64)
    for code in customer:
        start[code + 1] += 1
    for c in range(customer_count):
        start[c + 1] += start[c]
    free = start[:-1].copy()
    order = np.empty(customer.size, np.int64)
    for row in range(customer.size):
        order[free[customer[row]]] = row
        free[customer[row]] += 1
    return order, start


def place_rows(columns: Mapping[str, np.ndarray], order: np.ndarray, kind: np.dtype[np.void]) -> Records:
    """Return the columns, in this order of their rows, as records of a kind (``state.ITEM`` ...)."""
    records = np.empty(len(order), kind)
    for name, values in columns.items():
        records[name] = values[order]
    return records


@compiled(numba.void(MOMENTS, LONGS))
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
