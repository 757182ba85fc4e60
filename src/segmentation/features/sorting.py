"""Sorting of a customer's events, in place and compiled.

Belongs here: packed keys and their order. Does not belong here: what the keys stand for.

Notes
-----
A key is a day and, in its low bits, the place of a record: sorting moves keys only, and records that
share a day keep their order.
"""

from typing import Any, Final

import numpy as np

from segmentation.domain.compilation import compiled_within

PLACE_BITS: Final = 40
PLACE: Final = (1 << PLACE_BITS) - 1
"""Mask of the place in a key."""

_INSERTION: Final = 48


@compiled_within
def signed(day: Any) -> Any:
    """Return the day of a record as a signed number: differences of unsigned ones wrap around at nil."""
    return np.int64(day)


@compiled_within
def sort_keys(keys: np.ndarray, count: int) -> None:
    """Sort the first ``count`` keys in place; nearly sorted short runs cost next to nothing."""
    if count > _INSERTION:
        keys[:count].sort()
        return
    for i in range(1, count):
        key = keys[i]
        j = i - 1
        while j >= 0 and keys[j] > key:
            keys[j + 1] = keys[j]
            j -= 1
        keys[j + 1] = key


@compiled_within
def sort_pairs(keys: np.ndarray, places: np.ndarray, count: int) -> None:
    """Sort the first ``count`` keys in place, and their places with them."""
    if count > _INSERTION:
        order = np.argsort(keys[:count])
        keys[:count] = keys[:count][order]
        places[:count] = places[:count][order]
        return
    for i in range(1, count):
        key, place = keys[i], places[i]
        j = i - 1
        while j >= 0 and keys[j] > key:
            keys[j + 1] = keys[j]
            places[j + 1] = places[j]
            j -= 1
        keys[j + 1] = key
        places[j + 1] = place
