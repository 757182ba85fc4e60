"""Deciding on one recommendation: buttons, forms, and what happens when one is pressed.

Belongs here: accept, adjust, ignore, take back. Does not belong here: what the card says (cards), what an adjustment
may choose from (adjustment), rules on decisions (segmentation.publish).

Every widget is named after its recommendation, so that a late click never decides on another one.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards import panels, published, wording
from dashboards.adjustment import build_step, list_open_actions, list_open_days
from dashboards.formats import find_zone
from segmentation.domain.errors import SegmentationError
from segmentation.domain.vocabulary import ACTIONS_WITHOUT_CONTACT, Decision
from segmentation.publish.decision_bounds import contact_zone, list_step_channels
from segmentation.publish.decision_rules import Step, is_expired, is_missed
from segmentation.publish.reader import Snapshot

OPENED = "opened_recommendation"
FORM = "open_form"
ROUND = "decision_round"
LAST_DECISION = "last_decision"
HASTE_SECONDS = 0.6
"""A click on the next card this soon after a decision is the second half of a double click."""


def is_taken_back(decision: Mapping[str, Any] | None) -> bool:
    """Whether the last decision takes an earlier one back, so that the step is open again."""
    return decision is not None and decision["decision"] == Decision.WITHDRAW


def customer_zone(row: Mapping[str, Any]) -> ZoneInfo:
    """Return the customer's time zone; where the ledger names none, the default of the settings."""
    return find_zone(row.get("timezone"), contact_zone(row).key)


def draw_buttons(
    snapshot: Snapshot,
    row: dict[str, Any],
    decision: Mapping[str, Any] | None,
    after: str | None,
    next_id: str | None,
    *,
    links_customer: bool,
) -> None:
    """Draw the buttons of a recommendation, and the form that is open.

    Parameters
    ----------
    row : its row of the worklist.
    decision : the last decision on it; None when there is none.
    after : identifier of the last decision on the customer, on whichever list; a repeated click carries the same one.
    next_id : recommendation to show after this one.
    links_customer : whether to offer the way to the customer's own page.
    """
    key = row["recommendation_id"]
    common = (snapshot, row, after, next_id)
    in_force = decision is not None and not is_taken_back(decision)
    moment = published.now()
    has_expired, has_passed = is_expired(row, moment), is_missed(row, moment)
    if has_expired:
        st.warning(
            "This advice has expired: the facts may have changed since. Run the pipeline on today's ledger; "
            "until then it can only be ignored.",
            icon=":material/event_busy:",
        )
    elif has_passed:
        st.warning(
            "The moment for this step has passed. Adjust it to a later day, or run the pipeline on today's ledger.",
            icon=":material/event_busy:",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Approve and accept" if row["needs_approval"] else "Accept",
            key=f"accept-{key}",
            type="primary",
            icon=":material/check:",
            on_click=_accept,
            args=common,
            disabled=has_expired
            or has_passed
            or bool(in_force and decision and decision["decision"] == "accept"),
        )
        st.button(
            "Adjust",
            key=f"adjust-{key}",
            icon=":material/tune:",
            on_click=_open_form,
            args=("adjust", key),
            disabled=has_expired,
        )
        st.button(
            "Ignore", key=f"ignore-{key}", icon=":material/block:", on_click=_open_form, args=("ignore", key)
        )
        if in_force and decision:
            st.button(
                "Undo",
                key=f"undo-{key}",
                icon=":material/undo:",
                on_click=_take_back,
                args=common,
                help="Records that the decision is taken back; nothing is erased.",
            )
        if next_id and not in_force:
            st.button(
                "Skip for now",
                key=f"skip-{key}",
                icon=":material/skip_next:",
                on_click=_open,
                args=(next_id,),
            )
        if links_customer:
            st.page_link(
                "views/customer.py",
                label="Open customer",
                icon=":material/person_search:",
                query_params={"customer": row["customer_id"]},
            )
    form = st.session_state.get(FORM)
    if form == ("adjust", key):
        _draw_adjust_form(row, common, moment)
    elif form == ("ignore", key):
        _draw_ignore_form(row, common)


def _draw_ignore_form(row: Mapping[str, Any], common: tuple[Any, ...]) -> None:
    key = row["recommendation_id"]
    with st.form(f"ignore-form-{key}"):
        _ask_reason("ignore", key, "Why is this step not right?", "agreed something else by phone")
        _draw_ending("ignore", key, "Ignore this step", _ignore, common)


