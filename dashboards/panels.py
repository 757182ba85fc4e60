"""Pieces that every page begins with: the title, what the reader is looking at, and whether to trust it.

Belongs here: what pages share on screen. Does not belong here: what only one page shows (views) and
the card of a recommendation (cards).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from dashboards import published, rows, wording
from dashboards.formats import UNKNOWN, Formats
from segmentation.domain.errors import SegmentationError
from segmentation.publish.reader import Snapshot

NOTICE = "notice"
PLOT_CONFIG = {"displayModeBar": False, "scrollZoom": False}


@dataclass(frozen=True)
class Page:
    """What a page works with: one snapshot, and how this reader writes numbers and dates."""

    snapshot: Snapshot
    formats: Formats

    def read(self, name: str) -> pl.DataFrame:
        """Return a published table of the page's snapshot."""
        return published.read_table(self.snapshot, name)

    def read_if_there(self, name: str) -> pl.DataFrame | None:
        """Return a published table, or None where an older snapshot does not have it yet."""
        return self.read(name) if name in self.snapshot.manifest.tables else None


def open_page(title: str, *, with_bias_banner: bool = True) -> Page:
    """Draw title, snapshot line and banners, and return what the page works with.

    Stops the page, with a friendly word on what to do, when there is nothing to show.
    """
    st.title(title, anchor=False)
    try:
        snapshot, newer = published.open_pinned()
    except SegmentationError as error:
        st.error(f"The published snapshot cannot be shown. {error}", icon=":material/error:")
        st.stop()
    if snapshot is None:
        welcome()
        st.stop()
    page = Page(snapshot, published.find_formats())
    _draw_status(page)
    if newer is not None:
        _offer_newer(page, newer)
    _draw_banners(page, with_bias_banner=with_bias_banner)
    return page


def guard(draw: Callable[[Page], None], page: Page) -> None:
    """Draw a page; say in one paragraph what is wrong when the snapshot cannot be read."""
    try:
        draw(page)
    except SegmentationError as error:
        st.error(str(error), icon=":material/error:")


def welcome() -> None:
    """Say how to publish a first snapshot."""
    root = published.find_places().data_root
    st.info(
        "**There is nothing to show yet.** This page reads published snapshots, and none has been "
        f"published under `{root}`.",
        icon=":material/waving_hand:",
    )
    st.markdown("Try it out with the sample ledger:")
    st.code("segmentation demo", language="bash")
    st.markdown("Or publish your own ledger, then reload this page:")
    st.code(f"segmentation run --ledger PATH --mapping NAME_OR_FILE --data-root {root}", language="bash")


def _draw_status(page: Page) -> None:
    manifest = page.snapshot.manifest
    formats = page.formats
    st.caption(
        f"As of **{formats.day(manifest.as_of)}** · valid until {formats.day(manifest.valid_until)} · "
        f"published {formats.moment(manifest.published_at)} · snapshot `{page.snapshot.id}`"
    )
    sample_day = published.find_places().today
    if sample_day is not None:
        st.caption(f":material/schedule: A sample: the clock stands on **{formats.day(sample_day)}**.")


def _offer_newer(page: Page, newer: Snapshot) -> None:
    is_older = newer.as_of < page.snapshot.as_of
    with st.container(horizontal=True, vertical_alignment="center", key="newer"):
        st.info(
            f"You are reading a snapshot that is no longer the one in force. The {'one in force' if is_older else 'new one'} "
            f"is as of {page.formats.day(newer.as_of)}.",
            icon=":material/update:",
        )
        st.button(
            "Show the snapshot in force",
            key=f"show-{newer.id}",
            on_click=published.pin_snapshot,
            args=(newer.id,),
        )


def _draw_banners(page: Page, *, with_bias_banner: bool) -> None:
    manifest = page.snapshot.manifest
    today = published.now().astimezone(page.formats.zone).date()
    if not page.snapshot.is_valid_on(today):
        st.error(
            f"**Out of date.** This snapshot was valid until {page.formats.day(manifest.valid_until)}; today is "
            f"{page.formats.day(today)}. Money may have come in since. Publish a new one before anybody is "
            "contacted: `segmentation run`. Other systems no longer act on it either.",
            icon=":material/event_busy:",
        )
    verdict = manifest.fairness.verdict
    if manifest.override is not None:
        draw_override(page)
    if not with_bias_banner:
        return
    if verdict == "inconclusive":
        st.warning(
            "**The bias check is inconclusive.** Strict steps need a person's judgement, case by case. "
            "The Bias page says what is known and what is not.",
            icon=wording.VERDICT_ICONS[verdict],
        )


