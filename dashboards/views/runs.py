"""Runs: what was published, from which data, by which model, and whether it is intact."""

import polars as pl
import streamlit as st

from dashboards import model_panels, panels, published, rows, segment_panels, wording
from segmentation.domain.errors import SegmentationError
from segmentation.publish.reader import Snapshot


def draw(page: panels.Page) -> None:
    """Draw all snapshots, and the one that this session reads in full."""
    _draw_snapshots(page)
    _draw_facts(page)
    quality, model, watch, card = st.tabs(
        ["Quality of the data", "Model against baselines", "Drift and calibration", "Model card"]
    )
    with quality:
        _draw_quality(page)
        _draw_quarantine(page)
    with model:
        model_panels.draw_comparison(page)
        segment_panels.draw_comparison(page)
    with watch:
        model_panels.draw_monitoring(page)
    with card:
        model_panels.draw_card(page)
    with st.expander("Manifest", icon=":material/data_object:"):
        st.json(page.snapshot.manifest.model_dump(mode="json"), expanded=1)


def _draw_snapshots(page: panels.Page) -> None:
    st.subheader("Published snapshots", anchor=False)
    snapshots = published.all_snapshots()
    newest = published.open_newest()
    frame = pl.DataFrame(
        [
            {
                "snapshot": snapshot.id,
                "state": _describe_state(page, snapshot, newest),
                "as_of": snapshot.as_of,
                "published_at": snapshot.manifest.published_at,
                "valid_until": snapshot.manifest.valid_until,
                "invoices": snapshot.manifest.tables["out_invoice_scores"].row_count,
                "customers": snapshot.manifest.tables["out_customer_segments"].row_count,
                "recommendations": snapshot.manifest.tables["out_recommendations"].row_count,
                "bias": wording.say(wording.VERDICTS, snapshot.manifest.fairness.verdict),
            }
            for snapshot in snapshots
        ]
    )
    decided = rows.sum_up_decisions(published.read_decided(page.snapshot).latest, frame)
    frame = frame.join(decided, on="snapshot", how="left", maintain_order="left").with_columns(
        pl.col("decided_count").fill_null(0),
        pl.col("published_at").dt.convert_time_zone(page.formats.zone.key),
    )
    shown, picked = panels.draw_pages(
        frame,
        key="runs",
        empty="",
        select=True,
        columns={
            "snapshot": "Snapshot",
            "state": "State",
            "as_of": st.column_config.DateColumn("As of", format="ddd D MMM YYYY"),
            "published_at": st.column_config.DatetimeColumn("Published", format="D MMM YYYY, HH:mm"),
            "valid_until": st.column_config.DateColumn("Valid until", format="D MMM YYYY"),
            "invoices": st.column_config.NumberColumn("Invoices", format="localized"),
            "customers": st.column_config.NumberColumn("Customers", format="localized"),
            "recommendations": st.column_config.NumberColumn("Steps", format="localized"),
            "decided_count": st.column_config.NumberColumn("Decided", format="localized"),
            "overruled_share": st.column_config.NumberColumn(
                "Overruled", format="percent", help="Of the steps decided on: adjusted or ignored."
            ),
            "decision_hours": st.column_config.NumberColumn(
                "Hours to decide", format="%.1f", help="Median from publication to decision."
            ),
            "bias": "Bias check",
        },
    )
    chosen = shown["snapshot"][picked[0]] if picked else page.snapshot.id
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen != page.snapshot.id:
            st.button(
                f"Read snapshot {chosen}",
                key="runs-read",
                on_click=published.pin_snapshot,
                args=(chosen,),
                icon=":material/visibility:",
            )
        if st.button(f"Check integrity of {chosen}", key="runs-verify", icon=":material/verified_user:"):
            _verify(page, chosen)
    if not picked and len(snapshots) > 1:
        st.caption("Choose a row to read or check another snapshot.")


def _describe_state(page: panels.Page, snapshot: Snapshot, newest: Snapshot | None) -> str:
    words = []
    if newest is not None and snapshot.id == newest.id:
        words.append("in force")
    if snapshot.id == page.snapshot.id:
        words.append("on screen")
    if not snapshot.is_valid_on(published.now().astimezone(page.formats.zone).date()):
        words.append("out of date")
    return ", ".join(words) or "earlier"


def _verify(page: panels.Page, identifier: str) -> None:
    try:
        found = published.verify(identifier)
    except SegmentationError as error:
        st.error(str(error), icon=":material/gpp_bad:")
        return
    formats = page.formats
    st.success(
        f"Intact: {formats.number(found.file_count)} files ({formats.number(found.byte_count / 1e6, 1)} MB) and "
        f"{formats.number(sum(found.row_counts.values()))} rows in {formats.number(len(found.row_counts))} tables "
        "are as they were published.",
        icon=":material/verified_user:",
    )


