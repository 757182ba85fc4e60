"""Whatever the adjusted form offers can be decided, and is carried out."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dashboards.adjustment import build_step, list_open_actions, list_open_days
from segmentation.domain.errors import UsageError
from segmentation.domain.vocabulary import Action
from segmentation.publish.decision_bounds import list_step_channels
from segmentation.publish.decision_rules import Step, decided_step, require_still_valid

FRIDAY = date(2026, 3, 6)
MORNING = datetime(2026, 3, 6, 7, tzinfo=UTC)
ROW = {
    "recommendation_id": "R1",
    "action": "reminder",
    "channel": "email",
    "as_of_date": FRIDAY,
    "window_start_at": MORNING,
    "window_end_at": MORNING.replace(hour=17),
    "valid_until": datetime(2026, 3, 9, tzinfo=UTC),
    "earliest_lawful_at": None,
    "blocked_by": [],
    "overdue_amount": 100,
    "coming_due_date": None,
    "open_actions": list(Action),
    "open_channels": ["email", "phone"],
    "contact_timezone": "Europe/Brussels",
    "open_hour": 8,
    "close_hour": 20,
    "closed_days": ["2026-03-08"],
}


def decide(row, day, moment):
    step = build_step(row, "call", "phone", day)
    chosen = decided_step(row, "adjust", decided_by="Ann", reason="x", step=step)
    require_still_valid(row, chosen, moment)
    return chosen


@pytest.mark.parametrize(
    ("changes", "moment", "days"),
    [
        ({}, MORNING, [6, 7]),  # Sunday is closed, and on Monday at midnight the advice expires
        ({"contact_timezone": "Africa/Abidjan", "open_hour": 7}, MORNING, [6, 7]),
        ({"closed_days": ["2026-03-07"]}, MORNING, [6]),
        ({}, MORNING.replace(hour=18), [7]),  # the recommended hours are over
        ({"valid_until": datetime(2026, 3, 9, 18, tzinfo=UTC)}, MORNING, [6, 7, 9]),
        ({}, datetime(2026, 3, 8, 12, tzinfo=UTC), []),
    ],
)
def test_every_day_that_is_offered_works_to_the_last(changes, moment, days):
    row = ROW | changes
    offered = list_open_days(row, "call", moment)
    assert [day.day for day in offered] == days
    for day in offered:
        step = decide(row, day, moment)
        assert moment < step.window_end_at <= row["valid_until"]


def test_without_a_day_left_nobody_can_be_contacted():
    sunday = datetime(2026, 3, 8, 12, tzinfo=UTC)
    assert "call" in list_open_actions(ROW, MORNING)
    offered = list_open_actions(ROW, sunday)
    assert "call" not in offered
    assert {"wait", "legal_review"} <= set(offered)


def test_a_formal_step_is_offered_only_after_what_has_to_come_before():
    early = ROW | {"open_actions": [a for a in Action if a not in {"formal_notice", "legal_review"}]}
    for row in (early, ROW | {"open_actions": None}):
        assert not {"formal_notice", "legal_review"} & set(list_open_actions(row, MORNING))
    assert "formal_notice" in list_open_actions(early | {"action": "formal_notice"}, MORNING)


def test_a_wait_that_opens_after_the_advice_expires_can_only_go_on():
    waiting = ROW | {
        "action": "wait",
        "channel": None,
        "window_start_at": None,
        "window_end_at": None,
        "blocked_by": ["cool_down"],
        "earliest_lawful_at": ROW["valid_until"] + timedelta(days=2),
    }
    assert list_open_days(waiting, "call", MORNING) == []
    assert list_open_actions(waiting, MORNING) == ["wait"]


@pytest.mark.parametrize(
    ("action", "channels", "is_offered"),
    [
        ("call", ["email", "letter"], False),
        ("call", ["email", "phone"], True),
        ("reminder", ["phone"], False),
        ("formal_notice", ["email", "sms", "portal", "phone"], False),
        ("formal_notice", ["email", "letter"], True),
        ("self_service_link", ["letter", "registered_letter"], False),
    ],
)
def test_a_step_is_offered_by_its_own_channels_only(action, channels, is_offered):
    row = ROW | {"action": "wait", "open_channels": channels}
    assert (action in list_open_actions(row, MORNING)) == is_offered
    for channel in channels:
        step = build_step(row, action, channel, FRIDAY)
        if channel in list_step_channels(row, action):
            assert decided_step(row, "adjust", decided_by="Ann", reason="x", step=step)
        else:
            with pytest.raises(UsageError, match=f"{action} is not made by {channel}"):
                decided_step(row, "adjust", decided_by="Ann", reason="x", step=step)


def test_a_call_to_an_office_keeps_to_its_hours():
    evening = {"window_start_at": MORNING.replace(hour=17), "window_end_at": MORNING.replace(hour=19)}
    row = ROW | evening | {"call_open_hour": 9, "call_close_hour": 17}
    assert [day.day for day in list_open_days(row, "reminder", MORNING)] == [6, 7]
    assert [day.day for day in list_open_days(row, "call", MORNING)] == [6, 7]
    for day in (FRIDAY, FRIDAY + timedelta(days=1)):
        chosen = decide(row, day, MORNING)
        assert (chosen.window_start_at.hour, chosen.window_end_at.hour) == (8, 16), "in UTC"
    part = row | {"window_start_at": MORNING.replace(hour=14)}
    chosen = decide(part, FRIDAY, MORNING)
    assert (chosen.window_start_at.hour, chosen.window_end_at.hour) == (14, 16), "recommended and lawful"
    late = Step("call", "phone", **{name: moment + timedelta(days=1) for name, moment in evening.items()})
    with pytest.raises(UsageError, match="09:00 to 17:00"):
        decided_step(row, "adjust", decided_by="Ann", reason="x", step=late)


def test_a_notice_before_the_due_date_is_not_moved_past_it():
    row = ROW | {"action": "pre_due_notice", "overdue_amount": 0, "coming_due_date": FRIDAY}
    assert list_open_days(row, "pre_due_notice", MORNING) == [FRIDAY]
    assert list_open_days(row, "self_service_link", MORNING) == [FRIDAY]
    for action in ("pre_due_notice", "self_service_link"):
        later = build_step(row, action, "email", FRIDAY + timedelta(days=1))
        with pytest.raises(UsageError, match="after the due date, 2026-03-06"):
            decided_step(row, "adjust", decided_by="Ann", reason="x", step=later)


def test_a_notice_needs_something_that_falls_due_soon():
    assert "pre_due_notice" in list_open_actions(ROW | {"coming_due_date": FRIDAY}, MORNING)
    assert "pre_due_notice" not in list_open_actions(ROW, MORNING)
    with pytest.raises(UsageError, match="falls due within a week"):
        decided_step(
            ROW,
            "adjust",
            decided_by="Ann",
            reason="x",
            step=build_step(ROW, "pre_due_notice", "email", FRIDAY),
        )
