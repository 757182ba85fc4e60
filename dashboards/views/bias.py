"""Bias: are groups of customers treated alike, what could be assessed, and what could not."""

import polars as pl
import streamlit as st

from dashboards import cards, charts, panels, wording

SENTENCES_SHOWN = 40
ADVICE = {
    "pass": "No gap above the stated bounds was found in what could be assessed. That is not proof that there is none.",
    "inconclusive": "There is too little evidence to rule out a material gap. Strict steps are left to a person.",
    "block": "A gap above the stated bound was found. Nothing new is published until it has been looked into.",
    "not_assessable": "The ledger does not hold what is needed to compare groups. That is not a pass.",
}


def draw(page: panels.Page) -> None:
    """Draw the bias check of a snapshot."""
    fairness = page.read("out_fairness")
    _draw_verdict(page)
    assessed = fairness.drop_nulls("estimate")
    if assessed.is_empty():
        st.info("No group could be compared.", icon=wording.VERDICT_ICONS["not_assessable"])
    else:
        _draw_comparison(assessed)
    _draw_gaps_in_knowledge(fairness)
    st.caption(
        "Groups are used here and nowhere else: they are no input of any score or step. "
        "Groups of fewer than 30 get no figure; groups of fewer than 300 get no pass."
    )


def _draw_verdict(page: panels.Page) -> None:
    verdict = page.snapshot.manifest.fairness
    show = {"pass": st.success, "block": st.error, "inconclusive": st.warning}.get(verdict.verdict, st.info)
    show(
        f"**{wording.say(wording.VERDICTS, verdict.verdict)}.** {verdict.statement}",
        icon=wording.VERDICT_ICONS.get(verdict.verdict, ":material/balance:"),
    )
    st.caption(ADVICE.get(verdict.verdict, ""))


def _draw_comparison(assessed: pl.DataFrame) -> None:
    left, right = st.columns(2)
    metrics = assessed["metric"].unique(maintain_order=True).to_list()
    metrics.sort(
        key=lambda name: (
            name not in wording.FAIRNESS_METRICS,
            list(wording.FAIRNESS_METRICS).index(name) if name in wording.FAIRNESS_METRICS else 0,
            name,
        )
    )
    metric = left.selectbox(
        "What is compared",
        metrics,
        format_func=lambda name: wording.say(wording.FAIRNESS_METRICS, name),
        key="bias-metric",
        persist_state="session",
    )
    of_metric = assessed.filter(pl.col("metric") == metric)
    attributes = of_metric["attribute"].unique().sort().to_list()
    attribute = right.selectbox(
        "Between groups by",
        attributes,
        format_func=lambda name: wording.say(wording.ATTRIBUTES, name),
        key=f"bias-attribute-{metric}",
    )
    shown = of_metric.filter(pl.col("attribute") == attribute).sort(
        "estimate", "group", descending=[True, False]
    )
    panels.draw_chart(
        charts.draw_groups(shown, wording.say(wording.FAIRNESS_METRICS, metric)),
        key="bias-groups",
        alt=f"{wording.say(wording.FAIRNESS_METRICS, metric)} by {wording.say(wording.ATTRIBUTES, attribute)}, with intervals",
    )
    st.subheader("All comparisons", anchor=False)
    ordered = assessed.sort(
        pl.col("verdict").replace_strict(
            ["block", "inconclusive", "pass", "not_assessable"], [0, 1, 2, 3], default=4
        ),
        "family",
        "metric",
        "attribute",
        "group",
    )
    panels.draw_pages(
        ordered,
        key="bias-table",
        empty="",
        prepare=_add_words,
        columns={
            "verdict_words": "Verdict",
            "metric_words": st.column_config.TextColumn("What is compared", width="medium"),
            "attribute_words": "Groups by",
            "group_words": "Group",
            "count": st.column_config.NumberColumn("Customers", format="localized"),
            "rate": st.column_config.NumberColumn("Rate", format="%.1f %%"),
            "reference_words": "Compared with",
            "gap_points": st.column_config.NumberColumn(
                "Gap (points)",
                format="%+.1f",
                help="Rate less the rate of the group compared with, in percentage points.",
            ),
            "gap_high_points": st.column_config.NumberColumn(
                "Gap at most", format="%+.1f", help="Simultaneous upper bound, in percentage points."
            ),
            "ratio": st.column_config.NumberColumn(
                "Ratio", format="%.2f", help="Reported, never the reason for a verdict."
            ),
            "p_value": st.column_config.NumberColumn("p (Holm)", format="%.3f"),
            "statement": st.column_config.TextColumn("In words", width="large"),
        },
    )


def _add_words(part: pl.DataFrame) -> pl.DataFrame:
    return part.with_columns(
        pl.col("verdict").replace_strict(wording.VERDICTS, default=pl.col("verdict")).alias("verdict_words"),
        pl.col("metric")
        .map_elements(lambda code: wording.say(wording.FAIRNESS_METRICS, code), return_dtype=pl.String)
        .alias("metric_words"),
        pl.col("attribute")
        .map_elements(lambda code: wording.say(wording.ATTRIBUTES, code), return_dtype=pl.String)
        .alias("attribute_words"),
        pl.struct("attribute", "group")
        .map_elements(
            lambda row: wording.describe_group(row["attribute"], row["group"]), return_dtype=pl.String
        )
        .alias("group_words"),
        pl.struct("attribute", "reference")
        .map_elements(
            lambda row: wording.describe_group(row["attribute"], row["reference"]), return_dtype=pl.String
        )
        .alias("reference_words"),
        (pl.col("estimate") * 100).alias("rate"),
        (pl.col("gap") * 100).alias("gap_points"),
        (pl.col("gap_high") * 100).alias("gap_high_points"),
    )


def _draw_gaps_in_knowledge(fairness: pl.DataFrame) -> None:
    missing = fairness.filter(pl.col("verdict") == "not_assessable")
    if missing.is_empty():
        return
    st.subheader("What could not be assessed, and what would help", anchor=False)
    whole = missing.filter(pl.col("group") == "all")
    sentences = (
        whole.sort("attribute", "metric")
        .group_by("attribute", "statement", maintain_order=True)
        .agg(pl.col("metric").unique(maintain_order=True))
    )
    for row in sentences.head(SENTENCES_SHOWN).iter_rows(named=True):
        metrics = ", ".join(wording.say(wording.FAIRNESS_METRICS, name).lower() for name in row["metric"])
        st.markdown(
            f"- **{wording.say(wording.ATTRIBUTES, row['attribute'])}** ({metrics}): {cards.escape(row['statement'])}"
        )
    small = missing.filter(pl.col("group") != "all").sort("attribute", "group", "metric")
    if small.is_empty():
        return
    st.caption("Groups too small for a figure: they need more customers, or several runs taken together.")
    panels.draw_pages(
        small,
        key="bias-small",
        empty="",
        prepare=_add_words,
        columns={
            "attribute_words": "Groups by",
            "group_words": "Group",
            "metric_words": st.column_config.TextColumn("What would be compared", width="large"),
            "statement": st.column_config.TextColumn("In words", width="large"),
        },
    )


panels.guard(draw, panels.open_page("Bias"))
