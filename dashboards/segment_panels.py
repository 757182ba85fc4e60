"""What pages say about segments: what they mean, who moved, who may be turning, which model speaks.

Belongs here: pieces about segments that pages draw. Does not belong here: pictures (charts), one customer's
behaviour (views/customer).
"""

import polars as pl
import streamlit as st

from dashboards import panels, wording
from dashboards.charts.segments import draw_migration_flow
from segmentation.domain.vocabulary import Segment

TURNING_PROB = 0.2
"""From here on a customer is shown as possibly turning."""


def draw_definitions(page: panels.Page) -> None:
    """Draw what every segment means; nothing for snapshots that do not say."""
    definitions = page.read_if_there("out_segment_definitions")
    if definitions is None or definitions.is_empty():
        return
    said = dict(definitions.select("segment", "definition").iter_rows())
    with st.expander("What these words mean"):
        st.markdown(
            "\n".join(
                f"- **{name}.** {said[segment]}"
                for segment, name in wording.SEGMENTS.items()
                if segment in said
            )
        )


def draw_migrations(page: panels.Page) -> None:
    """Draw who moved between segments since the previous snapshot, and why; nothing without one."""
    migrations = page.read_if_there("out_segment_migrations")
    if migrations is None or migrations.is_empty():
        return
    st.subheader("Who moved since the last snapshot", anchor=False)
    formats = page.formats
    moved = migrations.filter(pl.col("from_segment") != pl.col("to_segment"))
    count = {
        reason: moved.filter(changed_because=reason)["customer_count"].sum()
        for reason in ("behaviour", "model")
    }
    st.markdown(
        f"**{formats.number(sum(count.values()))}** of {formats.number(migrations['customer_count'].sum())} customers moved: "
        f"{formats.number(count['behaviour'])} because of {wording.CHANGE_REASONS['behaviour']} (blue), "
        f"{formats.number(count['model'])} because of {wording.CHANGE_REASONS['model']} (orange). Grey ones stayed."
    )
    panels.draw_chart(
        draw_migration_flow(migrations, formats),
        key="migrations",
        alt="Customers by paying behaviour in the previous snapshot and in this one, and the flows between them",
    )


def find_turning(segments: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of customers who may be turning and are not called often late yet; none for snapshots that do not say."""
    if "turning_prob" not in segments.columns:
        return segments.clear()
    return segments.filter(
        pl.col("turning_prob") >= TURNING_PROB, pl.col("segment") != Segment.STRUCTURAL.value
    )


def draw_turning(page: panels.Page) -> None:
    """Draw punctual customers who may be turning into late payers; nothing for snapshots that do not say."""
    segments = page.read("out_customer_segments")
    if "turning_prob" not in segments.columns:
        return
    turning = find_turning(segments)
    st.subheader("Early signs", anchor=False)
    st.caption(
        "Punctual half a year ago (or when first known), not often late yet, and by now or within 90 days late by habit with the "
        "probability shown."
    )
    if turning.is_empty():
        st.markdown(f"Nobody reaches {page.formats.share(TURNING_PROB)}.")
        return
    names = page.read("out_customers").select("customer_id", "name")
    panels.draw_pages(
        turning.join(names, "customer_id", "left").sort(
            "turning_prob", "customer_id", descending=[True, False]
        ),
        key="turning",
        empty="",
        prepare=lambda part: part.with_columns(
            (pl.col("turning_prob") * 100).alias("turning_percent"),
            pl.col("segment").replace_strict(wording.SEGMENTS, default=pl.col("segment")).alias("now"),
        ),
        columns={
            "customer_id": "Customer",
            "name": "Name",
            "turning_percent": st.column_config.NumberColumn("May be turning", format="%.0f %%"),
            "now": "Now",
            "late_count": st.column_config.NumberColumn("Late", format="%d"),
            "settled_count": st.column_config.NumberColumn("Of instalments", format="%d"),
        },
    )


def draw_comparison(page: panels.Page) -> None:
    """Draw which model of paying behaviour speaks, and why; nothing for snapshots that do not say."""
    comparison = page.read_if_there("out_segment_comparison")
    if comparison is None or comparison.is_empty():
        return
    st.subheader("Which model of paying behaviour speaks", anchor=False)
    for row in comparison.sort("is_published", descending=True).iter_rows(named=True):
        mark = ":material/check_circle:" if row["is_published"] else ":material/remove:"
        st.markdown(
            f"{mark} **{wording.say(wording.BEHAVIOUR_MODELS, row['model'])}.** {panels.escape(row['note'])}"
        )
    panels.draw_pages(
        comparison,
        key="segment-comparison",
        empty="",
        prepare=lambda part: part.with_columns(
            pl.col("model").replace_strict(wording.BEHAVIOUR_MODELS, default=pl.col("model")).alias("name")
        ),
        columns={
            "name": "Model",
            "late_log_loss": st.column_config.NumberColumn(
                "Log loss",
                format="%.4f",
                help="Of the late propensity, per later instalment; lower is better.",
            ),
            "structural_brier": st.column_config.NumberColumn(
                "Brier of habit",
                format="%.4f",
                help="Against being late in more than half of later instalments.",
            ),
            "customer_count": st.column_config.NumberColumn("Customers", format="localized"),
            "instalment_count": st.column_config.NumberColumn("Later instalments", format="localized"),
        },
    )
