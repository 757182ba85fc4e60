"""What became of a customer's instalments, event by event: learned, taken back, too old for a window.

Belongs here: sums over outcomes, and the latest settlements. Does not belong here: the open book
(``sweep_book``), the order in which customers are taken (``sweep``).
"""

from typing import Final

import numpy as np

from segmentation.domain.compilation import compiled_within
from segmentation.features.sorting import PLACE, PLACE_BITS, signed, sort_keys, sort_pairs
from segmentation.features.state import DAY_BITS, DECAY, LATEST, NEVER, NO_DAY, RECENT, STATE
from segmentation.features.sweep_book import KNOWN_SO, LATE_SO
from segmentation.features.sweep_types import (
    Record,
    Records,
)

_SPANS: Final = (NEVER, 365, 90)
WINDOWS: Final = len(_SPANS)
"""All of the past, a year, a quarter."""

_MONTH: Final = 30

AT_PAID, _AT_WITHDRAWAL = range(2)
OUTCOME_PLACES: Final = 2
"""How far the queues of outcomes and of withdrawals were gone through."""

_PAID, _LATE, _WRITTEN_OFF, _DELAY, _LATE_30, _DELAY_SQUARE = range(6)
OUTCOME_SUMS: Final = 6
"""Sums over outcomes, in the order of the state columns from ``paid_count`` on."""

WINDOW_SUMS: Final = 4
"""How many of them the state has for a window."""

_RECENT_COUNT: Final = STATE.index("recent_count")
_RECENT_DELAY: Final = STATE.index("recent_delay_sum")
_RECENT_RANK: Final = STATE.index("recent_rank_delay_sum")
_RECENT_3: Final = STATE.index("recent_3_delay_sum")
_RECENT_LATE: Final = STATE.index("recent_late_count")
_LAST_DELAY: Final = STATE.index("last_delay_days")
_MIDDLE: Final = STATE.index("recent_middle_sum")
_P80: Final = STATE.index("recent_p80_days")
_LATE_STREAK: Final = STATE.index("late_streak")
_PROMPT_STREAK: Final = STATE.index("prompt_streak")
_LAST_PAID: Final = STATE.index("last_paid_day")
_LAST_LATE: Final = STATE.index("last_late_day")
_PAY_WEEKDAY: Final = STATE.index("pay_weekday")
_PAY_MONTH_DAY: Final = STATE.index("pay_month_day")


@compiled_within
def queue_outcomes(outcomes: Records, keys: np.ndarray, places: np.ndarray, withdrawals: np.ndarray) -> int:
    """Put the outcomes in order of known day, value date and due date; queue those that are withdrawn.

    ``places`` says which outcome is at each place of that order. Returns how many are withdrawn.
    """
    count = outcomes.size
    for i in range(count):
        outcome = outcomes[i]
        keys[i] = (
            (signed(outcome.known) << (2 * DAY_BITS))
            | (signed(outcome.paid) << DAY_BITS)
            | signed(outcome.due)
        )
        places[i] = i
    sort_pairs(keys, places, count)
    withdrawn = 0
    for k in range(count):
        until = signed(outcomes[places[k]].until)
        if until < NEVER:
            withdrawals[withdrawn] = (until << PLACE_BITS) | k
            withdrawn += 1
    sort_keys(withdrawals, withdrawn)
    return withdrawn


@compiled_within
def add_outcome(totals: np.ndarray, window: int, outcome: Record, sign: int) -> None:
    """Add (sign 1) or take back (sign −1) one outcome in the sums of a window."""
    if outcome.is_written_off:
        totals[window, _WRITTEN_OFF] += sign
        return
    delay = signed(outcome.paid) - signed(outcome.due)
    totals[window, _PAID] += sign
    if delay > 0:
        totals[window, _LATE] += sign
    if delay > _MONTH:
        totals[window, _LATE_30] += sign
    totals[window, _DELAY] += sign * delay
    totals[window, _DELAY_SQUARE] += sign * delay * delay


@compiled_within
def count_outcome(
    outcome: Record,
    sign: int,
    totals: np.ndarray,
    by_weekday: np.ndarray,
    by_terms: np.ndarray,
    weekday_of: np.ndarray,
) -> None:
    """Add (sign 1) or take back (sign −1) one outcome in the sums over all of the past."""
    add_outcome(totals, 0, outcome, sign)
    weekday = weekday_of[outcome.due]
    by_weekday[KNOWN_SO, weekday] += sign
    by_terms[KNOWN_SO, outcome.terms] += sign
    if outcome.is_written_off or outcome.paid > outcome.due:
        by_weekday[LATE_SO, weekday] += sign
        by_terms[LATE_SO, outcome.terms] += sign