def _draw_facts(page: panels.Page) -> None:
    manifest = page.snapshot.manifest
    formats = page.formats
    st.subheader(f"Snapshot {page.snapshot.id}", anchor=False)
    totals = pl.DataFrame(
        [
            {
                "currency": currency,
                "invoices": total.open_invoice_count,
                "open": float(total.open_amount),
                "overdue": float(total.overdue_amount),
            }
            for currency, total in manifest.control_totals.items()
        ],
        schema={"currency": pl.String, "invoices": pl.Int64, "open": pl.Float64, "overdue": pl.Float64},
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            f"- Mapping: `{manifest.mapping_name}`\n"
            f"- Model: `{manifest.model_version}`\n"
            f"- Contract: version {manifest.contract_version}\n"
            f"- Run: `{manifest.run_id}`\n"
            f"- Input: `{manifest.data_hash[:12]}…` · Settings: `{manifest.settings_hash[:12]}…`"
        )
        if manifest.stage_seconds:
            st.caption(
                "Time taken: "
                + ", ".join(
                    f"{name} {formats.number(value, 1)} s" for name, value in manifest.stage_seconds.items()
                )
            )
    with right:
        panels.draw_pages(
            totals,
            key="totals",
            empty="Nothing is open.",
            columns={
                "currency": "Currency",
                "invoices": st.column_config.NumberColumn("Open invoices", format="localized"),
                "open": st.column_config.NumberColumn("Open", format="accounting"),
                "overdue": st.column_config.NumberColumn("Overdue", format="accounting"),
            },
        )
    empty = {
        name: facts.note for name, facts in manifest.tables.items() if facts.row_count == 0 and facts.note
    }
    if empty:
        with st.expander(f"Tables without rows, and why ({len(empty)})", icon=":material/table:"):
            st.markdown("\n".join(f"- `{name}`: {note}" for name, note in sorted(empty.items())))


def _draw_quality(page: panels.Page) -> None:
    quality = page.read("out_quality")
    if quality.is_empty():
        st.caption(page.snapshot.manifest.tables["out_quality"].note or "No checks were recorded.")
        return
    counts = dict(quality.group_by("verdict").len().iter_rows())
    st.markdown(
        f"{counts.get('pass', 0)} checks passed, {counts.get('warn', 0)} with a warning, {counts.get('fail', 0)} failed."
    )
    panels.draw_pages(
        quality.sort(
            pl.col("verdict").replace_strict(["fail", "warn", "pass"], [0, 1, 2], default=3),
            pl.col("rows_quarantined"),
            "check_name",
            "subject",
            descending=[False, True, False, False],
        ),
        key="quality",
        empty="",
        prepare=lambda part: part.with_columns(
            pl.col("verdict")
            .replace_strict(wording.CHECK_VERDICTS, default=pl.col("verdict"))
            .alias("outcome")
        ),
        wrap=True,
        columns={
            "outcome": "Outcome",
            "subject": "File or table",
            "statement": st.column_config.TextColumn("Finding", width="large"),
            "rows_in": st.column_config.NumberColumn("Rows in", format="localized"),
            "rows_loaded": st.column_config.NumberColumn("Loaded", format="localized"),
            "rows_quarantined": st.column_config.NumberColumn("Quarantined", format="localized"),
        },
    )


def _draw_quarantine(page: panels.Page) -> None:
    facts = page.snapshot.manifest.tables.get("out_quarantine")
    if facts is None:  # published by a version that did not have it
        return
    st.subheader("Rows that could not be loaded", anchor=False)
    panels.draw_pages(
        page.read("out_quarantine").sort("row_count", "rule", "table_name", descending=[True, False, False]),
        key="quarantine",
        empty=facts.note or "Every row was loaded.",
        prepare=lambda part: part.with_columns(
            pl.col("rule").str.replace_all("_", " ").alias("reason"),
            pl.col("table_name").str.strip_prefix("core_").str.replace_all("_", " ").alias("table"),
            pl.col("examples").list.join(", ").alias("values"),
        ),
        wrap=True,
        columns={
            "reason": "Reason",
            "table": "Table",
            "column_name": "Column",
            "row_count": st.column_config.NumberColumn("Rows", format="localized"),
            "customer_count": st.column_config.NumberColumn("Customers", format="localized"),
            "values": "Examples",
            "remedy": st.column_config.TextColumn("How to repair", width="large"),
        },
    )


panels.guard(draw, panels.open_page("Runs"))
