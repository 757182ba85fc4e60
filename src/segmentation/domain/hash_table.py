"""An open-addressed table from hashes to the rows that they stand in, as compiled code.

Belongs here: building the table and asking it. Does not belong here: where the hashes come from, what is
done when two are alike (row_lookup).

Importing this module loads the compiled form from numba's cache: import it where it is used.
"""

from typing import Final

import numba
import numpy as np

from segmentation.domain.compilation import compiled, compiled_within

_HASHES: Final = numba.types.Array(numba.uint64, 1, "C", readonly=True)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""Odd multiplier that spreads hashes over the table (Knuth 1973, multiplicative hashing)."""

_FIRST_BITS: Final = 12
"""Size of a table that grows, to begin with, as a power of two."""


@compiled(numba.int64[::1](_HASHES, _HASHES, numba.int64))
def find_hashes(hashes: np.ndarray, keys: np.ndarray, bits: int) -> np.ndarray:
    """Return for each hash the first row of ``keys`` that holds it, -1 where none does.

    Parameters
    ----------
    hashes, keys : 64-bit hashes.
    bits : the table gets two to this power places, which must be more than ``keys`` has rows.
    """
    shift = np.uint64(64 - bits)
    last = np.uint64((1 << bits) - 1)
    one = np.uint64(1)
    table = np.full(1 << bits, -1, dtype=np.int32)
    for row in range(keys.shape[0]):
        place = (keys[row] * _SPREAD) >> shift
        while table[place] >= 0 and keys[table[place]] != keys[row]:
            place = (place + one) & last
        if table[place] < 0:
            table[place] = row
    found = np.empty(hashes.shape[0], dtype=np.int64)
    for number in range(hashes.shape[0]):
        place = (hashes[number] * _SPREAD) >> shift
        while table[place] >= 0 and keys[table[place]] != hashes[number]:
            place = (place + one) & last
        found[number] = table[place]
    return found


@compiled_within
def _number_rows(  # noqa: PLR0917  arrays of one table
    hashes: np.ndarray,
    row: int,
    count: int,
    bits: int,
    table: np.ndarray,
    held: np.ndarray,
    firsts: np.ndarray,
    numbers: np.ndarray,
) -> tuple[int, int]:
    """Number the rows from ``row`` on until half of the table is taken; return the next row and the count."""
    shift = np.uint64(64 - bits)
    last = np.uint64((1 << bits) - 1)
    one = np.uint64(1)
    while row < hashes.shape[0] and count < held.shape[0]:
        key = hashes[row]
        place = (key * _SPREAD) >> shift
        while table[place] >= 0 and held[table[place]] != key:
            place = (place + one) & last
        if table[place] < 0:
            table[place] = count
            held[count] = key
            firsts[count] = row
            count += 1
        numbers[row] = table[place]
        row += 1
    return row, count


@compiled_within
def _place_again(bits: int, table: np.ndarray, held: np.ndarray, count: int) -> None:
    shift = np.uint64(64 - bits)
    last = np.uint64((1 << bits) - 1)
    for number in range(count):
        place = (held[number] * _SPREAD) >> shift
        while table[place] >= 0:
            place = (place + np.uint64(1)) & last
        table[place] = number


@compiled(numba.types.Tuple((numba.int32[::1], numba.int64[::1]))(_HASHES))
def number_hashes(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each hash, and the first row that each number stands for.

    Notes
    -----
    Numbers run in order of first appearance. The table doubles when half of it is taken, so its size
    goes by how many hashes differ and not by how many rows there are.
    """
    bits = _FIRST_BITS
    table = np.full(1 << bits, -1, dtype=np.int32)
    held = np.empty(1 << (bits - 1), dtype=np.uint64)
    firsts = np.empty(1 << (bits - 1), dtype=np.int64)
    numbers = np.empty(hashes.shape[0], dtype=np.int32)
    row, count = _number_rows(hashes, 0, 0, bits, table, held, firsts, numbers)
    while row < hashes.shape[0]:
        bits += 1
        table = np.full(1 << bits, -1, dtype=np.int32)
        held = np.concatenate((held, np.empty_like(held)))
        firsts = np.concatenate((firsts, np.empty_like(firsts)))
        _place_again(bits, table, held, count)
        row, count = _number_rows(hashes, row, count, bits, table, held, firsts, numbers)
    return numbers, firsts[:count].copy()
