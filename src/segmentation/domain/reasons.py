"""Reasons behind a risk score: codes, and the plain words for each.

A code is a group and a direction: ``past_lateness_up`` raised the probability of being late above that
of an average instalment, ``past_lateness_down`` lowered it. Belongs here: words. Does not belong here:
which feature belongs to which group (features), how much a group weighs (risk).
"""

from collections.abc import Mapping

UP, DOWN = "up", "down"

BASE = "base"
"""Code of the starting point to which contributions add: the log-odds of an average instalment."""

STILL_OPEN = "still_open"
"""Group of what is learned from the invoice being unpaid so far."""

_WORDS: Mapping[str, tuple[str, str]] = {
    "past_lateness": (
        "Earlier invoices were often paid late, or are overdue now.",
        "Earlier invoices were mostly paid on time.",
    ),
    "recent_lateness": ("The latest invoices were paid late.", "The latest invoices were paid on time."),
    "typical_delay": (
        "This customer usually pays some days after the due date.",
        "This customer usually pays on or before the due date.",
    ),
    "trend": ("Payment is becoming slower.", "Payment is not becoming slower."),
    "open_overdue_book": (
        "Other invoices on the account are open or overdue.",
        "Little else on the account is open or overdue.",
    ),
    "own_state": (
        "The state of this invoice points to a later payment.",
        "The state of this invoice points to a timely payment.",
    ),
    "amount_size": (
        "Invoices of this size tend to be paid later.",
        "Invoices of this size tend to be paid on time.",
    ),
    "terms": (
        "With these payment terms, invoices tend to be paid late.",
        "With these payment terms, invoices tend to be paid on time.",
    ),
    "calendar": (
        "Invoices due on such a day of the week or month tend to be paid late.",
        "Invoices due on such a day of the week or month tend to be paid on time.",
    ),
    "payment_habits": (
        "The days on which this customer usually pays fall after the due date.",
        "The days on which this customer usually pays suit the due date.",
    ),
    "disputes_credits": (
        "There are disputes or credit notes on the account.",
        "Disputes and credit notes do not stand in the way of payment.",
    ),
    "promises_plans": (
        "Promises to pay or payment plans point to a later payment.",
        "Promises to pay or payment plans have been kept.",
    ),
    "failed_debits": (
        "Earlier payments were taken back, such as failed direct debits.",
        "Earlier payments were not taken back.",
    ),
    "reminder_response": (
        "Reminders were needed before, and payment did not always follow.",
        "Few reminders were needed, or payment followed them.",
    ),
    "history_depth": (
        "With this much known about a customer, invoices tend to be paid later.",
        "With this much known about a customer, invoices tend to be paid on time.",
    ),
    "relation_length": (
        "Customers with so long or so recent a relation tend to pay later.",
        "Customers with so long or so recent a relation tend to pay on time.",
    ),
    STILL_OPEN: (
        "It is still unpaid although it could have been paid by now.",
        "It is unpaid, but so early that this says little.",
    ),
}

REASON_SENTENCES: Mapping[str, str] = {
    f"{group}_{direction}": sentence
    for group, pair in _WORDS.items()
    for direction, sentence in zip((UP, DOWN), pair, strict=True)
}
"""One plain sentence for every reason code."""
