"""A forest of disjoint sets over 64-bit hashes, as compiled code.

Belongs here: joining sets and naming the set of a hash. Does not belong here: what the hashes stand for.

Importing this module loads the compiled form from numba's cache: import it where it is used.

Source: Galler and Fischer 1964; paths are halved as in Tarjan and van Leeuwen 1984.
"""

from typing import Final, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from segmentation.domain.compilation import compiled, compiled_within

_HASHES: Final = numba.types.Array(numba.uint64, 1, "C", readonly=True)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST_BITS: Final = 16
_GROWTH_BITS: Final = 2
_BATCH: Final = 1 << 14
"""Pairs that are joined between two looks at whether the table is large enough."""

Hashes = npt.NDArray[np.uint64]
_Number = TypeVar("_Number", np.uint64, np.int32)


class DisjointSets:
    """Sets of 64-bit hashes; a hash that was never joined is a set of its own."""

    def __init__(self) -> None:
        self._bits = _FIRST_BITS
        self._table = np.full(1 << self._bits, -1, dtype=np.int32)
        self._held = np.empty(3 << (self._bits - 2), dtype=np.uint64)  # three quarters of the places
        self._parents = np.empty(3 << (self._bits - 2), dtype=np.int32)
        self._count = 0

    def join(self, left: Hashes, *rights: Hashes) -> None:
        """Make one set of the sets of the hashes that stand in the same place."""
        for start in range(0, len(left), _BATCH):
            for right in rights:  # the left ones are still in the caches
                ends = left[start : start + _BATCH], right[start : start + _BATCH]
                while self._count + 2 * len(ends[0]) > len(self._held):
                    self._grow()
                self._count = _join(self._table, self._held, self._parents, self._count, *ends)

    def find_groups(self, hashes: Hashes) -> Hashes:
        """Return for each hash a number that the hashes of its set share, and few others."""
        return _find_groups(self._table, self._held, self._parents, hashes)

    def _grow(self) -> None:
        """Make four times the room; doubling would enter most hashes thrice as often."""
        self._bits += _GROWTH_BITS
        room = 3 << (self._bits - 2)
        self._table = np.full(1 << self._bits, -1, dtype=np.int32)
        self._held = _lengthen(self._held[: self._count], room)
        self._parents = _lengthen(self._parents[: self._count], room)
        _enter(self._table, self._held, self._count)


def _lengthen(values: npt.NDArray[_Number], length: int) -> npt.NDArray[_Number]:
    """Return the values at the beginning of an array; the rest of it takes no memory until it is written."""
    longer = np.empty(length, dtype=values.dtype)
    longer[: len(values)] = values
    return longer


@compiled_within
def _place(table: np.ndarray, held: np.ndarray, key: np.uint64) -> np.int64:
    """Return where a hash stands in the table, or would."""
    last = np.uint64(table.shape[0] - 1)
    place = ((key * _SPREAD) >> np.uint64(20)) & last
    while table[place] >= 0 and held[table[place]] != key:
        place = (place + np.uint64(1)) & last
    return np.int64(place)


@compiled_within
def _find_root(parents: np.ndarray, number: np.int32) -> np.int32:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


@compiled(numba.void(numba.int32[::1], numba.uint64[::1], numba.int64))
def _enter(table: np.ndarray, held: np.ndarray, count: int) -> None:
    for number in range(count):
        table[_place(table, held, held[number])] = number


@compiled_within
def _number(
    table: np.ndarray, held: np.ndarray, parents: np.ndarray, count: int, hashes: np.ndarray
) -> tuple[np.ndarray, int]:
    """Return the number of each hash in the forest, entering those that are new, and how many it then holds.

    Where each hash should stand is looked up for all before any is compared: the processor then waits for
    several places of a table that is larger than its caches at once.
    """
    last = np.uint64(table.shape[0] - 1)
    numbers = np.empty(hashes.shape[0], np.int32)
    for row in range(hashes.shape[0]):
        numbers[row] = table[((hashes[row] * _SPREAD) >> np.uint64(20)) & last]
    for row in range(hashes.shape[0]):
        if numbers[row] < 0 or held[numbers[row]] != hashes[row]:
            place = _place(table, held, hashes[row])
            if table[place] < 0:
                table[place] = count
                held[count] = hashes[row]
                parents[count] = count
                count += 1
            numbers[row] = table[place]
    return numbers, count


@compiled(numba.int64(numba.int32[::1], numba.uint64[::1], numba.int32[::1], numba.int64, _HASHES, _HASHES))
def _join(  # noqa: PLR0917  arrays of one forest
    table: np.ndarray, held: np.ndarray, parents: np.ndarray, count: int, left: np.ndarray, right: np.ndarray
) -> int:
    """Join pairs of hashes, the table being large enough; return how many hashes it then holds."""
    lefts, count = _number(table, held, parents, count, left)
    rights, count = _number(table, held, parents, count, right)
    for row in range(left.shape[0]):
        one, other = _find_root(parents, lefts[row]), _find_root(parents, rights[row])
        if one != other:
            parents[max(one, other)] = min(one, other)
    return count


@compiled(numba.uint64[::1](numba.int32[::1], numba.uint64[::1], numba.int32[::1], _HASHES))
def _find_groups(table: np.ndarray, held: np.ndarray, parents: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    groups = np.empty(hashes.shape[0], dtype=np.uint64)
    for row in range(hashes.shape[0]):
        place = _place(table, held, hashes[row])
        key = hashes[row]
        if table[place] >= 0:
            key = held[_find_root(parents, table[place])]
        groups[row] = (key * _SPREAD) >> np.uint64(32)
    return groups
