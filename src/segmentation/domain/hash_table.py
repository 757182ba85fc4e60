"""An open-addressed table from hashes to the rows that they stand in, as compiled code.

Belongs here: building the table and asking it. Does not belong here: where the hashes come from, what is
done when two are alike (row_lookup).

Importing this module loads the compiled form from numba's cache: import it where it is used.
"""

from typing import Final

import numba
import numpy as np

from segmentation.domain.compilation import compiled

_HASHES: Final = numba.types.Array(numba.uint64, 1, "C", readonly=True)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""Odd multiplier that spreads hashes over the table (Knuth 1973, multiplicative hashing)."""


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
