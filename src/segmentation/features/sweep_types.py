"""Types of what the compiled sweep takes, in one place.

Belongs here: signatures for numba and annotations for readers. Does not belong here: code.
"""

from typing import Any, Final, TypeAlias

import numba

from segmentation.features.state import ITEM, MOMENT, OUTCOME

Record: TypeAlias = Any
"""One record of ``state.ITEM``, ``OUTCOME`` or ``MOMENT``."""

Records: TypeAlias = Any
"""An array of records."""

DAY: Final = numba.int64
COUNT: Final = numba.int64
LONGS: Final = numba.int64[::1]
GRID: Final = numba.int64[:, ::1]
REALS: Final = numba.float64[:, ::1]
SHARES: Final = numba.int32[:, ::1]
"""Known and late instalments (rows) by kind of due date (columns)."""

ITEMS: Final = numba.from_dtype(ITEM)[::1]
OUTCOMES: Final = numba.from_dtype(OUTCOME)[::1]
MOMENTS: Final = numba.from_dtype(MOMENT)[::1]

# columns of a frame are read only
COLUMN: Final = numba.types.Array(numba.int32, 1, "C", readonly=True)
SMALL_COLUMN: Final = numba.types.Array(numba.int8, 1, "C", readonly=True)
AMOUNTS: Final = numba.types.Array(numba.int64, 1, "C", readonly=True)
