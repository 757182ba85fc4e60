"""The model of payment days: beside its baselines, over time, and its card.

Belongs here: what the page of runs shows of that model. Does not belong here: segments (segment_panels), charts.
"""

import polars as pl
import streamlit as st

from dashboards import panels, wording
from dashboards.charts.models import draw_models, draw_reliability

_CHARTED = (
    ("late_brier", "Brier score of late (lower is better)", 3),
    ("days_mae", "Days off on average (lower is better)", 1),
)

_WATCHED_KINDS = ("input_drift", "score_drift", "calibration")


def draw_comparison(page: panels.Page) -> None:
    """Draw how the model does beside its baselines, and how often its predictions come true."""
    comparison = page.read("out_model_comparison")
    reliability = page.read("out_reliability")
    if comparison.is_empty():
        st.caption(page.snapshot.manifest.tables["out_model_comparison"].note or "No models were compared.")
    else:
        _draw_models(comparison)
    st.subheader("Do predictions come true as often as they say?", anchor=False)
    if reliability.is_empty():
        st.caption(
            page.snapshot.manifest.tables["out_reliability"].note or "There is nothing to compare yet."
        )
        return
    target = reliability.filter(pl.col("target") == "late").sort("bin")
    panels.draw_chart(
        draw_reliability(target),
        key="reliability",
        alt="Observed share of late instalments against the predicted probability, by bin",
    )


def draw_monitoring(page: panels.Page) -> None:
    """Draw whether today's invoices look like those that were learned from, and whether scores came true."""
    watched = page.read_if_there("out_monitoring")
    if watched is None or watched.is_empty():
        st.caption("Nothing was watched in this snapshot.")
        return
    warned = watched.filter(pl.col("verdict") == "warn")
    for statement in warned["statement"].to_list():
        st.markdown(f":material/warning: {panels.escape(statement)}")
    st.markdown(_sum_up(watched))
    panels.draw_pages(
        watched.sort(pl.col("verdict") != "warn", "kind", "subject"),
        key="monitoring",
        empty="",
        prepare=lambda part: part.with_columns(
            pl.col("kind", "subject").str.replace_all("_", " "),
            pl.col("verdict").str.replace_all("_", " "),
        ),
        wrap=True,
        columns={
            "kind": "What",
            "subject": "Of",
            "value": st.column_config.NumberColumn(
                "Value",
                format="%.3f",
                help="Drift: population stability index; late gap: observed less predicted share.",
            ),
            "reference_count": st.column_config.NumberColumn("Compared with", format="localized"),
            "current_count": st.column_config.NumberColumn("Looked at", format="localized"),
            "verdict": "Verdict",
            "statement": st.column_config.TextColumn("In words", width="large"),
        },
    )


def _sum_up(watched: pl.DataFrame) -> str:
    """Return how much could be compared; and that all is well where something of each kind was, and passed."""
    compared = watched.filter(pl.col("verdict") != "not_assessable")
    said = f"{compared.height} of {watched.height} figures could be compared."
    is_well = set(_WATCHED_KINDS) <= set(compared["kind"]) and (compared["verdict"] == "pass").all()
    if not is_well:
        return said
    return f"Today's invoices look like those that were learned from, and scores came true: {said}"


def draw_card(page: panels.Page) -> None:
    """Draw the model card: from which data, how good, for what, and where it ends."""
    card = page.read_if_there("out_model_card")
    if card is None or card.is_empty():
        st.caption("This snapshot has no model card.")
        return
    for (section,), part in card.sort("position").group_by(["section"], maintain_order=True):
        st.markdown(f"**{panels.escape(str(section).capitalize())}**")
        st.markdown(
            "\n".join(
                f"- {panels.escape(row['item'])}: {panels.escape(row['statement'])}"
                for row in part.iter_rows(named=True)
            )
        )


def _draw_models(comparison: pl.DataFrame) -> None:
    overall = comparison.filter(pl.col("depth") == "all")
    for note in overall.filter(pl.col("is_published"))["note"].to_list():
        st.markdown(f"**In use:** {panels.escape(note)}")
    for column, (name, axis, digits) in zip(st.columns(2, gap="large"), _CHARTED, strict=True):
        if overall[name].is_not_null().any():
            with column:
                panels.draw_chart(
                    draw_models(overall.sort(name, nulls_last=True), name, axis, digits),
                    key=f"models-{name}",
                    alt=f"{axis}, by model",
                )
    depths = comparison["depth"].n_unique() > 1
    panels.draw_pages(
        comparison.sort(pl.col("depth") != "all", "depth", "late_brier", "model", nulls_last=True),
        key="models",
        empty="",
        prepare=lambda part: part.with_columns(
            pl.col("model").replace_strict(wording.MODELS, default=pl.col("model")).alias("model_words"),
            pl.when(pl.col("is_published")).then(pl.lit("✓ in use")).otherwise(pl.lit("–")).alias("use"),
        ),
        columns={
            "model_words": st.column_config.TextColumn("Model", width="medium"),
            "use": "In use",
            **({"depth": "History"} if depths else {}),
            "invoice_count": st.column_config.NumberColumn("Tested on", format="localized"),
            "late_auc": st.column_config.NumberColumn("AUC", format="%.3f"),
            "late_brier": st.column_config.NumberColumn("Brier", format="%.3f"),
            "late_log_loss": st.column_config.NumberColumn("Log loss", format="%.3f"),
            "late_ece": st.column_config.NumberColumn("Calibration error", format="%.3f"),
            "days_mae": st.column_config.NumberColumn(
                "Days off", format="%.1f", help="Mean absolute error of the payment date, in days."
            ),
            "coverage_80_share": st.column_config.NumberColumn("In 80 % interval", format="%.2f"),
            "note": st.column_config.TextColumn("Note", width="large"),
        },
    )
