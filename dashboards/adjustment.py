"""What a person may choose instead of a recommended step: steps, days and hours, without any drawing.

Belongs here: the choices of the adjusted form and the step that they make. Does not belong here: the form
itself (decision_form), whether a step is permitted (segmentation.publish).
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from segmentation.domain.vocabulary import ACTIONS_WITHOUT_CONTACT, Action
from segmentation.publish.decision_bounds import (
    contact_hours,
    contact_zone,
    is_closed_day,
    is_owed,
    last_day,
    list_lawful_actions,
    list_step_channels,
)
from segmentation.publish.decision_rules import Step

STEP_ORDER = (
    Action.REMINDER,
    Action.CALL,
    Action.SELF_SERVICE_LINK,
    Action.PRE_DUE_NOTICE,
    Action.PAYMENT_PLAN_OFFER,
    Action.DISPUTE_FOLLOW_UP,
    Action.THANK_YOU,
    Action.MATCH_CREDIT,
    Action.WAIT,
    Action.FORMAL_NOTICE,
    Action.LEGAL_REVIEW,
)


def list_open_actions(row: Mapping[str, Any], moment: datetime) -> list[str]:
    """Return the steps that the form offers: those no closed gate forbids, the recommended one, and waiting."""
    kept = {row["action"], Action.WAIT}
    is_open: set[str] = set(STEP_ORDER)
    if row["blocked_by"]:
        is_open -= ACTIONS_WITHOUT_CONTACT if row["earliest_lawful_at"] else is_open
    is_open &= list_lawful_actions(row)
    return [
        action.value
        for action in STEP_ORDER
        if action in kept or (action in is_open and is_owed(row, action) and _has_way(row, action, moment))
    ]


def _has_way(row: Mapping[str, Any], action: str, moment: datetime) -> bool:
    """Return whether a channel and a day are left for a step, or it needs none."""
    if action in ACTIONS_WITHOUT_CONTACT:
        return True
    return bool(list_step_channels(row, action) and list_open_days(row, action, moment))


def list_open_days(row: Mapping[str, Any], action: str, moment: datetime) -> list[date]:
    """Return the days, in order, of which some hours are left that are lawful for a step and before it expires."""
    zone = contact_zone(row)
    start = row["window_start_at"] or row["earliest_lawful_at"]
    earliest = start.astimezone(zone).date() if start else row["as_of_date"]
    first = max(earliest, moment.astimezone(zone).date())
    expires = row["valid_until"].astimezone(zone).date()
    last = min(expires, last_day(row, action) or expires)
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    windows = ((day, *_find_window(row, action, day)) for day in days if not is_closed_day(row, day))
    return [day for day, opens, closes in windows if closes > max(opens, moment)]


def build_step(row: Mapping[str, Any], action: str, channel: str | None, day: date) -> Step:
    """Return the step that the adjusted form describes.

    Notes
    -----
    On the recommended day the recommended hours are kept as far as they are lawful for the step; on another day, and
    where none of them is, it is all of its lawful hours in the customer's time zone, never before gates have lifted
    nor after the recommendation ends.
    """
    if action in ACTIONS_WITHOUT_CONTACT:
        return Step(action)
    return Step(action, channel, *_find_window(row, action, day))


def _find_window(row: Mapping[str, Any], action: str, day: date) -> tuple[datetime, datetime]:
    zone = contact_zone(row)
    first_hour, end_hour = contact_hours(row, action)
    start, end = row["window_start_at"], row["window_end_at"]
    opening = datetime.combine(day, time(first_hour), zone)
    closing = datetime.combine(day, time(0), zone) + timedelta(hours=end_hour)
    floors, ceilings = [opening, row["earliest_lawful_at"] or opening], [closing, row["valid_until"]]
    if start and end and start.astimezone(zone).date() == day and start < closing and end > opening:
        floors.append(start)
        ceilings.append(end)
    return max(floors).astimezone(UTC), min(ceilings).astimezone(UTC)
