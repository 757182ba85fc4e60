"""Customer: how they pay, what is open, what to do, and everything that happened."""

from typing import Any

import polars as pl
import streamlit as st

from dashboards import cards, cause_question, panels, published, rows, segment_panels, wording
from dashboards.charts.customer import draw_behaviour, draw_payment_dates, draw_timeline
from dashboards.formats import find_zone
from segmentation.domain.vocabulary import Action

CHART_ROWS = 15
REASONS_SHOWN = 3


def draw(page: panels.Page) -> None:
    """Draw one customer of a snapshot."""
    customers = published.read_customers(page.snapshot)
    if customers.is_empty():
        st.info("The published ledger has no customers.", icon=":material/info:")
        return
    customer_id = _choose_customer(customers)
    if customer_id is None:
        return
    customer = customers.filter(pl.col("customer_id") == customer_id).row(0, named=True)
    with st.sidebar:
        published.ask_decider()
    panels.draw_notice()
    _draw_heading(page, customer)
    _draw_steps(page, customer_id)
    _draw_behaviour(page, customer_id)
    _draw_invoices(page, customer_id)
    _draw_timeline(page, customer_id, find_zone(customer.get("timezone")).key)


def _choose_customer(customers: pl.DataFrame) -> str | None:
    asked = st.query_params.get("customer")
    find, pick = st.columns([1, 2])
    search = find.text_input(
        "Find a customer", key="customer-search", placeholder="Name or number", icon=":material/search:"
    )
    found = rows.search_customers(customers, search or "")
    options = found["customer_id"].to_list()
    known = bool(asked) and not customers.filter(pl.col("customer_id") == asked).is_empty()
    if asked and not known and not search:
        st.warning(
            f"There is no customer “{panels.escape(asked)}” in this snapshot.", icon=":material/search_off:"
        )
    if known and not search and asked not in options:
        options = [asked, *options]
    if not options:
        st.info("No customer has all these words in their name or number.", icon=":material/search_off:")
        return None
    labels = dict(
        customers.filter(pl.col("customer_id").is_in(options)).select("customer_id", "customer").iter_rows()
    )
    chosen = pick.selectbox(
        "Customer",
        options,
        index=options.index(asked) if asked in options else 0,
        format_func=lambda key: labels[key] if key in labels[key] else f"{labels[key]} ({key})",
        key=f"customer-pick-{search}-{asked if known else ''}",
        help="Those with most overdue come first; type a name on the left to find others.",
    )
    return str(chosen) if chosen is not None else None


def _draw_heading(page: panels.Page, customer: dict[str, Any]) -> None:
    formats = page.formats
    facts = [
        f"Customer {panels.escape(customer['customer_id'])}",
        wording.say(wording.PARTY_TYPES, customer["party_type"]) if customer["party_type"] else None,
        panels.escape(customer["country"]) if customer["country"] else None,
        f"since {formats.day(customer['customer_since'])}" if customer["customer_since"] else None,
    ]
    st.subheader(panels.escape(customer["customer"]), anchor=False)
    st.caption(" · ".join(fact for fact in facts if fact))
    scores = _invoices(page, customer["customer_id"])
    owed = (
        scores.group_by("currency")
        .agg(
            pl.len().alias("count"),
            pl.col("open_amount").sum(),
            pl.col("overdue_amount").sum().alias("overdue"),
            pl.col("days_late").max(),
        )
        .sort("open_amount", descending=True)
    )
    if owed.is_empty():
        st.markdown("Nothing is open.")
        return
    for row in owed.iter_rows(named=True):
        tiles = st.columns(4)
        tiles[0].metric("Overdue", formats.money(row["overdue"], row["currency"]), border=True)
        tiles[1].metric("Open", formats.money(row["open_amount"], row["currency"]), border=True)
        tiles[2].metric("Open invoices", formats.number(row["count"]), border=True)
        tiles[3].metric("Oldest days late", formats.days(max(0, row["days_late"])), border=True)


