"""Reason groups: the plain words in which a prediction is explained.

Every feature belongs to exactly one group, and the contributions of a group's features are added
up. Belongs here: codes and their sentences. Does not belong here: features, contributions.
"""

from collections.abc import Mapping
from enum import StrEnum


class ReasonGroup(StrEnum):
    """What a reason is about."""

    PAST_LATENESS = "past_lateness"
    RECENT_LATENESS = "recent_lateness"
    TYPICAL_DELAY = "typical_delay"
    TREND = "trend"
    OPEN_OVERDUE_BOOK = "open_overdue_book"
    OWN_STATE = "own_state"
    AMOUNT_SIZE = "amount_size"
    TERMS = "terms"
    CALENDAR = "calendar"
    PAYMENT_HABITS = "payment_habits"
    DISPUTES_CREDITS = "disputes_credits"
    PROMISES_PLANS = "promises_plans"
    FAILED_DEBITS = "failed_debits"
    REMINDER_RESPONSE = "reminder_response"
    HISTORY_DEPTH = "history_depth"
    RELATION_LENGTH = "relation_length"


REASON_SENTENCES: Mapping[ReasonGroup, str] = {
    ReasonGroup.PAST_LATENESS: "How often earlier invoices were paid late, or are overdue now.",
    ReasonGroup.RECENT_LATENESS: "How the latest invoices were paid.",
    ReasonGroup.TYPICAL_DELAY: "How many days before or after the due date payment usually comes.",
    ReasonGroup.TREND: "Whether payment is becoming slower or faster.",
    ReasonGroup.OPEN_OVERDUE_BOOK: "What else is open or overdue on the account.",
    ReasonGroup.OWN_STATE: "How long this invoice has been open and what has been paid of it.",
    ReasonGroup.AMOUNT_SIZE: "How the amount compares with this customer's usual amounts.",
    ReasonGroup.TERMS: "How many days the customer has to pay, against what is usual.",
    ReasonGroup.CALENDAR: "On which weekday or part of the month the invoice falls due.",
    ReasonGroup.PAYMENT_HABITS: "On which days this customer usually pays, and in how many parts.",
    ReasonGroup.DISPUTES_CREDITS: "Disputes and credit notes on the account.",
    ReasonGroup.PROMISES_PLANS: "Promises to pay and payment plans, kept or broken.",
    ReasonGroup.FAILED_DEBITS: "Payments that were taken back, such as failed direct debits.",
    ReasonGroup.REMINDER_RESPONSE: "Reminders sent so far, and whether payment followed.",
    ReasonGroup.HISTORY_DEPTH: "How much is known about this customer.",
    ReasonGroup.RELATION_LENGTH: "How long the customer has been invoiced, and how recently.",
}
"""One sentence for each group."""
