"""The bounds of a step that a person chooses: channel, hours, days and what must be overdue.

Belongs here: the lawful bounds written beside a recommendation, held against another step. Does not
belong here: finding those bounds (treatment), what else a decision needs (decision_rules).
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from segmentation.domain.errors import UsageError
from segmentation.domain.published_tables import CALENDAR_DAYS
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.step_terms import STEP_TERMS, Debt
from segmentation.domain.vocabulary import FORMAL_ACTIONS, Action

OPEN_HOUR, CLOSE_HOUR = 8, 20
"""Lawful hours where a recommendation names none; its own are never wider."""

_SUNDAY = 6


def list_open_channels(recommendation: Mapping[str, Any]) -> list[str]:
    """Return the channels that another step may use; where none are known, the recommended one only."""
    channels = recommendation.get("open_channels")
    if channels is not None:
        return list(channels)
    return [recommendation["channel"]] if recommendation["channel"] else []


def list_step_channels(recommendation: Mapping[str, Any], action: str) -> list[str]:
    """Return the channels that a step may use: those open for the customer by which it is lawful at all."""
    lawful = STEP_TERMS[Action(action)].channels
    return [channel for channel in list_open_channels(recommendation) if channel in lawful]


def list_lawful_actions(recommendation: Mapping[str, Any]) -> frozenset[str]:
    """Return the steps that may be chosen as far as what has to come before them goes.

    Where that is not known, a formal notice or legal review only when it was recommended.
    """
    known = recommendation.get("open_actions")
    open_actions = set(Action) - FORMAL_ACTIONS if known is None else known
    return frozenset({*open_actions, recommendation["action"], Action.WAIT})


def contact_zone(recommendation: Mapping[str, Any]) -> ZoneInfo:
    """Return the time zone in which the contact hours of a recommendation are read."""
    return ZoneInfo(recommendation.get("contact_timezone") or TreatmentSettings().default_timezone)


def contact_hours(recommendation: Mapping[str, Any], action: str) -> tuple[int, int]:
    """Return the first lawful hour of a step and the hour from which it is not lawful, customer's time."""
    names = ("open_hour", "close_hour")
    first, end = (recommendation.get(name) for name in names)
    if STEP_TERMS[Action(action)].is_call:
        calls = (recommendation.get(f"call_{name}") for name in names)
        first, end = (own if own is not None else hour for own, hour in zip(calls, (first, end), strict=True))
    return (OPEN_HOUR if first is None else first), (CLOSE_HOUR if end is None else end)


def last_day(recommendation: Mapping[str, Any], action: str) -> date | None:
    """Return the last day of a step that is about what is still to fall due; None where no due date bounds it."""
    debt = STEP_TERMS[Action(action)].debt
    is_about_coming = debt is Debt.COMING or (debt is Debt.ANY and not recommendation["overdue_amount"] > 0)
    day: date | None = recommendation.get("coming_due_date") if is_about_coming else None
    return day


def is_owed(recommendation: Mapping[str, Any], action: str) -> bool:
    """Return whether the customer owes what a step is about."""
    debt = STEP_TERMS[Action(action)].debt
    is_overdue = bool(recommendation["overdue_amount"] > 0)
    is_coming = recommendation.get("coming_due_date") is not None
    return {
        Debt.NONE: True,
        Debt.OVERDUE: is_overdue,
        Debt.COMING: is_coming,
        Debt.ANY: is_overdue or is_coming,
    }[debt]


def is_closed_day(recommendation: Mapping[str, Any], day: date) -> bool:
    """Return whether contact is not lawful on a day of the customer's calendar."""
    return day.weekday() == _SUNDAY or day.isoformat() in (recommendation.get("closed_days") or ())


def require_debt(action: str, recommendation: Mapping[str, Any]) -> None:
    """Raise UsageError when the customer does not owe what the step is about."""
    if not is_owed(recommendation, action):
        is_coming = STEP_TERMS[Action(action)].debt is Debt.COMING
        raise UsageError(
            f"The step {action} is not permitted: nothing of this customer "
            + ("falls due within a week" if is_coming else "is overdue"),
            remedy="Choose to wait."
            if is_coming
            else "Choose to wait, or a friendly notice before the due date.",
        )


def require_lawful_action(action: str, recommendation: Mapping[str, Any]) -> None:
    """Raise UsageError when reminders, days or amount that must come before the step are missing."""
    if action not in list_lawful_actions(recommendation):
        raise UsageError(
            f"The step {action} is not permitted yet: it needs reminders before it, days and an amount overdue",
            remedy="Choose a reminder or a call; the scenario says what has to come before.",
        )


def require_open_channel(action: str, channel: str | None, recommendation: Mapping[str, Any]) -> None:
    """Raise UsageError when the channel is refused, lacks a consent, reaches nobody, or is not one of the step."""
    usable = list_step_channels(recommendation, action)
    if channel not in usable:
        is_open = channel in list_open_channels(recommendation)
        raise UsageError(
            f"The step {action} is not made by {channel}"
            if is_open
            else f"Contact by {channel} is not permitted or does not reach this customer",
            remedy=f"Choose one of {', '.join(usable)}."
            if usable
            else "Choose to wait or another step: no channel of this one is open.",
        )


def require_lawful_hours(
    action: str, start: datetime, end: datetime, recommendation: Mapping[str, Any]
) -> None:
    """Raise UsageError unless the window lies within the step's hours of one open day, customer's time.

    Notes
    -----
    Sundays are closed everywhere; public holidays and other closed weekdays are those of
    ``closed_days``. A window beyond the days for which they are known is refused as well.
    """
    zone = contact_zone(recommendation)
    first_hour, end_hour = contact_hours(recommendation, action)
    day = start.astimezone(zone).date()
    opens = datetime.combine(day, time(first_hour), zone)
    closes = datetime.combine(day, time(0), zone) + timedelta(hours=end_hour)
    if start.astimezone(zone) < opens or end.astimezone(zone) > closes:
        raise UsageError(
            f"The window does not lie within the contact hours, {first_hour:02}:00 to {end_hour:02}:00 of one day "
            f"in {zone.key}",
            remedy="Choose a window within these hours; a window over several days is one decision per day.",
        )
    if day >= recommendation["as_of_date"] + timedelta(days=CALENDAR_DAYS):
        raise UsageError(
            f"The window on {day} is too far ahead: public holidays are known for {CALENDAR_DAYS} days",
            remedy="Choose an earlier day, or decide on a later worklist.",
        )
    if is_closed_day(recommendation, day):
        raise UsageError(
            f"Contact is not permitted on {day}: it is a Sunday, a public holiday or another closed day",
            remedy="Choose another day.",
        )
    due_date = last_day(recommendation, action)
    if due_date is not None and day > due_date:
        raise UsageError(
            f"The window on {day} is after the due date, {due_date}: a notice before it would be untrue",
            remedy="Choose an earlier day; or wait, and decide on a later worklist.",
        )


def require_within_validity(end: datetime, recommendation: Mapping[str, Any]) -> None:
    """Raise UsageError when the window ends after the recommendation does: nobody would carry it out."""
    until = recommendation["valid_until"]
    if end > until:
        raise UsageError(
            f"The window ends after {until:%Y-%m-%d %H:%M} UTC, until when this recommendation is valid",
            remedy="Choose an earlier window; or wait, and decide on a later worklist.",
        )
