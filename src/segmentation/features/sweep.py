"""The compiled sweep: one pass over each customer's events in time order.

Belongs here: records in customer order in, the state of each customer at each moment out. Does not
belong here: what an event does (``sweep_book``, ``sweep_outcomes``), frames, formulas of features.
Importing this module compiles it, or loads the compiled form from numba's cache: import it where it is
used.

Time is in whole days since ``base``, between 0 and ``NEVER`` − 1; ``NEVER`` stands for a day that
has not come. A fact counts at moment t when its day is strictly before t: t is the *start* of a day.

Notes
-----
Every sum is over facts in force: a fact that holds from day a until day b counts when a < t <= b.
Events of a customer are queued as packed integers (day, then place), so that no record moves.
Settlements are ordered by known day, value date and due date; those that share all three are alike in
whatever looks at their order, so the order of the input rows cannot matter.
"""

from typing import Final

import numba
import numpy as np

from segmentation.domain.compilation import compiled, compiled_within
from segmentation.features.sorting import signed
from segmentation.features.state import LONGEST_TERMS, NEVER, NO_CURRENCY, NO_DAY, RECENT, STATE
from segmentation.features.sweep_book import (
    AMOUNT_COUNT,
    BOOK_PLACES,
    BOOK_QUEUES,
    FIRST_ISSUED,
    LAST_ISSUED,
    MONEY_SUMS,
    OVERDUE,
    OVERDUE_DAYS,
    cover,
    fall_due,
    find_oldest_overdue,
    issue,
    queue_book,
)
from segmentation.features.sweep_outcomes import (
    AT_PAID,
    OUTCOME_PLACES,
    OUTCOME_SUMS,
    WINDOW_SUMS,
    WINDOWS,
    advance_outcomes,
    look_back,
    queue_outcomes,
)
from segmentation.features.sweep_types import (
    COUNT,
    GRID,
    ITEMS,
    LONGS,
    MOMENTS,
    OUTCOMES,
    REALS,
    SMALL_COLUMN,
    Record,
    Records,
)

_WEEK: Final = 7
_MONTH_DAYS: Final = 32

_MONEY: Final = STATE.index("amount_count")
_OLDEST_DAYS: Final = STATE.index("oldest_overdue_days")
_TOTALS: Final = STATE.index("paid_count")
_TOTALS_365: Final = STATE.index("paid_365_count")
_TOTALS_90: Final = STATE.index("paid_90_count")
_SAME_WEEKDAY: Final = STATE.index("same_weekday_count")
_SAME_TERMS: Final = STATE.index("same_terms_count")


@compiled_within
def write_state(
    moment: Record,
    now: np.ndarray,
    money: np.ndarray,
    totals: np.ndarray,
    by_weekday: np.ndarray,
    by_terms: np.ndarray,
    weekday_of: np.ndarray,
    state: np.ndarray,
) -> None:
    """Write what is known at a moment into its column of the state."""
    for k in range(len(STATE)):
        state[k] = now[k]
    state[OVERDUE_DAYS] = now[OVERDUE] * signed(moment.day) + now[OVERDUE_DAYS]
    currency = signed(moment.currency)
    if currency == NO_CURRENCY:
        currency = int(np.argmax(money[:, AMOUNT_COUNT]))
    for k in range(MONEY_SUMS):
        state[_MONEY + k] = money[currency, k]
    for k in range(OUTCOME_SUMS):
        state[_TOTALS + k] = totals[0, k]
    for k in range(WINDOW_SUMS):
        state[_TOTALS_365 + k] = totals[1, k]
        state[_TOTALS_90 + k] = totals[2, k]
    if moment.due != NEVER:
        weekday = weekday_of[moment.due]
        for k in range(2):
            state[_SAME_WEEKDAY + k] = by_weekday[k, weekday]
            state[_SAME_TERMS + k] = by_terms[k, moment.terms]


