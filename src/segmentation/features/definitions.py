"""One definition of every feature: computation, documentation and reason groups come from here.

To add a feature, add one ``Feature`` to ``FEATURES``: a name that ends in its unit and a formula
over the columns in ``state`` and of the tallies. Nothing else changes: the tables, their
documentation and the explanations follow. A new kind of dated fact is one ``Tally``.

Belongs here: what a feature means. Does not belong here: the sweep, the reading of the ledger.

Known at moment t is what was observed strictly before t, the *start of the day* t. An instalment
that is overdue and unpaid at t is already known to be late and counts as late. Instalments whose
lateness was known by then to be the supplier's doing are left out of all lateness features.
"""

import math
from collections.abc import Iterable

import polars as pl

from segmentation.domain.columns import date, identifier, integer, key_
from segmentation.domain.schema import Column, Role, Table
from segmentation.features.feature import Feature, Scope, Unit, Window
from segmentation.features.reasons import ReasonGroup
from segmentation.features.state import LATEST, NO_DAY

PRIOR_LATE_SHARE = 0.3
PRIOR_WEIGHT = 2.0


NEVER_NULL = "never null"
NO_PAYMENT = "null before the first known payment"
NO_INVOICE = "null before the first known invoice"
NO_AMOUNT = "null before the first known invoice in its currency, and when their mean is nil"
NOT_RECORDED = "null before the ledger's first record of the kind"


