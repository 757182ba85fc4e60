"""One recommendation as a card: what to do, why, and how sure.

Belongs here: the card. Does not belong here: lists of recommendations (views), deciding (decision_form).
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboards import panels, published, wording
from dashboards.decision_form import customer_zone, draw_buttons
from dashboards.formats import Formats
from segmentation.domain.vocabulary import Action


def describe_window(row: Mapping[str, Any], formats: Formats) -> str:
    """Return when to act, in the customer's own time."""
    return formats.window(row["window_start_at"], row["window_end_at"], customer_zone(row))


def draw_card(
    page: panels.Page,
    row: dict[str, Any],
    so_far: published.Decided,
    *,
    next_id: str | None = None,
    position: str = "",
    can_decide: bool = True,
    links_customer: bool = True,
) -> None:
    """Draw a recommendation.

    Parameters
    ----------
    page : page that it stands on.
    row : its row of the worklist.
    so_far : what has been decided.
    next_id : recommendation to show after this one.
    position : where it stands in the list, in words.
    can_decide : whether to offer the buttons.
    links_customer : whether to offer the way to the customer's own page.
    """
    decision = so_far.find_here(row["recommendation_id"])
    with st.container(border=True, key=f"card-{row['recommendation_id']}"):
        _draw_heading(row, position)
        words, figures = st.columns([5, 2], gap="large")
        with words:
            _draw_words(page.formats, row, decision)
        with figures:
            _draw_figures(page.formats, row)
        if can_decide:
            after = so_far.find_last_id(row["customer_id"])
            draw_buttons(page.snapshot, row, decision, after, next_id, links_customer=links_customer)


def _draw_heading(row: Mapping[str, Any], position: str) -> None:
    step = wording.describe_step(row["action"], row["channel"])
    icon = wording.ACTION_ICONS.get(row["action"], ":material/task_alt:")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{icon} {step}: {panels.escape(row['customer'])}", anchor=False)
        if position:
            st.caption(position, width="content")


def _draw_words(formats: Formats, row: Mapping[str, Any], decision: Mapping[str, Any] | None) -> None:
    with st.container(horizontal=True, gap="small"):
        st.badge(
            wording.say(wording.SEGMENTS, row["segment"]),
            icon=wording.SEGMENT_ICONS.get(row["segment"] or "", ":material/help:"),
            color="blue",
        )
        st.badge(f"Customer {panels.escape(row['customer_id'])}", color="gray")
        if row["needs_approval"]:
            st.badge("Needs your approval", icon=":material/how_to_reg:", color="orange")
        if row["is_exploration"]:
            st.badge("Chosen at random, to learn", icon=":material/science:", color="violet")
    if row["window_start_at"] or row["window_end_at"]:
        st.markdown(f":material/schedule: **When:** {describe_window(row, formats)} (the customer's time)")
    st.markdown(f"**Why:** {panels.escape(row['reason_text'])}")
    if row["segment"]:
        certainty = wording.describe_segment(row["segment"], row["structural_prob"], row["settled_count"])
        st.markdown(f"**How they pay:** {certainty} {_describe_cause(row)}")
    if row["blocked_by"]:
        closed = "; ".join(wording.say(wording.BLOCKS, code).lower() for code in row["blocked_by"])
        lifts = (
            f"Opens {formats.moment(row['earliest_lawful_at'], customer_zone(row))}."
            if row["earliest_lawful_at"]
            else "No date is known on which this ends."
        )
        st.markdown(f":material/lock: **Closed for now:** {closed}. {lifts}")
    if row["runner_up"]:
        st.markdown(f"**Second best:** {wording.say(wording.ACTIONS, row['runner_up'])}")
    draw_message(row)
    _draw_alternatives(row)
    if decision is not None:
        st.info(describe_decision(decision, formats), icon=":material/history:")


def draw_message(row: Mapping[str, Any]) -> None:
    """Draw the message that goes with a step, folded up, and what it still lacks."""
    if not row.get("message_text"):
        return
    is_call = row["action"] == Action.CALL
    language = wording.say(wording.LANGUAGES, row["message_language"])
    label = f"Guide for the call ({language})" if is_call else f"Message to the customer ({language})"
    with st.expander(label, icon=":material/chat:"):
        missing = [wording.say(wording.MESSAGE_GAPS, code) for code in row["message_missing"] or ()]
        if missing:
            st.warning(
                f"Not ready to send. Fill in under `treatment: sender:` in the settings file: {', '.join(missing)}.",
                icon=":material/edit_note:",
            )
        st.markdown(f"**{panels.escape(row['message_subject'])}**")
        st.text(row["message_text"])
        if row["message_reading_ease"] is not None:
            st.caption(f"Reading ease {row['message_reading_ease']:.0f}; plain language scores 60 or more.")


def _draw_alternatives(row: Mapping[str, Any]) -> None:
    changes, vetoed = row.get("would_change") or [], row.get("vetoed") or []
    if not changes and not vetoed:
        return
    with st.expander("What would change this advice", icon=":material/alt_route:"):
        st.markdown("\n".join(f"- {panels.escape(text)}" for text in changes))
        if vetoed:
            st.markdown("**Weighed and left out**")
            st.markdown("\n".join(f"- {panels.escape(text)}" for text in vetoed))


def _describe_cause(row: Mapping[str, Any]) -> str:
    if row["cause"] in {None, "unclear"} or row["segment"] in {"prompt", "insufficient_history"}:
        return ""
    return f"A possible reason, not a fact: {wording.describe_cause(row['cause'], row['cause_prob'])}."


def _draw_figures(formats: Formats, row: Mapping[str, Any]) -> None:
    currency = row["currency"]
    st.metric("Overdue", formats.money(row["overdue_amount"], currency))
    late = row["oldest_days_late"]
    st.caption(
        f"of {formats.money(row['open_amount'], currency)} open"
        + (f" · oldest {formats.days(late)} late" if late else "")
    )
    if row["action"] == Action.WAIT:
        return
    low, high = row["expected_value_p05_amount"], row["expected_value_p95_amount"]
    st.metric(
        "Expected gain of acting",
        formats.money(row["expected_value_amount"], currency),
        help="What acting now is expected to bring over waiting, less its cost. The list is ranked by it.",
    )
    if low is not None and high is not None:
        st.caption(f"probably {formats.money(low, currency)} to {formats.money(high, currency)}")


def describe_decision(decision: Mapping[str, Any], formats: Formats) -> str:
    """Return a decision in one sentence: what, who, when, why."""
    what = wording.say(wording.DECISIONS, decision["decision"])
    step = ""
    if decision["decision"] == "adjust":
        step = f" to “{wording.describe_step(decision['action'], decision['channel'])}”"
    why = f": {panels.escape(decision['reason'])}" if decision["reason"] else ""
    return f"{what}{step} by {panels.escape(decision['decided_by'])}, {formats.moment(decision['decided_at'])}{why}"
