"""The question to the reader why a customer pays late: confirm or correct the hypothesis in one click.

Belongs here: asking, and showing what a colleague said. Does not belong here: the hypothesis itself and what
speaks for it (views/customer), keeping the answer (published).
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboards import panels, published, wording
from segmentation.domain.errors import SegmentationError
from segmentation.domain.vocabulary import Cause


def draw_question(page: panels.Page, segment: Mapping[str, Any]) -> None:
    """Ask why a customer pays late, or show who answered.

    Parameters
    ----------
    page : whose snapshot holds the hypothesis.
    segment : the customer's row of ``out_customer_segments``.
    """
    customer = segment["customer_id"]
    finding = published.open_findings().latest_finding(customer, page.snapshot.as_of)
    # Once an answer is recorded the token changes; until then a repeated click carries the same one.
    token = f"{customer}:{finding['finding_id'] if finding else 'first'}"
    if finding is not None and finding["cause"] != Cause.UNCLEAR:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{wording.say(wording.KNOWN_CAUSES, finding['cause'])}**, says "
                f"{panels.escape(finding['found_by'])} on {page.formats.moment(finding['found_at'])}. "
                "Runs of later days learn from it.",
                width="content",
            )
            st.button(
                "Take back",
                key=f"cause-back-{customer}",
                type="tertiary",
                on_click=_answer,
                args=(page, segment, Cause.UNCLEAR.value, token),
            )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if segment["cause"] != Cause.UNCLEAR:
            st.button(
                "That is right",
                key=f"cause-right-{customer}",
                icon=":material/check:",
                on_click=_answer,
                args=(page, segment, segment["cause"], token),
            )
        key = f"cause-pick-{token}"
        st.selectbox(
            "Do you know the reason?",
            list(wording.KNOWN_CAUSES),
            index=None,
            key=key,
            placeholder="Say why they pay late",
            format_func=wording.KNOWN_CAUSES.__getitem__,
            on_change=lambda: _answer(page, segment, st.session_state[key], token),
            help="Choose only what the customer told you or what you know for sure. Your answer is kept with your "
            "name, counts for this customer, and teaches the next run about others.",
            width=360,
        )


def _answer(page: panels.Page, segment: Mapping[str, Any], cause: str | None, token: str) -> None:
    if cause is None:
        return
    if not published.find_decider():
        panels.tell(
            "error",
            "Please fill in your name first, in the panel on the left: it is kept with your answer.",
        )
        return
    try:
        published.record_finding(page.snapshot, segment, cause, token=f"{token}:{cause}")
    except SegmentationError as error:
        panels.tell("error", str(error))
        return
    panels.tell("success", "Taken back" if cause == Cause.UNCLEAR else "Thank you: kept for the next run")
