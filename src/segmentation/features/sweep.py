"""The compiled sweep: one pass over each customer's events in time order.

Belongs here: integer arrays in, the state of each customer at each moment out. Does not belong
here: frames, tables, formulas of features (``definitions``). Importing this module compiles it, or
loads the compiled form from numba's cache: import it where it is used.

Time is in whole days since ``base``, between 0 and ``NEVER`` − 1; ``NEVER`` stands for a day that
has not come. A fact counts at moment t when its day is strictly before t: t is the *start* of a day.

Notes
-----
Every sum is over facts in force: a fact that holds from day a until day b counts when a < t <= b.
Rows of a customer are sorted as packed integers (day, then position), so that no payload moves.
Settlements are packed whole (known day, value date, due date), so that settlements that share the
key are interchangeable and the order of the input rows cannot matter.
"""

from typing import Final

import numba
import numpy as np

from segmentation.domain.compilation import compiled
from segmentation.features.state import DAY_BITS, DECAY, LATEST, NEVER, NO_DAY, RECENT, WHOLE

WITHDRAWAL_BITS: Final = 14
_INDEX_BITS: Final = 40
_INDEX_MASK: Final = (1 << _INDEX_BITS) - 1
_WITHDRAWAL_MASK: Final = (1 << WITHDRAWAL_BITS) - 1
_YEAR: Final = 365
_QUARTER: Final = 90
_LONG: Final = 30
_INSERTION: Final = 48

# columns of a frame are read only
_KEYS: Final = numba.types.Array(numba.int64, 1, "C", readonly=True)
_DAYS: Final = numba.types.Array(numba.int32, 1, "C", readonly=True)
_FLAGS: Final = numba.types.Array(numba.int8, 1, "C", readonly=True)


@compiled("void(int64[::1], int64)")
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


