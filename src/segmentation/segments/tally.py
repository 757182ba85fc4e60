"""Instalments counted by customer, as compiled code: one pass, whatever is counted.

Belongs here: adding up. Does not belong here: which instalments count, and what the sums are called (observations).

Importing this module loads the compiled form from numba's cache: import it where it is used.
"""

from typing import Final

import numba
import numpy as np

from segmentation.domain.compilation import compiled, compiled_within

LATE: Final = 1
EXCLUDED: Final = 2
OPEN: Final = 4
"""Flags of an instalment, added up."""

SUMS: Final = 8
"""Columns of whole numbers: settled, late, excluded, late weight, prompt weight, their squares, late span of days."""

_LONGS: Final = numba.types.Array(numba.int64, 1, "C", readonly=True)
_BYTES: Final = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_SHIFT: Final = 24
_MASK: Final = (1 << _SHIFT) - 1
"""Amounts are split here, so that amount times days cannot overflow a sum."""


@compiled_within
def _order_by_customer(row: np.ndarray, customers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return instalments in order of their customer, and where each customer's start."""
    start = np.zeros(customers + 1, dtype=np.int64)
    for i in range(row.shape[0]):
        if row[i] >= 0:
            start[row[i] + 1] += 1
    for c in range(customers):
        start[c + 1] += start[c]
    place = start.copy()
    order = np.empty(start[customers], dtype=np.int64)
    for i in range(row.shape[0]):
        if row[i] >= 0:
            order[place[row[i]]] = i
            place[row[i]] += 1
    return order, start


@compiled_within
def _add_period(late: np.ndarray, prompt: np.ndarray, most: int) -> None:
    """Scale the cells of one customer down to what counts at most."""
    for t in range(late.shape[0]):
        count = late[t] + prompt[t]
        if count > most:
            late[t] = np.int64(np.round(late[t] * most / count))
            prompt[t] = most - late[t]


@compiled_within
def _measure_severity(held: np.ndarray) -> float:
    """Return the mean over currencies, each counted by its instalments, of delayed amount by amount."""
    total, severity = 0, 0.0
    for c in range(held.shape[0]):
        total += held[c, 0]
    for c in range(held.shape[0]):
        if held[c, 0]:
            delayed = held[c, 2] * float(_MASK + 1) + held[c, 3]
            severity += delayed / held[c, 1] * held[c, 0]
    return severity / total if total else np.nan


@compiled(
    numba.types.Tuple(
        (numba.int64[:, ::1], numba.float64[:, ::1], numba.uint16[:, ::1], numba.uint16[:, ::1])
    )(*(_LONGS,) * 5, _BYTES, *(numba.int64,) * 5, _LONGS, _LONGS)
)
def tally_customers(
    row: np.ndarray,
    age: np.ndarray,
    days_late: np.ndarray,
    amount: np.ndarray,
    currency: np.ndarray,
    flags: np.ndarray,
    customers: int,
    currencies: int,
    period_days: int,
    periods: int,
    most: int,
    weight: np.ndarray,
    square: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return sums, median days late and severity, and histories of every customer.

    Parameters
    ----------
    row : customer of each instalment, below nil for one that is left out.
    age, days_late, amount, currency, flags : of each instalment; amounts in whole units, currencies numbered.
    customers, currencies : how many there are.
    period_days, periods, most : length of a period, how many, and what counts at most in one.
    weight, square : weight of an instalment by its age, and the weight's square, in whole units.

    Returns
    -------
    Whole sums (``SUMS`` columns; the span is −1 where none was late); median and severity, not a number where there is
    nothing; late and prompt instalments by customer and period, the oldest first.
    """
    order, start = _order_by_customer(row, customers)
    sums = np.zeros((customers, SUMS), dtype=np.int64)
    reals = np.full((customers, 2), np.nan)
    late_cells = np.zeros((customers, periods), dtype=np.uint16)
    prompt_cells = np.zeros((customers, periods), dtype=np.uint16)
    late_here, prompt_here = np.empty(periods, dtype=np.int64), np.empty(periods, dtype=np.int64)
    held = np.empty((currencies, 4), dtype=np.int64)
    for c in range(customers):
        held[:] = 0
        late_here[:] = 0
        prompt_here[:] = 0
        settled = np.empty(start[c + 1] - start[c], dtype=np.int64)
        found, oldest, newest = 0, -1, -1
        for place in range(start[c], start[c + 1]):
            i = order[place]
            if flags[i] & EXCLUDED:
                sums[c, 2] += 1
                continue
            sums[c, 0] += 1
            side = 0 if flags[i] & LATE else 1
            sums[c, 3 + side] += weight[age[i]]
            sums[c, 5 + side] += square[age[i]]
            t = periods - 1 - min(age[i] // period_days, periods - 1)
            if side == 0:
                sums[c, 1] += 1
                late_here[t] += 1
                oldest = max(oldest, age[i])
                newest = age[i] if newest < 0 else min(newest, age[i])
            else:
                prompt_here[t] += 1
            if not flags[i] & OPEN:
                settled[found] = days_late[i]
                found += 1
            delay = max(days_late[i], 0)
            held[currency[i], 0] += 1
            held[currency[i], 1] += amount[i]
            held[currency[i], 2] += (amount[i] >> _SHIFT) * delay
            held[currency[i], 3] += (amount[i] & _MASK) * delay
        sums[c, 7] = oldest - newest if newest >= 0 else -1
        if found:
            reals[c, 0] = np.median(settled[:found])
        reals[c, 1] = _measure_severity(held)
        _add_period(late_here, prompt_here, most)
        late_cells[c] = late_here
        prompt_cells[c] = prompt_here
    return sums, reals, late_cells, prompt_cells