def draw_override(page: Page) -> None:
    """Draw who decided to publish in spite of the bias check, why, and until when that holds."""
    override = page.snapshot.manifest.override
    if override is None:
        return
    today = published.now().astimezone(page.formats.zone).date()
    is_over = today > override.until
    show = st.error if is_over else st.warning
    show(
        f"**Published in spite of the bias check{', and the approval has expired' if is_over else ''}.** "
        f"{escape(override.approved_by)} approved it on {page.formats.moment(override.approved_at)}, until "
        f"{page.formats.day(override.until)}. Reason: {escape(override.reason)}",
        icon=":material/gavel:",
    )


def escape(text: Any) -> str:
    """Return text that somebody typed, so that Markdown shows it as it is and makes no link of it."""
    return "".join(f"\\{mark}" if mark in "\\`*_{}[]<>#|~$:" else mark for mark in str(text))


def tell(kind: str, text: str) -> None:
    """Keep a notice for the next time a page is drawn: ``success`` or ``error``."""
    st.session_state[NOTICE] = (kind, text)


def draw_notice() -> None:
    """Draw the notice that was kept, once."""
    kind, text = st.session_state.pop(NOTICE, (None, ""))
    if kind == "success":
        st.toast(text, icon=":material/check:")
    elif kind == "error":
        st.error(text, icon=":material/error:")


def draw_chart(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a figure across its column, with a description for those who cannot see it."""
    st.plotly_chart(figure, key=key, config=PLOT_CONFIG, alt=alt)


def choose_currency(currencies: list[str], key: str) -> str | None:
    """Ask for one currency; the only one there is needs no question."""
    if not currencies:
        return None
    if len(currencies) == 1:
        return currencies[0]
    return st.segmented_control(
        "Currency", currencies, default=currencies[0], required=True, key=key, persist_state="session"
    )


_WRAPPED_HEIGHT = 72
"""Pixels: from twice the usual height of a row on, Streamlit breaks lines."""


def draw_pages(
    frame: pl.DataFrame,
    *,
    key: str,
    columns: dict[str, Any],
    empty: str,
    prepare: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    select: bool = False,
    wrap: bool = False,
) -> tuple[pl.DataFrame, list[int]]:
    """Draw a table, a page at a time.

    Parameters
    ----------
    frame : all rows, filtered and ordered.
    key : names the widgets.
    columns : Streamlit's column configuration, in the order to show; other columns stay hidden.
    empty : what to say when there is no row.
    prepare : adds the texts that the table shows, to the rows of the page only.
    select : whether a row can be chosen.
    wrap : whether long texts go on in a second line.

    Returns
    -------
    The rows on screen, and the positions among them of those chosen.
    """
    if frame.is_empty():
        st.caption(empty)
        return frame, []
    pages = rows.count_pages(frame)
    page = 1
    if pages > 1:
        left, right = st.columns([2, 3], vertical_alignment="center")
        count = published.find_formats().number(frame.height)
        page = right.pagination(pages, key=f"{key}-page-{pages}", width="stretch")
        left.caption(f"{count} rows, page {page} of {pages}")
    shown = rows.cut_page(frame, page)
    if prepare is not None:
        shown = prepare(shown)
    visible = shown.select(list(columns))
    if not select:
        st.dataframe(
            visible,
            column_config=columns,
            hide_index=True,
            key=f"{key}-{page}",
            placeholder=UNKNOWN,
            row_height=_WRAPPED_HEIGHT if wrap else None,
        )
        return shown, []
    event = st.dataframe(
        visible,
        column_config=columns,
        hide_index=True,
        key=f"{key}-{page}",
        placeholder=UNKNOWN,
        on_select="rerun",
        selection_mode="single-row",
    )
    return shown, list(event.selection.rows)