@compiled(numba.types.UniTuple(numba.int64[::1], 2)(_DAYS, numba.int64))
def bucket_rows(customer: np.ndarray, customer_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows in customer order (a counting sort) and where each customer's rows start."""
    start = np.zeros(customer_count + 1, np.int64)
    for code in customer:
        start[code + 1] += 1
    for c in range(customer_count):
        start[c + 1] += start[c]
    place = start[:-1].copy()
    order = np.empty(customer.size, np.int64)
    for row in range(customer.size):
        order[place[customer[row]]] = row
        place[customer[row]] += 1
    return order, start


@compiled("void(int64[:, ::1], int64, int64, int64, int64)")
def add_outcome(totals: np.ndarray, window: int, delay: int, is_written_off: int, sign: int) -> None:
    """Add (sign 1) or take back (sign −1) one outcome in the totals of a window."""
    if is_written_off:
        totals[window, 5] += sign
        return
    totals[window, 0] += sign
    if delay > 0:
        totals[window, 1] += sign
    if delay > _LONG:
        totals[window, 2] += sign
    totals[window, 3] += sign * delay
    totals[window, 4] += sign * delay * delay


@compiled(
    numba.void(
        *(numba.int64, numba.int64),
        *(_KEYS, _KEYS, _DAYS, _DAYS, _DAYS, _DAYS, _KEYS, _DAYS, _FLAGS),
        *(_KEYS, _KEYS, _DAYS, _DAYS, _DAYS, _DAYS, _FLAGS),
        *(_KEYS, _KEYS, _DAYS, _DAYS),
        *(numba.int64, _FLAGS, _FLAGS, numba.int64[:, ::1], numba.float64[:, ::1]),
    )
)
def sweep(  # noqa: C901, PLR0912, PLR0915, PLR0917  one pass is the point: splitting it would pass forty scalars about
    first_customer: int,
    end_customer: int,
    item_order: np.ndarray,
    item_start: np.ndarray,
    item_from: np.ndarray,
    item_due: np.ndarray,
    item_until: np.ndarray,
    item_excused: np.ndarray,
    item_amount: np.ndarray,
    item_currency: np.ndarray,
    item_weight: np.ndarray,
    paid_order: np.ndarray,
    paid_start: np.ndarray,
    paid_known: np.ndarray,
    paid_until: np.ndarray,
    paid_day: np.ndarray,
    paid_due: np.ndarray,
    paid_written_off: np.ndarray,
    moment_order: np.ndarray,
    moment_start: np.ndarray,
    moment_day: np.ndarray,
    moment_currency: np.ndarray,
    currency_count: int,
    weekday_of: np.ndarray,
    month_day_of: np.ndarray,
    state: np.ndarray,
    real_state: np.ndarray,
) -> None:
    """Fill ``state`` and ``real_state`` for customers ``first_customer`` .. ``end_customer`` − 1.

    Parameters
    ----------
    item_* : parts of the open book. ``from``: day from which it is owed and known; ``until``: day on
        which its cover was known; ``excused``: day on which lateness was known to be the supplier's
        doing; ``amount`` in thousandths; ``weight`` as in ``state``.
    paid_* : outcomes. ``known`` and ``until``: from when to when the outcome was held to be so.
    moment_* : when to look; ``currency`` −1 means the customer's most frequent one so far.
    *_order, *_start : result of ``bucket_rows``; days are offsets from the base day.
    state, real_state : one row per name in ``STATE`` and ``REAL_STATE``, one column per moment in
        bucket order, starting with the first moment of ``first_customer``.
    """
    widest_item = 0
    widest_paid = 0
    widest_moment = 0
    for c in range(first_customer, end_customer):
        widest_item = max(widest_item, item_start[c + 1] - item_start[c])
        widest_paid = max(widest_paid, paid_start[c + 1] - paid_start[c])
        widest_moment = max(widest_moment, moment_start[c + 1] - moment_start[c])
    issues = np.empty(widest_item, np.int64)
    dues = np.empty(widest_item, np.int64)
    oldest = np.empty(widest_item, np.int64)
    covers = np.empty(widest_item, np.int64)
    excuses = np.empty(widest_item, np.int64)
    paid = np.empty(widest_paid, np.int64)
    withdrawals = np.empty(widest_paid, np.int64)
    withdrawn_at = np.empty(widest_paid + 1, np.int64)
    moments = np.empty(widest_moment, np.int64)
    amount_count = np.zeros(currency_count, np.int64)
    amount_sum = np.zeros(currency_count, np.int64)
    amount_365_count = np.zeros(currency_count, np.int64)
    amount_365_sum = np.zeros(currency_count, np.int64)
    open_sum = np.zeros(currency_count, np.int64)
    overdue_sum = np.zeros(currency_count, np.int64)
    # all, 365 and 90 days: paid, late, late by more than 30, delays, squared delays, written off
    totals = np.zeros((3, 6), np.int64)
    edges = np.zeros(3, np.int64)
    spans = np.array([NEVER, _YEAR, _QUARTER], np.int64)
    recent = np.empty(RECENT, np.int64)
    weekdays = np.zeros(7, np.int64)
    month_days = np.zeros(32, np.int64)
    out_base = moment_start[first_customer]

    for c in range(first_customer, end_customer):
        moment_first = moment_start[c]
        m = moment_start[c + 1] - moment_first
        if m == 0:
            continue
        for i in range(m):
            moments[i] = (np.int64(moment_day[moment_order[moment_first + i]]) << _INDEX_BITS) | i
        sort_keys(moments, m)

        # the open book: when each part was issued, fell due, was covered, was excused
        n = item_start[c + 1] - item_start[c]
        item_base = item_start[c]
        due_count = 0
        cover_count = 0
        excuse_count = 0
        is_known_late = False
        for i in range(n):
            row = item_order[item_base + i]
            since = np.int64(item_from[row])
            until = np.int64(item_until[row])
            issues[i] = (since << _INDEX_BITS) | i
            overdue_from = max(since, np.int64(item_due[row]))
            if until > overdue_from:
                dues[due_count] = (overdue_from << _INDEX_BITS) | i
                due_count += 1
                is_known_late = is_known_late or since > item_due[row]
                if item_excused[row] < until and item_weight[row] > 0:
                    excuses[excuse_count] = (
                        max(np.int64(item_excused[row]), overdue_from) << _INDEX_BITS
                    ) | i
                    excuse_count += 1
            if until < NEVER:
                covers[cover_count] = (until << _INDEX_BITS) | i
                cover_count += 1
        sort_keys(issues, n)
        sort_keys(dues, due_count)
        sort_keys(covers, cover_count)
        sort_keys(excuses, excuse_count)
        if is_known_late:  # overdue from the day it was known, yet older than that: order by due date
            for k in range(due_count):
                i = dues[k] & _INDEX_MASK
                oldest[k] = (np.int64(item_due[item_order[item_base + i]]) << _INDEX_BITS) | i
            sort_keys(oldest, due_count)
        else:
            oldest[:due_count] = dues[:due_count]

        # outcomes
        p = paid_start[c + 1] - paid_start[c]
        withdrawal_count = 0
        for i in range(p):
            row = paid_order[paid_start[c] + i]
            slot = 0
            if paid_until[row] < NEVER:
                withdrawal_count += 1
                slot = withdrawal_count
                withdrawn_at[slot] = paid_until[row]
            paid[i] = (
                (np.int64(paid_known[row]) << (2 * DAY_BITS + 1 + WITHDRAWAL_BITS))
                | (np.int64(paid_day[row]) << (DAY_BITS + 1 + WITHDRAWAL_BITS))
                | (np.int64(paid_due[row]) << (1 + WITHDRAWAL_BITS))
                | (np.int64(paid_written_off[row]) << WITHDRAWAL_BITS)
                | slot
            )
        sort_keys(paid, p)
        if withdrawal_count > 0:
            k = 0
            for i in range(p):
                slot = paid[i] & _WITHDRAWAL_MASK
                if slot > 0:
                    withdrawals[k] = (withdrawn_at[slot] << _INDEX_BITS) | i
                    k += 1
            sort_keys(withdrawals, withdrawal_count)

        amount_count[:] = 0
        amount_sum[:] = 0
        amount_365_count[:] = 0
        amount_365_sum[:] = 0
        open_sum[:] = 0
        overdue_sum[:] = 0
        totals[:, :] = 0
        edges[:] = 0
        issued = 0
        issued_90 = 0
        issued_365 = 0
        open_count = 0
        overdue_count = 0
        overdue_due_sum = 0
        late_open = 0
        first_issued = NO_DAY
        last_issued = NO_DAY
        at_issue = 0
        at_90 = 0
        at_365 = 0
        at_due = 0
        at_oldest = 0
        at_cover = 0
        at_excuse = 0
        at_paid = 0
        at_withdrawal = 0

        for q in range(m):
            t = moments[q] >> _INDEX_BITS
            place = moments[q] & _INDEX_MASK
            row_m = moment_order[moment_first + place]

            while at_issue < n and (issues[at_issue] >> _INDEX_BITS) < t:
                row = item_order[item_base + (issues[at_issue] & _INDEX_MASK)]
                money = item_currency[row]
                weight = item_weight[row]
                open_sum[money] += item_amount[row]
                if weight == WHOLE:
                    amount_sum[money] += item_amount[row]
                    amount_365_sum[money] += item_amount[row]
                if weight > 0:
                    open_count += 1
                if weight == WHOLE:
                    issued += 1
                    issued_90 += 1
                    issued_365 += 1
                    amount_count[money] += 1
                    amount_365_count[money] += 1
                    last_issued = issues[at_issue] >> _INDEX_BITS
                    if first_issued == NO_DAY:
                        first_issued = last_issued
                at_issue += 1
            while at_90 < at_issue and (issues[at_90] >> _INDEX_BITS) < t - _QUARTER:
                if item_weight[item_order[item_base + (issues[at_90] & _INDEX_MASK)]] == WHOLE:
                    issued_90 -= 1
                at_90 += 1
            while at_365 < at_issue and (issues[at_365] >> _INDEX_BITS) < t - _YEAR:
                row = item_order[item_base + (issues[at_365] & _INDEX_MASK)]
                if item_weight[row] == WHOLE:
                    amount_365_sum[item_currency[row]] -= item_amount[row]
                if item_weight[row] == WHOLE:
                    issued_365 -= 1
                    amount_365_count[item_currency[row]] -= 1
                at_365 += 1
            while at_due < due_count and (dues[at_due] >> _INDEX_BITS) < t:
                row = item_order[item_base + (dues[at_due] & _INDEX_MASK)]
                overdue_sum[item_currency[row]] += item_amount[row]
                if item_weight[row] > 0:
                    overdue_count += 1
                    late_open += 1
                    overdue_due_sum += item_due[row]
                at_due += 1
            while at_excuse < excuse_count and (excuses[at_excuse] >> _INDEX_BITS) < t:
                late_open -= 1
                at_excuse += 1
            while at_cover < cover_count and (covers[at_cover] >> _INDEX_BITS) < t:
                row = item_order[item_base + (covers[at_cover] & _INDEX_MASK)]
                until = np.int64(item_until[row])
                open_sum[item_currency[row]] -= item_amount[row]
                if item_weight[row] > 0:
                    open_count -= 1
                if until > item_due[row] and until > item_from[row]:
                    overdue_sum[item_currency[row]] -= item_amount[row]
                    if item_weight[row] > 0:
                        overdue_count -= 1
                        overdue_due_sum -= item_due[row]
                        if item_excused[row] >= until:
                            late_open -= 1
                at_cover += 1

            oldest_days = 0
            if overdue_count > 0:
                while at_oldest < due_count:
                    row = item_order[item_base + (oldest[at_oldest] & _INDEX_MASK)]
                    if item_until[row] >= t and item_weight[row] > 0:
                        break
                    at_oldest += 1
                k = at_oldest
                while k < due_count:
                    row = item_order[item_base + (oldest[k] & _INDEX_MASK)]
                    if item_from[row] < t and item_until[row] >= t and item_weight[row] > 0:
                        oldest_days = t - item_due[row]
                        break
                    k += 1

            # outcomes learned, taken back, and too old for a window
            while at_paid < p:
                key = paid[at_paid]
                if (key >> (2 * DAY_BITS + 1 + WITHDRAWAL_BITS)) >= t:
                    break
                delay = ((key >> (DAY_BITS + 1 + WITHDRAWAL_BITS)) & NEVER) - (
                    (key >> (1 + WITHDRAWAL_BITS)) & NEVER
                )
                for w in range(3):
                    add_outcome(totals, w, delay, (key >> WITHDRAWAL_BITS) & 1, 1)
                at_paid += 1
            while at_withdrawal < withdrawal_count and (withdrawals[at_withdrawal] >> _INDEX_BITS) < t:
                k = withdrawals[at_withdrawal] & _INDEX_MASK
                key = paid[k]
                delay = ((key >> (DAY_BITS + 1 + WITHDRAWAL_BITS)) & NEVER) - (
                    (key >> (1 + WITHDRAWAL_BITS)) & NEVER
                )
                for w in range(3):
                    if k >= edges[w]:
                        add_outcome(totals, w, delay, (key >> WITHDRAWAL_BITS) & 1, -1)
                at_withdrawal += 1
            for w in range(1, 3):
                while edges[w] < at_paid:
                    key = paid[edges[w]]
                    if (key >> (2 * DAY_BITS + 1 + WITHDRAWAL_BITS)) >= t - spans[w]:
                        break
                    slot = key & _WITHDRAWAL_MASK
                    if slot == 0 or withdrawn_at[slot] >= t:
                        delay = ((key >> (DAY_BITS + 1 + WITHDRAWAL_BITS)) & NEVER) - (
                            (key >> (1 + WITHDRAWAL_BITS)) & NEVER
                        )
                        add_outcome(totals, w, delay, (key >> WITHDRAWAL_BITS) & 1, -1)
                    edges[w] += 1

            # the latest settlements, newest first
            found = 0
            delay_sum = 0
            rank_delay_sum = 0
            three_sum = 0
            late_count = 0
            late_streak = 0
            prompt_streak = 0
            last_paid = NO_DAY
            last_late = NO_DAY
            weight_sum = 0.0
            weighted_sum = 0.0
            factor = 1.0
            last_delay = 0
            weekdays[:] = 0
            month_days[:] = 0
            k = at_paid - 1
            while k >= 0 and found < RECENT:
                key = paid[k]
                k -= 1
                slot = key & _WITHDRAWAL_MASK
                if (key >> WITHDRAWAL_BITS) & 1 or (slot > 0 and withdrawn_at[slot] < t):
                    continue
                day = (key >> (DAY_BITS + 1 + WITHDRAWAL_BITS)) & NEVER
                delay = day - ((key >> (1 + WITHDRAWAL_BITS)) & NEVER)
                known = key >> (2 * DAY_BITS + 1 + WITHDRAWAL_BITS)
                if found == 0:
                    last_paid = known
                    last_delay = delay
                if delay > 0:
                    late_count += 1
                    if last_late == NO_DAY:
                        last_late = known
                    if late_streak == found:
                        late_streak += 1
                elif prompt_streak == found:
                    prompt_streak += 1
                delay_sum += delay
                rank_delay_sum += found * delay
                if found < LATEST:
                    three_sum += delay
                weighted_sum += factor * delay
                weight_sum += factor
                factor *= DECAY
                weekdays[weekday_of[day]] += 1
                month_days[month_day_of[day]] += 1
                j = found - 1
                while j >= 0 and recent[j] > delay:
                    recent[j + 1] = recent[j]
                    j -= 1
                recent[j + 1] = delay
                found += 1
            weekday = 0
            for k in range(1, 7):
                if weekdays[k] > weekdays[weekday]:
                    weekday = k
            month_day = 1
            for k in range(2, 32):
                if month_days[k] > month_days[month_day]:
                    month_day = k

            money = moment_currency[row_m]
            if money < 0:
                money = 0
                for k in range(1, currency_count):
                    if amount_count[k] > amount_count[money]:
                        money = k

            o = moment_first + place - out_base
            state[0, o] = issued
            state[1, o] = issued_90
            state[2, o] = issued_365
            state[3, o] = first_issued
            state[4, o] = last_issued
            state[5, o] = amount_count[money]
            state[6, o] = amount_sum[money]
            state[7, o] = amount_365_count[money]
            state[8, o] = amount_365_sum[money]
            state[9, o] = open_count
            state[10, o] = open_sum[money]
            state[11, o] = overdue_count
            state[12, o] = overdue_sum[money]
            state[13, o] = overdue_count * t - overdue_due_sum
            state[14, o] = oldest_days
            state[15, o] = late_open
            for k in range(6):
                state[16 + k, o] = totals[0, k]
            state[22, o] = totals[1, 0]
            state[23, o] = totals[1, 1]
            state[24, o] = totals[1, 3]
            state[25, o] = totals[1, 5]
            state[26, o] = totals[2, 0]
            state[27, o] = totals[2, 1]
            state[28, o] = totals[2, 3]
            state[29, o] = totals[2, 5]
            state[30, o] = found
            state[31, o] = delay_sum
            state[32, o] = rank_delay_sum
            state[33, o] = three_sum
            state[34, o] = late_count
            state[35, o] = last_delay
            state[36, o] = recent[(found - 1) // 2] + recent[found // 2] if found > 0 else 0
            state[37, o] = recent[(4 * found + 4) // 5 - 1] if found > 0 else 0
            state[38, o] = late_streak
            state[39, o] = prompt_streak
            state[40, o] = last_paid
            state[41, o] = last_late
            state[42, o] = weekday
            state[43, o] = weekdays[weekday]
            state[44, o] = month_day
            state[45, o] = month_days[month_day]
            real_state[0, o] = weighted_sum / weight_sum if found > 0 else 0.0