def _draw_adjust_form(row: dict[str, Any], common: tuple[Any, ...], moment: datetime) -> None:
    key = row["recommendation_id"]
    actions = list_open_actions(row, moment)
    # Outside the form, so that channels and days follow the step that is chosen.
    action = st.selectbox(
        "Step",
        actions,
        index=actions.index(row["action"]) if row["action"] in actions else 0,
        format_func=lambda code: wording.say(wording.ACTIONS, code),
        key=f"adjust-action-{key}",
    )
    channels = list_step_channels(row, action)
    days = [] if action in ACTIONS_WITHOUT_CONTACT else list_open_days(row, action, moment)
    with st.form(f"adjust-form-{key}"):
        channel, day = st.columns(2)
        channel.selectbox(
            "Channel",
            channels,
            index=channels.index(row["channel"]) if row["channel"] in channels else 0,
            disabled=not channels,
            format_func=lambda code: wording.say(wording.CHANNELS, code),
            key=f"adjust-channel-{key}",
            help="Not used when nobody outside your own organisation is contacted.",
        )
        day.date_input(
            "Day",
            value=days[0] if days else None,
            min_value=days[0] if days else None,
            max_value=days[-1] if days else None,
            disabled=not days,
            key=f"adjust-day-{key}",
            format="DD/MM/YYYY",
            help="Between the earliest lawful day and the last one on which this step holds.",
        )
        st.caption(
            "Only channels of this step that are permitted and reach the customer are offered."
            if channels
            else "Nobody is contacted."
        )
        if row["blocked_by"]:
            st.caption("What is closed stays closed: a step that would begin before it opens is refused.")
        _ask_reason("adjust", key, "Why do you change it?", "asked to be called on Thursday")
        _draw_ending("adjust", key, "Save the change", _adjust, common)


def _ask_reason(form: str, key: str, question: str, example: str) -> None:
    st.text_input(
        f"{question} (required)",
        key=f"{form}-reason-{key}",
        max_chars=500,
        placeholder=f"For instance: {example}",
    )


def _read_reason(form: str, key: str) -> str:
    return str(st.session_state.get(f"{form}-reason-{key}") or "")


def _draw_ending(
    form: str, key: str, label: str, on_send: Callable[..., None], common: tuple[Any, ...]
) -> None:
    with st.container(horizontal=True):
        st.form_submit_button(label, key=f"{form}-send-{key}", type="primary", on_click=on_send, args=common)
        st.form_submit_button("Cancel", key=f"{form}-cancel-{key}", on_click=_open_form, args=(None, key))


def _open(recommendation_id: str | None) -> None:
    st.session_state[OPENED] = recommendation_id
    st.session_state[FORM] = None
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def _open_form(form: str | None, recommendation_id: str) -> None:
    st.session_state[FORM] = (form, recommendation_id) if form else None


def _accept(snapshot: Snapshot, row: dict[str, Any], after: str | None, next_id: str | None) -> None:
    _record(snapshot, row, "accept", after, next_id)


def _ignore(snapshot: Snapshot, row: dict[str, Any], after: str | None, next_id: str | None) -> None:
    reason = _read_reason("ignore", row["recommendation_id"])
    _record(snapshot, row, "ignore", after, next_id, reason=reason)


def _adjust(snapshot: Snapshot, row: dict[str, Any], after: str | None, next_id: str | None) -> None:
    key = row["recommendation_id"]
    action = st.session_state[f"adjust-action-{key}"]
    day = st.session_state[f"adjust-day-{key}"]
    if day is None and action not in ACTIONS_WITHOUT_CONTACT:
        panels.tell("error", "Please choose a day.")
        return
    step = build_step(row, action, st.session_state[f"adjust-channel-{key}"], day)
    reason = _read_reason("adjust", key)
    _record(snapshot, row, "adjust", after, next_id, reason=reason, step=step)


def _take_back(snapshot: Snapshot, row: dict[str, Any], after: str | None, next_id: str | None) -> None:
    del next_id  # the step that is open again is the one to look at
    _record(snapshot, row, "withdraw", after, row["recommendation_id"])


def _record(
    snapshot: Snapshot,
    row: dict[str, Any],
    decision: str,
    after: str | None,
    next_id: str | None,
    *,
    reason: str | None = None,
    step: Step | None = None,
) -> None:
    key = row["recommendation_id"]
    last_key, last_at = st.session_state.get(LAST_DECISION, (None, None))
    moment = published.now()
    if last_at is not None and last_key != key and (moment - last_at).total_seconds() < HASTE_SECONDS:
        return
    if not published.find_decider():
        panels.tell(
            "error",
            "Please fill in your name first, in the panel on the left: it is recorded with each decision.",
        )
        return
    try:
        published.record_decision(snapshot, row, decision, after=after, reason=reason, step=step)
    except SegmentationError as error:
        panels.tell("error", str(error))
        return
    st.session_state[LAST_DECISION] = (key, moment)
    panels.tell("success", f"{wording.say(wording.DECISIONS, decision)}: {row['customer']}")
    _open(next_id)