def _c(name: str) -> pl.Expr:
    return pl.col(name)


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Part of a whole; null where the whole is nil."""
    return pl.when(whole > 0).then(part / whole)


def _smoothed(late: pl.Expr, known: pl.Expr, prior: float = PRIOR_LATE_SHARE) -> pl.Expr:
    """Share that starts at the prior and moves with the evidence."""
    return (late + prior * PRIOR_WEIGHT) / (known + PRIOR_WEIGHT)


def _age(day: str) -> pl.Expr:
    """Days since a day; null where it never was."""
    return pl.when(_c(day) > NO_DAY).then(_c("moment_day") - _c(day))


def _if_paid(value: pl.Expr) -> pl.Expr:
    return pl.when(_c("recent_count") > 0).then(value)


def _cycle(value: pl.Expr, period: pl.Expr) -> pl.Expr:
    return value * (2 * math.pi) / period


_LATE = _c("paid_late_count") + _c("written_off_count") + _c("late_open_count")
_KNOWN = _c("paid_count") + _c("written_off_count") + _c("late_open_count")
_MEAN_AMOUNT = _ratio(_c("amount_sum"), _c("amount_count"))
_MEAN_DELAY = _ratio(_c("delay_sum"), _c("paid_count"))
_N = _c("recent_count")
# ranks 0 .. n−1 run from the newest to the oldest, so the slope over time is minus the slope over rank
_RANK_SUM = _N * (_N - 1) // 2
_RANK_SQUARES = _N * (_N - 1) * (2 * _N - 1) // 6
_SLOPE = -(_N * _c("recent_rank_delay_sum") - _RANK_SUM * _c("recent_delay_sum")) / (
    _N * _RANK_SQUARES - _RANK_SUM * _RANK_SUM
)

G = ReasonGroup
W = Window

FEATURES: tuple[Feature, ...] = (
    # how often late
    Feature(
        "late_share",
        Unit.SHARE,
        W.ALL,
        NEVER_NULL,
        _smoothed(_LATE, _KNOWN),
        G.PAST_LATENESS,
        "invoices paid late, written off or overdue now, of those whose lateness is known; smoothed towards 0.3",
    ),
    Feature(
        "late_365_share",
        Unit.SHARE,
        W.YEAR,
        NEVER_NULL,
        _smoothed(
            _c("paid_365_late_count") + _c("written_off_365_count") + _c("late_open_count"),
            _c("paid_365_count") + _c("written_off_365_count") + _c("late_open_count"),
        ),
        G.PAST_LATENESS,
        "late or written off, of settlements learned in the last 365 days, with what is overdue now; smoothed towards 0.3",
    ),
    Feature(
        "late_90_share",
        Unit.SHARE,
        W.QUARTER,
        NEVER_NULL,
        _smoothed(
            _c("paid_90_late_count") + _c("written_off_90_count") + _c("late_open_count"),
            _c("paid_90_count") + _c("written_off_90_count") + _c("late_open_count"),
        ),
        G.RECENT_LATENESS,
        "late or written off, of settlements learned in the last 90 days, with what is overdue now; smoothed towards 0.3",
    ),
    Feature(
        "late_30_days_share",
        Unit.SHARE,
        W.ALL,
        NEVER_NULL,
        _smoothed(_c("paid_late_30_count"), _c("paid_count"), 0.05),
        G.PAST_LATENESS,
        "invoices paid more than 30 days late, of those paid; smoothed towards 0.05",
    ),
    Feature(
        "same_weekday_late_share",
        Unit.SHARE,
        W.ALL,
        NEVER_NULL,
        _smoothed(_c("same_weekday_late_count"), _c("same_weekday_count")),
        G.PAST_LATENESS,
        "late, written off or overdue now, of the instalments that fell due on the same weekday; smoothed towards 0.3",
        Scope.INSTALMENT,
    ),
    Feature(
        "same_terms_late_share",
        Unit.SHARE,
        W.ALL,
        NEVER_NULL,
        _smoothed(_c("same_terms_late_count"), _c("same_terms_count")),
        G.PAST_LATENESS,
        "late, written off or overdue now, of the instalments with the same terms; smoothed towards 0.3",
        Scope.INSTALMENT,
    ),
    # the latest settlements
    Feature(
        "recent_late_share",
        Unit.SHARE,
        W.RECENT,
        NO_PAYMENT,
        _ratio(_c("recent_late_count"), _N),
        G.RECENT_LATENESS,
        "paid late, of the latest settlements",
    ),
    Feature(
        "late_streak_count",
        Unit.COUNT,
        W.RECENT,
        NEVER_NULL,
        _c("late_streak"),
        G.RECENT_LATENESS,
        "settlements in a row, up to the latest, that were late",
    ),
    Feature(
        "prompt_streak_count",
        Unit.COUNT,
        W.RECENT,
        NEVER_NULL,
        _c("prompt_streak"),
        G.RECENT_LATENESS,
        "settlements in a row, up to the latest, that were on time",
    ),
    Feature(
        "last_delay_days",
        Unit.DAYS,
        W.RECENT,
        NO_PAYMENT,
        _if_paid(_c("last_delay_days")),
        G.RECENT_LATENESS,
        "days beyond terms of the latest settlement; negative when early",
    ),
    Feature(
        "last_3_delay_days",
        Unit.DAYS,
        W.LAST_3,
        NO_PAYMENT,
        _ratio(_c("recent_3_delay_sum"), pl.min_horizontal(_N, pl.lit(LATEST, pl.Int64))),
        G.RECENT_LATENESS,
        "mean days beyond terms of the latest three settlements",
    ),
    Feature(
        "since_last_late_days",
        Unit.DAYS,
        W.RECENT,
        "null when none of the last settlements was late",
        _age("last_late_day"),
        G.RECENT_LATENESS,
        "days since the latest late settlement was learned",
    ),
    # how late
    Feature(
        "mean_delay_days",
        Unit.DAYS,
        W.ALL,
        NO_PAYMENT,
        _MEAN_DELAY,
        G.TYPICAL_DELAY,
        "mean days beyond terms; negative when usually early",
    ),
    Feature(
        "mean_delay_365_days",
        Unit.DAYS,
        W.YEAR,
        "null without a payment in the window",
        _ratio(_c("delay_365_sum"), _c("paid_365_count")),
        G.TYPICAL_DELAY,
        "mean days beyond terms of payments learned in the last 365 days",
    ),
    Feature(
        "mean_delay_90_days",
        Unit.DAYS,
        W.QUARTER,
        "null without a payment in the window",
        _ratio(_c("delay_90_sum"), _c("paid_90_count")),
        G.TYPICAL_DELAY,
        "mean days beyond terms of payments learned in the last 90 days",
    ),
    Feature(
        "median_delay_days",
        Unit.DAYS,
        W.RECENT,
        NO_PAYMENT,
        _if_paid(_c("recent_middle_sum") / 2),
        G.TYPICAL_DELAY,
        "median days beyond terms",
    ),
    Feature(
        "p80_delay_days",
        Unit.DAYS,
        W.RECENT,
        NO_PAYMENT,
        _if_paid(_c("recent_p80_days")),
        G.TYPICAL_DELAY,
        "days beyond terms that four in five settlements did not exceed (nearest rank)",
    ),
    Feature(
        "ewma_delay_days",
        Unit.DAYS,
        W.RECENT,
        NO_PAYMENT,
        _if_paid(_c("ewma_delay_days")),
        G.TYPICAL_DELAY,
        "days beyond terms, averaged with weights that fall by a quarter from each settlement to the one before",
    ),
    Feature(
        "spread_delay_days",
        Unit.DAYS,
        W.ALL,
        "null before the second known payment",
        pl.when(_c("paid_count") > 1).then(
            (
                (_c("paid_count") * _c("delay_square_sum") - _c("delay_sum") * _c("delay_sum"))
                / (_c("paid_count") * (_c("paid_count") - 1))
            ).sqrt()
        ),
        G.TYPICAL_DELAY,
        "standard deviation of days beyond terms",
    ),
    # slower or faster
    Feature(
        "trend_delay_days",
        Unit.DAYS,
        W.RECENT,
        "null before the fourth known payment",
        pl.when(_N > 3).then(_SLOPE),  # noqa: PLR2004
        G.TREND,
        "change of days beyond terms from one settlement to the next, by least squares; positive when slowing",
    ),
    Feature(
        "shift_delay_days",
        Unit.DAYS,
        W.QUARTER,
        "null without a payment in the window",
        _ratio(_c("delay_90_sum"), _c("paid_90_count")) - _MEAN_DELAY,
        G.TREND,
        "mean days beyond terms of the last 90 days less that of all the past",
    ),
    # the book
    Feature(
        "open_count",
        Unit.COUNT,
        W.NOW,
        NEVER_NULL,
        _c("open_count"),
        G.OPEN_OVERDUE_BOOK,
        "instalments open on the account",
    ),
    Feature(
        "overdue_count",
        Unit.COUNT,
        W.NOW,
        NEVER_NULL,
        _c("overdue_count"),
        G.OPEN_OVERDUE_BOOK,
        "instalments open beyond their due date",
    ),
    Feature(
        "open_amount_ratio",
        Unit.RATIO,
        W.NOW,
        NO_AMOUNT,
        _ratio(_c("open_sum"), _MEAN_AMOUNT),
        G.OPEN_OVERDUE_BOOK,
        "amount open, in multiples of the customer's mean amount",
    ),
    Feature(
        "overdue_amount_ratio",
        Unit.RATIO,
        W.NOW,
        NO_AMOUNT,
        _ratio(_c("overdue_sum"), _MEAN_AMOUNT),
        G.OPEN_OVERDUE_BOOK,
        "amount overdue, in multiples of the customer's mean amount",
    ),
    Feature(
        "overdue_amount_share",
        Unit.SHARE,
        W.NOW,
        "null when nothing is open in the currency",
        _ratio(_c("overdue_sum"), _c("open_sum")),
        G.OPEN_OVERDUE_BOOK,
        "amount overdue, of the amount open",
    ),
    Feature(
        "oldest_overdue_days",
        Unit.DAYS,
        W.NOW,
        "nil when nothing is overdue",
        _c("oldest_overdue_days"),
        G.OPEN_OVERDUE_BOOK,
        "days beyond terms of the oldest overdue instalment",
    ),
    Feature(
        "mean_overdue_days",
        Unit.DAYS,
        W.NOW,
        "null when nothing is overdue",
        _ratio(_c("overdue_days_sum"), _c("overdue_count")),
        G.OPEN_OVERDUE_BOOK,
        "mean days beyond terms of the overdue instalments",
    ),
    # habits
    Feature(
        "pay_weekday_share",
        Unit.SHARE,
        W.RECENT,
        NO_PAYMENT,
        _ratio(_c("pay_weekday_count"), _N),
        G.PAYMENT_HABITS,
        "settlements on the most frequent weekday: near 1 for a weekly pay-run",
    ),
    Feature(
        "pay_month_day_share",
        Unit.SHARE,
        W.RECENT,
        NO_PAYMENT,
        _ratio(_c("pay_month_day_count"), _N),
        G.PAYMENT_HABITS,
        "settlements on the most frequent day of the month: near 1 for a monthly pay-run",
    ),
    Feature(
        "due_to_pay_weekday_days",
        Unit.DAYS,
        W.RECENT,
        NO_PAYMENT,
        _if_paid((_c("pay_weekday") - _c("due_weekday") + 7) % 7),
        G.PAYMENT_HABITS,
        "days from the due date to the next usual weekday of payment",
        Scope.INSTALMENT,
    ),
    Feature(
        "due_to_pay_month_day_days",
        Unit.DAYS,
        W.RECENT,
        NO_PAYMENT,
        _if_paid((_c("pay_month_day") - _c("due_month_day") + 31) % 31),
        G.PAYMENT_HABITS,
        "days from the due date to the next usual day of the month of payment, a month taken as 31 days",
        Scope.INSTALMENT,
    ),
    Feature(
        "partial_payment_365_count",
        Unit.COUNT,
        W.YEAR,
        NOT_RECORDED,
        _c("partial_payment_365_count"),
        G.PAYMENT_HABITS,
        "payments that left an instalment open",
    ),
    # disputes, credits, promises, plans, debits
    Feature(
        "dispute_365_count",
        Unit.COUNT,
        W.YEAR,
        NOT_RECORDED,
        _c("dispute_365_count"),
        G.DISPUTES_CREDITS,
        "disputes raised",
    ),
    Feature(
        "open_dispute_count",
        Unit.COUNT,
        W.NOW,
        NOT_RECORDED,
        _c("open_dispute_count"),
        G.DISPUTES_CREDITS,
        "disputes open on the account",
    ),
    Feature(
        "credit_note_365_count",
        Unit.COUNT,
        W.YEAR,
        NOT_RECORDED,
        _c("credit_note_365_count"),
        G.DISPUTES_CREDITS,
        "credit notes issued",
    ),
    Feature(
        "promise_365_count",
        Unit.COUNT,
        W.YEAR,
        NOT_RECORDED,
        _c("promise_365_count"),
        G.PROMISES_PLANS,
        "promises to pay made",
    ),
    Feature(
        "open_promise_count",
        Unit.COUNT,
        W.NOW,
        NOT_RECORDED,
        _c("open_promise_count"),
        G.PROMISES_PLANS,
        "promises to pay that are neither kept nor broken yet",
    ),
    Feature(
        "kept_promise_share",
        Unit.SHARE,
        W.ALL,
        NOT_RECORDED,
        (_c("kept_promise_count") + 1) / (_c("kept_promise_count") + _c("broken_promise_count") + 2),
        G.PROMISES_PLANS,
        "promises kept, of those kept or broken; smoothed towards one half",
    ),
    Feature(
        "running_plan_count",
        Unit.COUNT,
        W.NOW,
        NOT_RECORDED,
        _c("running_plan_count"),
        G.PROMISES_PLANS,
        "payment plans that run",
    ),
    Feature(
        "broken_plan_count",
        Unit.COUNT,
        W.ALL,
        NOT_RECORDED,
        _c("broken_plan_count"),
        G.PROMISES_PLANS,
        "payment plans broken",
    ),
    Feature(
        "failed_debit_365_count",
        Unit.COUNT,
        W.YEAR,
        NOT_RECORDED,
        _c("failed_debit_365_count"),
        G.FAILED_DEBITS,
        "payments taken back",
    ),
    Feature(
        "since_failed_debit_days",
        Unit.DAYS,
        W.ALL,
        "null when none was taken back",
        _age("failed_debit_last_day"),
        G.FAILED_DEBITS,
        "days since the latest payment was taken back",
    ),
    # reminders
    Feature(
        "reminder_365_count",
        Unit.COUNT,
        W.YEAR,
        NOT_RECORDED,
        _c("reminder_365_count"),
        G.REMINDER_RESPONSE,
        "reminders sent",
    ),
    Feature(
        "since_reminder_days",
        Unit.DAYS,
        W.ALL,
        "null when none was sent",
        _age("reminder_last_day"),
        G.REMINDER_RESPONSE,
        "days since the latest reminder",
    ),
    Feature(
        "answered_reminder_share",
        Unit.SHARE,
        W.ALL,
        NOT_RECORDED,
        (_c("answered_reminder_count") + 1)
        / (_c("answered_reminder_count") + _c("lapsed_reminder_count") + 2),
        G.REMINDER_RESPONSE,
        "instalments paid within 14 days after a reminder, of those whose answer is known; smoothed towards one half",
    ),
    Feature(
        "reply_365_count",
        Unit.COUNT,
        W.YEAR,
        NOT_RECORDED,
        _c("reply_365_count"),
        G.REMINDER_RESPONSE,
        "contacts that the customer answered",
    ),
    # how much is known, and for how long
    Feature(
        "issued_count",
        Unit.COUNT,
        W.ALL,
        NEVER_NULL,
        _c("issued_count"),
        G.HISTORY_DEPTH,
        "instalments issued so far",
    ),
    Feature(
        "outcome_count",
        Unit.COUNT,
        W.ALL,
        NEVER_NULL,
        _KNOWN,
        G.HISTORY_DEPTH,
        "instalments whose lateness is known",
    ),
    Feature(
        "issued_90_count",
        Unit.COUNT,
        W.QUARTER,
        NEVER_NULL,
        _c("issued_90_count"),
        G.HISTORY_DEPTH,
        "instalments issued in the last 90 days",
    ),
    Feature(
        "issued_365_count",
        Unit.COUNT,
        W.YEAR,
        NEVER_NULL,
        _c("issued_365_count"),
        G.HISTORY_DEPTH,
        "instalments issued in the last 365 days",
    ),
    Feature(
        "relation_days",
        Unit.DAYS,
        W.ALL,
        NO_INVOICE,
        _age("first_issued_day"),
        G.RELATION_LENGTH,
        "days since the first invoice",
    ),
    Feature(
        "since_invoice_days",
        Unit.DAYS,
        W.ALL,
        NO_INVOICE,
        _age("last_issued_day"),
        G.RELATION_LENGTH,
        "days since the latest earlier invoice",
    ),
    Feature(
        "since_payment_days",
        Unit.DAYS,
        W.ALL,
        NO_PAYMENT,
        _age("last_paid_day"),
        G.RELATION_LENGTH,
        "days since the latest settlement was learned",
    ),
    # the instalment itself
    Feature(
        "amount_log10",
        Unit.LOG10,
        W.NOW,
        "null when the amount is not above nil",
        pl.when(_c("own_amount") > 0).then((_c("own_amount") / 1000).log10()),
        G.AMOUNT_SIZE,
        "order of magnitude of the amount, in its currency",
        Scope.INSTALMENT,
    ),
    Feature(
        "amount_ratio",
        Unit.RATIO,
        W.ALL,
        NO_AMOUNT,
        _ratio(_c("own_amount"), _MEAN_AMOUNT),
        G.AMOUNT_SIZE,
        "amount, in multiples of the customer's mean amount",
        Scope.INSTALMENT,
    ),
    Feature(
        "amount_365_ratio",
        Unit.RATIO,
        W.YEAR,
        "null without an invoice in the window",
        _ratio(_c("own_amount"), _ratio(_c("amount_365_sum"), _c("amount_365_count"))),
        G.AMOUNT_SIZE,
        "amount, in multiples of the customer's mean amount of the last 365 days",
        Scope.INSTALMENT,
    ),
    Feature(
        "terms_days",
        Unit.DAYS,
        W.NOW,
        NEVER_NULL,
        _c("due_day") - _c("issue_day"),
        G.TERMS,
        "days from issue to due date",
        Scope.INSTALMENT,
    ),
    Feature(
        "due_weekday",
        Unit.WEEKDAY,
        W.NOW,
        NEVER_NULL,
        _c("due_weekday"),
        G.CALENDAR,
        "weekday of the due date, Monday being 0",
        Scope.INSTALMENT,
    ),
    Feature(
        "due_month_sine",
        Unit.SINE,
        W.NOW,
        NEVER_NULL,
        _cycle(_c("due_month_day"), _c("due_month_length")).sin(),
        G.CALENDAR,
        "place of the due date in its month, on a circle (sine)",
        Scope.INSTALMENT,
    ),
    Feature(
        "due_month_cosine",
        Unit.COSINE,
        W.NOW,
        NEVER_NULL,
        _cycle(_c("due_month_day"), _c("due_month_length")).cos(),
        G.CALENDAR,
        "place of the due date in its month, on a circle (cosine): 1 at month end",
        Scope.INSTALMENT,
    ),
    # the open instalment on the as-of day
    Feature(
        "own_age_days",
        Unit.DAYS,
        W.NOW,
        NEVER_NULL,
        _c("moment_day") - _c("issue_day"),
        G.OWN_STATE,
        "days since issue",
        Scope.OPEN_INSTALMENT,
    ),
    Feature(
        "own_overdue_days",
        Unit.DAYS,
        W.NOW,
        NEVER_NULL,
        _c("moment_day") - _c("due_day"),
        G.OWN_STATE,
        "days beyond terms; negative until the due date",
        Scope.OPEN_INSTALMENT,
    ),
    Feature(
        "own_covered_share",
        Unit.SHARE,
        W.NOW,
        "null when the amount is not above nil",
        _ratio(_c("own_amount") - _c("own_open_amount"), _c("own_amount")),
        G.OWN_STATE,
        "part of the amount that is covered already",
        Scope.OPEN_INSTALMENT,
    ),
    Feature(
        "own_reminder_count",
        Unit.COUNT,
        W.NOW,
        "null when the ledger has no contact history",
        _c("own_reminder_count"),
        G.REMINDER_RESPONSE,
        "reminders sent about this invoice",
        Scope.OPEN_INSTALMENT,
    ),
    Feature(
        "own_since_reminder_days",
        Unit.DAYS,
        W.NOW,
        "null when none was sent",
        _age("own_reminder_last_day"),
        G.REMINDER_RESPONSE,
        "days since the latest reminder about this invoice",
        Scope.OPEN_INSTALMENT,
    ),
    Feature(
        "own_dispute_count",
        Unit.COUNT,
        W.NOW,
        "null when the ledger has no disputes",
        _c("own_dispute_count"),
        G.DISPUTES_CREDITS,
        "open disputes about this invoice",
        Scope.OPEN_INSTALMENT,
    ),
    Feature(
        "own_promise_count",
        Unit.COUNT,
        W.NOW,
        "null when the ledger has no promises",
        _c("own_promise_count"),
        G.PROMISES_PLANS,
        "promises about this invoice that are neither kept nor broken yet",
        Scope.OPEN_INSTALMENT,
    ),
)
"""All features, in the order of their columns."""


def features_about(*scopes: Scope, features: Iterable[Feature] = FEATURES) -> tuple[Feature, ...]:
    """Return the features of these scopes, in order; ValueError when two share a name."""
    chosen = tuple(feature for feature in features if feature.scope in scopes)
    names = [feature.name for feature in chosen]
    if len(set(names)) < len(names):
        raise ValueError("two features share a name")
    return chosen


def _table(name: str, grain: str, key: tuple[Column, ...], moment: str, *scopes: Scope) -> Table:
    columns = (*key, date("as_of_date", moment, required=True), *(f.column for f in features_about(*scopes)))
    return Table(name, grain, columns, tuple(c.name for c in key[:2]))


_INSTALMENT_KEY = (
    key_("invoice_id", "invoice"),
    integer("instalment_number", "1 for the first", required=True, minimum=1, role=Role.IDENTIFIER),
    identifier("customer_id", "customer, as it was known then", required=True),
    date("issue_date", "day of issue, as it was known then", required=True),
    date("due_date", "day on which it must be paid, as it was known then", required=True),
)

FEATURE_TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "feat_instalment_at_issue",
            "instalment, with what was known at the start of the day of issue",
            _INSTALMENT_KEY,
            "day of issue, or on which an instalment agreed later was learned: all was known before its start",
            Scope.CUSTOMER,
            Scope.INSTALMENT,
        ),
        _table(
            "feat_open_instalment",
            "open instalment, with what was known at the start of the as-of day",
            _INSTALMENT_KEY,
            "as-of day: everything was known before its start",
            Scope.CUSTOMER,
            Scope.INSTALMENT,
            Scope.OPEN_INSTALMENT,
        ),
        _table(
            "feat_customer",
            "customer, with what was known at the start of the as-of day",
            (key_("customer_id", "customer"),),
            "as-of day: everything was known before its start",
            Scope.CUSTOMER,
        ),
    )
}
"""The ``feat_`` tables by name."""