@compiled_within
def advance_outcomes(
    t: int,
    outcomes: Records,
    places: np.ndarray,
    withdrawals: np.ndarray,
    withdrawn: int,
    at: np.ndarray,
    edges: np.ndarray,
    totals: np.ndarray,
    by_weekday: np.ndarray,
    by_terms: np.ndarray,
    weekday_of: np.ndarray,
) -> bool:
    """Bring the outcomes to moment t: learned, taken back, too old for a window.

    Returns whether anything was learned or taken back since the moment before.
    """
    k = at[AT_PAID]
    while k < outcomes.size and outcomes[places[k]].known < t:
        outcome = outcomes[places[k]]
        count_outcome(outcome, 1, totals, by_weekday, by_terms, weekday_of)
        for w in range(1, WINDOWS):
            add_outcome(totals, w, outcome, 1)
        k += 1
    learned = k - at[AT_PAID]
    at[AT_PAID] = k

    k = at[_AT_WITHDRAWAL]
    while k < withdrawn and (withdrawals[k] >> PLACE_BITS) < t:
        place = withdrawals[k] & PLACE
        outcome = outcomes[places[place]]
        count_outcome(outcome, -1, totals, by_weekday, by_terms, weekday_of)
        for w in range(1, WINDOWS):
            if place >= edges[w]:
                add_outcome(totals, w, outcome, -1)
        k += 1
    taken_back = k - at[_AT_WITHDRAWAL]
    at[_AT_WITHDRAWAL] = k

    for w in range(1, WINDOWS):
        since = t - _SPANS[w]
        k = edges[w]
        while k < at[AT_PAID] and outcomes[places[k]].known < since:
            if outcomes[places[k]].until >= t:
                add_outcome(totals, w, outcomes[places[k]], -1)
            k += 1
        edges[w] = k
    return bool(learned + taken_back > 0)


@compiled_within
def count_streaks(now: np.ndarray, found: int, delay: int, known: int) -> None:
    """Count in ``now`` one more settlement, of which ``found`` newer ones were counted before."""
    if found == 0:
        now[_LAST_PAID] = known
        now[_LAST_DELAY] = delay
    if delay > 0:
        now[_RECENT_LATE] += 1
        if now[_LAST_LATE] == NO_DAY:
            now[_LAST_LATE] = known
        if now[_LATE_STREAK] == found:
            now[_LATE_STREAK] += 1
    elif now[_PROMPT_STREAK] == found:
        now[_PROMPT_STREAK] += 1


@compiled_within
def describe_habits(now: np.ndarray, weekdays: np.ndarray, month_days: np.ndarray) -> None:
    """Describe in ``now`` on which weekday and day of the month most payments came; the first of equals."""
    weekday = np.argmax(weekdays)
    month_day = 1 + np.argmax(month_days[1:])
    now[_PAY_WEEKDAY] = weekday
    now[_PAY_WEEKDAY + 1] = weekdays[weekday]
    now[_PAY_MONTH_DAY] = month_day
    now[_PAY_MONTH_DAY + 1] = month_days[month_day]


@compiled_within
def look_back(
    t: int,
    outcomes: Records,
    places: np.ndarray,
    known: int,
    now: np.ndarray,
    recent: np.ndarray,
    weekdays: np.ndarray,
    month_days: np.ndarray,
    weekday_of: np.ndarray,
    month_day_of: np.ndarray,
) -> float:
    """Describe in ``now`` the latest settlements in force at t, of ``known`` outcomes learned before it.

    Returns their average delay with falling weights; nil when there are none.
    """
    now[_RECENT_COUNT : _LAST_LATE + 1] = 0
    now[_LAST_PAID] = NO_DAY
    now[_LAST_LATE] = NO_DAY
    weekdays[:] = 0
    month_days[:] = 0
    found = 0
    weight_sum = 0.0
    weighted_sum = 0.0
    factor = 1.0
    k = known - 1
    while k >= 0 and found < RECENT:
        outcome = outcomes[places[k]]
        k -= 1
        if outcome.is_written_off or outcome.until < t:
            continue
        delay = signed(outcome.paid) - signed(outcome.due)
        count_streaks(now, found, delay, outcome.known)
        now[_RECENT_DELAY] += delay
        now[_RECENT_RANK] += found * delay
        if found < LATEST:
            now[_RECENT_3] += delay
        weighted_sum += factor * delay
        weight_sum += factor
        factor *= DECAY
        weekdays[weekday_of[outcome.paid]] += 1
        month_days[month_day_of[outcome.paid]] += 1
        j = found - 1
        while j >= 0 and recent[j] > delay:
            recent[j + 1] = recent[j]
            j -= 1
        recent[j + 1] = delay
        found += 1
    now[_RECENT_COUNT] = found
    if found > 0:
        now[_MIDDLE] = recent[(found - 1) // 2] + recent[found // 2]
        now[_P80] = recent[(4 * found + 4) // 5 - 1]
    describe_habits(now, weekdays, month_days)
    return weighted_sum / weight_sum if found > 0 else 0.0