def _invoices(page: panels.Page, customer_id: str) -> pl.DataFrame:
    scores = page.read("out_invoice_scores")
    return scores.filter(pl.col("customer_id") == customer_id).sort("due_date", "invoice_id")


def _draw_behaviour(page: panels.Page, customer_id: str) -> None:
    st.subheader("How they pay", anchor=False)
    found = page.read("out_customer_segments").filter(pl.col("customer_id") == customer_id)
    if found.is_empty():
        st.caption("Nothing is known yet about how this customer pays.")
        return
    row = found.row(0, named=True)
    formats = page.formats
    st.markdown(
        wording.describe_segment(row["segment"], row["structural_prob"], row["settled_count"])
        + f" {formats.number(row['late_count'])} of them were late"
        + (
            f"; half of all were covered within {formats.days(row['typical_days_late'])} of the due date."
            if (row["typical_days_late"] or 0) > 0
            else "."
        )
    )
    _draw_definition(page, row["segment"])
    if row["excluded_count"]:
        st.caption(
            f"{formats.number(row['excluded_count'])} not counted: the delay was on our side "
            "(not received, awaiting approval, or a dispute in which they were right)."
        )
    if row["structural_prob"] is not None or row["late_propensity"] is not None:
        panels.draw_chart(
            draw_behaviour(row),
            key="behaviour",
            alt="Probability of usually paying late and share of instalments paid late, with intervals",
        )
    if not segment_panels.find_turning(found).is_empty():
        st.markdown(
            f":material/trending_up: **Early sign:** punctual half a year ago (or when first known), and {formats.share(row['turning_prob'])} "
            "likely to be late by habit by now or within 90 days."
        )
    if row.get("severity_days"):
        st.caption(
            f"Weighted by amount, the delay is {formats.days(row['severity_days'])} on average: early counted as nil, "
            "unpaid so far included."
        )
    if row["previous_segment"] and row["changed_because"] != "none":
        why = wording.say(wording.CHANGE_REASONS, row["changed_because"])
        st.markdown(
            f"Before: {wording.say(wording.SEGMENTS, row['previous_segment'])}. Changed because of {why}."
        )
    st.markdown(
        f"**Possible reason, not a fact:** {wording.describe_cause(row['cause'], row['cause_prob'])}."
    )
    if row["late_count"]:
        cause_question.draw_question(page, row)
    if row["evidence"]:
        st.markdown("**What speaks for it**")
        st.markdown("\n".join(f"- {panels.escape(text)}" for text in row["evidence"]))


def _draw_definition(page: panels.Page, segment: str) -> None:
    """Draw what the segment means; nothing for snapshots that do not say."""
    definitions = page.read_if_there("out_segment_definitions")
    if definitions is None:
        return
    for row in definitions.filter(pl.col("segment") == segment).iter_rows(named=True):
        name = wording.say(wording.SEGMENTS, segment)
        st.caption(f"“{name}” means (definition {row['version']}): {row['definition']}")


def _draw_steps(page: panels.Page, customer_id: str) -> None:
    st.subheader("What to do", anchor=False)
    steps = published.read_worklist(page.snapshot).filter(pl.col("customer_id") == customer_id)
    decided = published.read_history(customer_id)
    so_far = published.read_decided(page.snapshot)
    formats = page.formats
    if steps.is_empty():
        st.caption("Nothing to do and nothing to wait for.")
    for row in steps.iter_rows(named=True):
        cards.draw_card(
            page,
            row,
            so_far,
            can_decide=row["action"] != Action.WAIT,
            links_customer=False,
        )
    st.markdown("**Decisions so far**")
    if decided.is_empty():
        st.caption("None yet.")
        return
    st.markdown(
        "\n".join(f"- {cards.describe_decision(row, formats)}" for row in decided.iter_rows(named=True))
    )


