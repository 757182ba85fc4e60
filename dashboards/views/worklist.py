"""Worklist: the next thing to do, then the rest of the day."""

from typing import Any

import polars as pl
import streamlit as st

from dashboards import cards, decision_form, panels, published, rows, wording
from segmentation.domain.vocabulary import Decision

VIEWS = ("todo", "waiting", "decided")
FILTERS = ("search", "actions", "segments", "channels", "currencies", "amount")


def draw(page: panels.Page) -> None:
    """Draw the worklist of a snapshot."""
    everything = published.read_worklist(page.snapshot)
    if everything.is_empty():
        note = page.snapshot.manifest.tables["out_recommendations"].note
        st.success("**Nothing to do today.** " + (note or ""), icon=":material/task_alt:")
        return
    with st.sidebar:
        published.ask_decider()
        st.divider()
        wanted = _ask_filter(everything)
    so_far = published.read_decided(page.snapshot)
    settled = so_far.here.filter(pl.col("decision") != Decision.WITHDRAW)
    decided = pl.col("recommendation_id").is_in(settled["recommendation_id"].implode())
    waits = pl.col("action") == "wait"
    shown = rows.filter_worklist(everything, wanted)
    parts = {
        "todo": shown.filter(~decided & ~waits),
        "waiting": shown.filter(~decided & waits),
        "decided": shown.filter(decided),
    }
    panels.draw_notice()
    view = _choose_view(page, parts, _count_today(page, settled))
    if wanted != rows.WorklistFilter():
        st.caption(
            f":material/filter_alt: Filters are on: {shown.height} of {everything.height} customers shown."
        )
    {"todo": _draw_todo, "waiting": _draw_waiting, "decided": _draw_decided}[view](page, parts[view], so_far)


def _ask_filter(worklist: pl.DataFrame) -> rows.WorklistFilter:
    def choose(label: str, column: str, words: Any, key: str) -> tuple[str, ...]:
        options = worklist[column].drop_nulls().unique().sort().to_list()
        picked = st.multiselect(
            label,
            options,
            format_func=lambda code: wording.say(words, code),
            key=f"filter-{key}",
            placeholder="All",
            persist_state="session",
        )
        return tuple(picked)

    search = st.text_input(
        "Find a customer",
        key="filter-search",
        placeholder="Name or number",
        icon=":material/search:",
        persist_state="session",
    )
    actions = choose("Step", "action", wording.ACTIONS, "actions")
    segments = choose("How they pay", "segment", wording.SEGMENTS, "segments")
    channels = choose("Channel", "channel", wording.CHANNELS, "channels")
    currencies: tuple[str, ...] = ()
    if worklist["currency"].n_unique() > 1:
        currencies = choose("Currency", "currency", {}, "currencies")
    amount = st.number_input(
        "Open amount, at least",
        min_value=0.0,
        step=100.0,
        format="%.0f",
        key="filter-amount",
        persist_state="session",
    )
    st.button("Clear filters", on_click=_clear_filters, icon=":material/filter_alt_off:", key="filter-clear")
    return rows.WorklistFilter(search or "", actions, segments, channels, currencies, float(amount or 0))


def _clear_filters() -> None:
    for name in FILTERS:
        st.session_state[f"filter-{name}"] = "" if name == "search" else 0.0 if name == "amount" else []


def _count_today(page: panels.Page, settled: pl.DataFrame) -> int:
    zone = page.formats.zone.key
    today = published.now().astimezone(page.formats.zone).date()
    days = settled["decided_at"].dt.convert_time_zone(zone).dt.date()
    return int((days == today).sum())


def _choose_view(page: panels.Page, parts: dict[str, pl.DataFrame], today: int) -> str:
    formats = page.formats
    labels = {
        "todo": f"To do ({formats.number(parts['todo'].height)})",
        "waiting": f"Waiting ({formats.number(parts['waiting'].height)})",
        "decided": f"Decided ({formats.number(parts['decided'].height)}, {formats.number(today)} today)",
    }
    return str(
        st.segmented_control(
            "Show",
            VIEWS,
            default="todo",
            required=True,
            format_func=lambda name: labels[name],
            key="worklist-view",
            label_visibility="collapsed",
            persist_state="session",
        )
    )


def _draw_todo(page: panels.Page, todo: pl.DataFrame, so_far: published.Decided) -> None:
    if todo.is_empty():
        st.success("**All done here.** Nothing is left to decide.", icon=":material/task_alt:")
        return
    with st.container(key="todo-card"):
        card = st.container()
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    left.subheader("Everything to do", anchor=False)
    order = right.selectbox(
        "Order by",
        list(rows.ORDERS),
        format_func=lambda name: rows.ORDERS[name][0],
        key="todo-order",
        persist_state="session",
    )
    ordered = rows.order_worklist(todo, order)
    if len(set(ordered["currency"].unique())) > 1:
        st.caption(
            "Amounts in different currencies are compared as plain numbers. "
            "Choose a currency on the left to rank within one."
        )
    shown, picked = panels.draw_pages(
        ordered,
        key=f"todo-{st.session_state.get(decision_form.ROUND, 0)}",
        columns=_columns(ordered, "step", "segment_words", "expected_value_amount", "when"),
        empty="",
        prepare=_add_table_words,
        select=True,
    )
    if picked:
        st.session_state[decision_form.OPENED] = shown["recommendation_id"][picked[0]]
    ids = ordered["recommendation_id"].to_list()
    opened = st.session_state.get(decision_form.OPENED)
    place = ids.index(opened) if opened in ids else 0
    row = ordered.row(place, named=True)
    after = ids[place + 1] if place + 1 < len(ids) else (ids[0] if place > 0 else None)
    with card:
        cards.draw_card(
            page,
            row,
            so_far,
            next_id=after,
            position=f"{page.formats.number(place + 1)} of {page.formats.number(len(ids))}",
        )