@compiled(
    numba.void(
        *(COUNT, COUNT, ITEMS, LONGS, OUTCOMES, LONGS, MOMENTS, LONGS),
        *(COUNT, SMALL_COLUMN, SMALL_COLUMN, GRID, REALS),
    )
)
def sweep(
    first_customer: int,
    end_customer: int,
    items: Records,
    item_start: np.ndarray,
    outcomes: Records,
    outcome_start: np.ndarray,
    moments: Records,
    moment_start: np.ndarray,
    currency_count: int,
    weekday_of: np.ndarray,
    month_day_of: np.ndarray,
    state: np.ndarray,
    real_state: np.ndarray,
) -> None:
    """Fill ``state`` and ``real_state`` for customers ``first_customer`` .. ``end_customer`` − 1.

    Parameters
    ----------
    items, outcomes, moments : records in customer order (``state.ITEM``, ``OUTCOME``, ``MOMENT``),
        a customer's moments in order of day.
    *_start : where each customer's records start, as ``packing.find_starts`` returns it.
    weekday_of, month_day_of : calendar by day.
    state, real_state : one row per name in ``STATE`` and ``REAL_STATE``, one column per moment in
        customer order, starting with the first moment of ``first_customer``.
    """
    widest_item = 0
    widest_outcome = 0
    for c in range(first_customer, end_customer):
        widest_item = max(widest_item, item_start[c + 1] - item_start[c])
        widest_outcome = max(widest_outcome, outcome_start[c + 1] - outcome_start[c])
    queues = np.empty((BOOK_QUEUES, widest_item), np.int64)
    keys = np.empty(widest_outcome, np.int64)
    places = np.empty(widest_outcome, np.int64)
    withdrawals = np.empty(widest_outcome, np.int64)
    at = np.zeros(BOOK_PLACES, np.int64)
    reached = np.zeros(OUTCOME_PLACES, np.int64)
    edges = np.zeros(WINDOWS, np.int64)
    now = np.zeros(len(STATE), np.int64)
    money = np.zeros((currency_count, MONEY_SUMS), np.int64)
    totals = np.zeros((WINDOWS, OUTCOME_SUMS), np.int64)
    by_weekday = np.zeros((2, _WEEK), np.int32)
    by_terms = np.zeros((2, LONGEST_TERMS + 1), np.int32)
    recent = np.empty(RECENT, np.int64)
    weekdays = np.zeros(_WEEK, np.int64)
    month_days = np.zeros(_MONTH_DAYS, np.int64)

    for c in range(first_customer, end_customer):
        first = moment_start[c]
        count = moment_start[c + 1] - first
        if count == 0:
            continue
        own_items = items[item_start[c] : item_start[c + 1]]
        own_outcomes = outcomes[outcome_start[c] : outcome_start[c + 1]]
        dues, covers, excuses = queue_book(own_items, queues)
        withdrawn = queue_outcomes(own_outcomes, keys, places, withdrawals)
        at[:] = 0
        reached[:] = 0
        edges[:] = 0
        now[:] = 0
        now[FIRST_ISSUED] = now[LAST_ISSUED] = NO_DAY
        money[:, :] = 0
        totals[:, :] = 0
        by_weekday[:, :] = 0
        by_terms[:, :] = 0
        average = look_back(
            0, own_outcomes, places, 0, now, recent, weekdays, month_days, weekday_of, month_day_of
        )

        for place in range(first, first + count):
            moment = moments[place]
            t = signed(moment.day)
            issue(t, own_items, queues, at, now, money)
            fall_due(t, own_items, queues, dues, excuses, at, now, money, by_weekday, by_terms, weekday_of)
            cover(t, own_items, queues, covers, at, now, money, by_weekday, by_terms, weekday_of)
            if advance_outcomes(
                t,
                own_outcomes,
                places,
                withdrawals,
                withdrawn,
                reached,
                edges,
                totals,
                by_weekday,
                by_terms,
                weekday_of,
            ):
                average = look_back(
                    t,
                    own_outcomes,
                    places,
                    reached[AT_PAID],
                    now,
                    recent,
                    weekdays,
                    month_days,
                    weekday_of,
                    month_day_of,
                )
            o = place - moment_start[first_customer]
            write_state(moment, now, money, totals, by_weekday, by_terms, weekday_of, state[:, o])
            if now[OVERDUE] > 0:
                state[_OLDEST_DAYS, o] = find_oldest_overdue(t, own_items, queues, dues, at)
            real_state[0, o] = average