def _draw_invoices(page: panels.Page, customer_id: str) -> None:
    st.subheader("Open invoices", anchor=False)
    invoices = _invoices(page, customer_id)
    if invoices.is_empty():
        st.caption("No invoice is open.")
        return
    dated = invoices.drop_nulls(["payment_date_p10", "payment_date_p50", "payment_date_p90"])
    if not dated.is_empty():
        st.markdown("**When they are expected to be paid**")
        if dated.height > CHART_ROWS:
            st.caption(f"The {CHART_ROWS} that are due longest; all of them are in the table.")
        panels.draw_chart(
            draw_payment_dates(dated.head(CHART_ROWS), page.snapshot.as_of, page.formats),
            key="payment-dates",
            alt="Expected payment date of each open invoice with the range of 8 cases in 10",
        )
    shown, picked = panels.draw_pages(
        invoices,
        select=True,
        key=f"invoices-{customer_id}",
        prepare=_add_invoice_words,
        empty="",
        columns={
            "invoice_id": "Invoice",
            "due_date": st.column_config.DateColumn("Due", format="ddd D MMM YYYY"),
            "days_late": st.column_config.NumberColumn(
                "Days late", format="%d", help="Negative: not due yet."
            ),
            "open": st.column_config.NumberColumn("Open", format="accounting"),
            "currency": st.column_config.TextColumn("Currency", width="small"),
            "late_percent": st.column_config.NumberColumn("Paid late", format="%.0f %%", help="Probability"),
            "paid_14_percent": st.column_config.NumberColumn(
                "Paid in 14 days", format="%.0f %%", help="Probability that it is paid within 14 days"
            ),
            "payment_date_p50": st.column_config.DateColumn("Middle estimate", format="D MMM YYYY"),
            "status": "Score",
        },
    )
    explained = shown.row(picked[0] if picked else 0, named=True)
    if explained["reason_codes"]:
        st.markdown(f"**What moves invoice {panels.escape(explained['invoice_id'])} most**")
        st.markdown(
            "\n".join(
                f"- {wording.describe_reason(code)}" for code in explained["reason_codes"][:REASONS_SHOWN]
            )
        )
        if invoices.height > 1:
            st.caption("Choose another row to read about that invoice.")


def _add_invoice_words(invoices: pl.DataFrame) -> pl.DataFrame:
    return invoices.with_columns(
        pl.col("open_amount").cast(pl.Float64).alias("open"),
        (pl.col("late_prob") * 100).alias("late_percent"),
        (pl.col("paid_14_prob") * 100).alias("paid_14_percent"),
        pl.col("score_status")
        .replace_strict(wording.SCORE_STATUSES, default=pl.col("score_status"))
        .alias("status"),
    )


def _draw_timeline(page: panels.Page, customer_id: str, zone: str) -> None:
    st.subheader("What happened", anchor=False)
    timeline = page.read("out_timeline").filter(pl.col("customer_id") == customer_id)
    if timeline.is_empty():
        st.caption("No invoices, payments or contacts are known for this customer.")
        return
    panels.draw_chart(
        draw_timeline(timeline, page.formats),
        key="timeline",
        alt="Invoices, payments, contacts and other events over time, one lane per kind",
    )
    if not set(timeline["kind"].unique()) & {"contact", "reply"}:
        st.caption("The ledger has no contact history for this customer.")
    panels.draw_pages(
        timeline.sort("event_at", "event_id", descending=True),
        key=f"timeline-{customer_id}",
        empty="",
        prepare=lambda part: part.with_columns(
            rows.event_day(zone).alias("day"),
            pl.col("kind").replace_strict(wording.EVENT_KINDS, default=pl.col("kind")).alias("kind_words"),
            pl.col("amount").cast(pl.Float64).alias("money"),
        ),
        columns={
            "day": st.column_config.DateColumn("Day", format="ddd D MMM YYYY"),
            "kind_words": "What",
            "description": st.column_config.TextColumn("In words", width="large"),
            "money": st.column_config.NumberColumn("Amount", format="accounting"),
            "currency": st.column_config.TextColumn("Currency", width="small"),
            "invoice_id": "Invoice",
        },
    )


panels.guard(draw, panels.open_page("Customer"))