def _draw_waiting(page: panels.Page, waiting: pl.DataFrame, so_far: published.Decided) -> None:
    st.caption("Nothing to do for these customers now, and why. Choose a row to read more.")
    shown, picked = panels.draw_pages(
        waiting.sort(["earliest_lawful_at", "recommendation_id"], nulls_last=True),
        key="waiting",
        columns=_columns(waiting, "waiting_for", "until"),
        empty="Nobody is waiting.",
        prepare=_add_table_words,
        select=True,
    )
    if picked:
        cards.draw_card(page, shown.row(picked[0], named=True), so_far, can_decide=False)


def _draw_decided(page: panels.Page, decided: pl.DataFrame, so_far: published.Decided) -> None:
    if decided.is_empty():
        st.caption("Nothing has been decided on this snapshot yet.")
        return
    st.caption("Choose a row to change or undo a decision; every decision stays on record.")
    decisions = {row["recommendation_id"]: row for row in so_far.here.iter_rows(named=True)}
    frame = pl.DataFrame(
        [
            {
                "recommendation_id": key,
                "decision_words": wording.say(wording.DECISIONS, decisions[key]["decision"]),
                "decided_step": wording.describe_step(decisions[key]["action"], decisions[key]["channel"])
                if decisions[key]["action"]
                else "–",
                "decided_reason": decisions[key]["reason"] or "",
                "decided_by": decisions[key]["decided_by"],
                "decided_at": decisions[key]["decided_at"],
            }
            for key in decided["recommendation_id"].to_list()
        ]
    )
    ordered = (
        _add_table_words(decided).join(frame, on="recommendation_id").sort("decided_at", descending=True)
    )
    shown, picked = panels.draw_pages(
        ordered.with_columns(pl.col("decided_at").dt.convert_time_zone(page.formats.zone.key)),
        key=f"decided-{st.session_state.get(decision_form.ROUND, 0)}",
        columns={
            "customer": st.column_config.TextColumn("Customer", width=145),
            "decision_words": st.column_config.TextColumn("Decision", width=75),
            "decided_step": st.column_config.TextColumn("Step", width=180),
            "decided_reason": st.column_config.TextColumn("Reason", width=200),
            "decided_by": st.column_config.TextColumn("By", width=100),
            "decided_at": st.column_config.DatetimeColumn("At", format="D MMM YYYY, HH:mm", width=130),
            "overdue_amount": st.column_config.NumberColumn("Overdue", format="accounting", width=85),
        },
        empty="",
        prepare=_add_table_words,
        select=True,
    )
    row = shown.row(picked[0], named=True) if picked else None
    if row is None and st.session_state.get(decision_form.OPENED) in set(
        shown["recommendation_id"].to_list()
    ):
        row = shown.filter(pl.col("recommendation_id") == st.session_state[decision_form.OPENED]).row(
            0, named=True
        )
    if row is not None:
        cards.draw_card(page, row, so_far)


def _add_table_words(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the texts and plain numbers that a table shows."""
    steps = {
        (action, channel): wording.describe_step(action, channel)
        for action, channel in frame.select("action", "channel").unique().iter_rows()
    }
    words = pl.DataFrame(
        [(action, channel, text) for (action, channel), text in steps.items()],
        schema={"action": pl.String, "channel": pl.String, "step": pl.String},
        orient="row",
    )
    return frame.join(
        words, on=["action", "channel"], how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(
        pl.col("open_amount", "overdue_amount", "expected_value_amount").cast(pl.Float64),
        pl.col("segment").replace_strict(wording.SEGMENTS, default=pl.col("segment")).alias("segment_words"),
        pl.col("blocked_by")
        .list.eval(pl.element().replace(wording.BLOCKS))
        .list.join("; ")
        .replace("", None)
        .fill_null(pl.col("reason_text"))
        .alias("waiting_for"),
        rows.local_date(frame, "earliest_lawful_at").alias("until"),
        rows.local_date(frame, "window_start_at").alias("when"),
    )


def _columns(frame: pl.DataFrame, *middle: str) -> dict[str, Any]:
    known = {
        "step": st.column_config.TextColumn("Step", width=180),
        "segment_words": st.column_config.TextColumn("How they pay", width=130),
        "expected_value_amount": st.column_config.NumberColumn(
            "Expected gain", format="accounting", width=100
        ),
        "when": st.column_config.DateColumn("From", format="ddd D MMM", width=85),
        "waiting_for": st.column_config.TextColumn("Waiting because", width=330),
        "until": st.column_config.DateColumn(
            "Until", format="ddd D MMM", width=90, help="Empty when no date is known."
        ),
    }
    currency = {"currency": st.column_config.TextColumn("Currency", width=65)}
    return {
        "customer": st.column_config.TextColumn("Customer", width=145),
        **{name: known[name] for name in middle},
        "oldest_days_late": st.column_config.NumberColumn("Days late", format="%d", width=70),
        "overdue_amount": st.column_config.NumberColumn("Overdue", format="accounting", width=85),
        "open_amount": st.column_config.NumberColumn("Open", format="accounting", width=85),
        **(currency if frame["currency"].n_unique() > 1 else {}),
    }


panels.guard(draw, panels.open_page("Worklist"))
