"""What the sweep knows about a customer at a moment: names that formulas of features may use.

Belongs here: names and meanings of the state columns, and the layout of the records that the sweep
reads. Does not belong here: their computation (``sweep`` for the book and its outcomes, ``tallies``
for everything else on the account), features.

Amounts are in thousandths of the moment's currency: the invoice's own or, for a customer, the one
with most invoices so far. Days are counted from a base day of no meaning, so only their differences are
the same whatever else the ledger holds; ``moment_day`` is the moment itself.
``same_weekday`` and ``same_terms`` count instalments that fell due on the weekday of the moment's own
due date, or had its terms; they are nil for a moment without a due date.
"""

from typing import Final

import numpy as np

DAY_BITS: Final = 16
NEVER: Final = (1 << DAY_BITS) - 1
"""A day that has not come; days are counted from a base, so one ledger may span 179 years."""

NO_DAY: Final = -1
"""A day that never was: no invoice, payment or late payment so far."""

NO_CURRENCY: Final = -1
"""Currency of a moment that asks for the customer's most frequent one."""

RECENT: Final = 12
"""How many of the latest settlements the last-k features look at."""

DECAY: Final = 0.75
"""Weight of a settlement in the moving average, relative to the next newer one."""

LATEST: Final = 3
"""How many of the very latest settlements the shortest mean looks at."""

LONGEST_TERMS: Final = 255
"""Terms of this many days and more count as the same, and so do terms of nil and less."""

WHOLE: Final = 2
"""Weight of the part of the book that stands for its instalment."""

AGREED: Final = 3
"""Weight of an instalment that took the place of the whole: owed from then on, and issued with the whole."""

REOPENED: Final = 1
"""Weight of a part that stands for an instalment which was covered and is owed again."""

PART: Final = 0
"""Weight of a part that only carries an amount."""

ITEM: Final = np.dtype(
    [
        ("amount", np.int64),
        ("since", np.uint16),
        ("due", np.uint16),
        ("until", np.uint16),
        ("excused", np.uint16),
        ("terms", np.uint16),
        ("currency", np.uint16),
        ("weight", np.uint8),
    ],
    align=True,
)
"""A part of the book. ``since``: day from which it is owed and known; ``until``: day on which its cover
was known; ``excused``: day on which lateness was known to be the supplier's doing; ``amount`` in
thousandths."""

OUTCOME: Final = np.dtype(
    [
        ("known", np.uint16),
        ("until", np.uint16),
        ("paid", np.uint16),
        ("due", np.uint16),
        ("terms", np.uint16),
        ("is_written_off", np.uint8),
    ],
    align=True,
)
"""What became of an instalment, and from when (``known``) to when (``until``) that was believed."""

MOMENT: Final = np.dtype(
    [
        ("row", np.uint32),
        ("day", np.uint16),
        ("due", np.uint16),
        ("terms", np.uint16),
        ("currency", np.int16),
    ],
    align=True,
)
"""A moment to look from; ``due`` is ``NEVER`` where it is about no instalment."""

STATE: Final = (
    "issued_count",
    "issued_90_count",
    "issued_365_count",
    "first_issued_day",
    "last_issued_day",
    "amount_count",
    "amount_sum",
    "amount_365_count",
    "amount_365_sum",
    "open_sum",
    "overdue_sum",
    "open_count",
    "overdue_count",
    "overdue_days_sum",
    "oldest_overdue_days",
    "late_open_count",
    "paid_count",
    "paid_late_count",
    "written_off_count",
    "delay_sum",
    "paid_late_30_count",
    "delay_square_sum",
    "paid_365_count",
    "paid_365_late_count",
    "written_off_365_count",
    "delay_365_sum",
    "paid_90_count",
    "paid_90_late_count",
    "written_off_90_count",
    "delay_90_sum",
    "same_weekday_count",
    "same_weekday_late_count",
    "same_terms_count",
    "same_terms_late_count",
    "recent_count",
    "recent_delay_sum",
    "recent_rank_delay_sum",
    "recent_3_delay_sum",
    "recent_late_count",
    "last_delay_days",
    "recent_middle_sum",
    "recent_p80_days",
    "late_streak",
    "prompt_streak",
    "last_paid_day",
    "last_late_day",
    "pay_weekday",
    "pay_weekday_count",
    "pay_month_day",
    "pay_month_day_count",
)
"""Names of the whole-number state columns, in the order of the rows of ``state``."""

REAL_STATE: Final = ("ewma_delay_days",)
"""Names of the state columns with a fraction."""


OWN: Final = (
    "moment_day",
    "issue_day",
    "due_day",
    "due_weekday",
    "due_month_day",
    "due_month_length",
    "own_amount",
    "own_open_amount",
    "own_reminder_count",
    "own_reminder_last_day",
    "own_dispute_count",
    "own_promise_count",
)
"""Names of the columns about the moment and the instalment itself."""
