"""Bias: are groups of customers treated alike, what could be assessed, and what could not."""

import polars as pl
import streamlit as st

from dashboards import panels, wording
from dashboards.charts.fairness import draw_groups, draw_tradeoff

SENTENCES_SHOWN = 40
REPORT_FILE = "bias_report.html"
ADVICE = {
    "pass": "No gap above the stated bounds was found in what could be assessed. That is not proof that there is none.",
    "inconclusive": "There is too little evidence to rule out a material gap. Strict steps are left to a person.",
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
    _draw_proxies(page)
    _draw_tradeoff(page)
    _draw_history(page)
    st.caption(
        "Groups are used here and nowhere else: they are no input of any score or step. "
        "Groups that are too small get no figure, and small ones get no pass: the table says how many there are."
    )


def _draw_verdict(page: panels.Page) -> None:
    verdict = page.snapshot.manifest.fairness
    show = {"pass": st.success, "block": st.error, "inconclusive": st.warning}.get(verdict.verdict, st.info)
    show(
        f"**{wording.say(wording.VERDICTS, verdict.verdict)}.** {verdict.statement}",
        icon=wording.VERDICT_ICONS.get(verdict.verdict, ":material/balance:"),
    )
    if page.snapshot.manifest.override is None:
        st.caption(ADVICE.get(verdict.verdict, ""))
    report = page.snapshot.read_document(REPORT_FILE)
    if report is not None:
        st.download_button(
            "Download the whole report",
            report,
            file_name=f"bias-report-{page.snapshot.id}.html",
            mime="text/html",
            icon=":material/download:",
            on_click="ignore",
        )


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
    blocked = set(of_metric.filter(pl.col("verdict") == "block")["attribute"])
    attributes = sorted(
        of_metric["attribute"].unique(), key=lambda name: (name not in blocked, wording.PAIR in name, name)
    )
    attribute = right.selectbox(
        "Between groups by",
        attributes,
        format_func=wording.describe_attribute,
        key=f"bias-attribute-{metric}",
    )
    shown = of_metric.filter(pl.col("attribute") == attribute).sort(
        "estimate", "group", descending=[True, False]
    )
    panels.draw_chart(
        draw_groups(shown, wording.say(wording.FAIRNESS_METRICS, metric)),
        key="bias-groups",
        alt=f"{wording.say(wording.FAIRNESS_METRICS, metric)} by {wording.describe_attribute(attribute)}, with intervals",
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
        wrap=True,
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
            "p_value": st.column_config.NumberColumn("p (corrected)", format="%.3f"),
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
        .map_elements(wording.describe_attribute, return_dtype=pl.String)
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
    unassessed = fairness.filter(pl.col("verdict") == "not_assessable")
    missing = unassessed.filter(~pl.col("attribute").str.contains(wording.PAIR, literal=True))
    if missing.height < unassessed.height:
        st.caption(
            "Pairs of groups with fewer than 30 customers, or from which such a pair could be worked out, have no figure."
        )
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
            f"- **{wording.describe_attribute(row['attribute'])}** ({metrics}): {panels.escape(row['statement'])}"
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
        wrap=True,
        columns={
            "attribute_words": "Groups by",
            "group_words": "Group",
            "metric_words": st.column_config.TextColumn("What would be compared", width="large"),
            "statement": st.column_config.TextColumn("In words", width="large"),
        },
    )


def _draw_proxies(page: panels.Page) -> None:
    table = page.read_if_there("out_fairness_proxies")
    if table is None:
        return
    proxies = table.drop_nulls("auc").sort("auc", descending=True)
    st.subheader("Can a group be told without being named?", anchor=False)
    st.caption(
        "How well features, or the segment, tell a group from everybody else: 50 % is chance, 100 % is certainty. "
        "A proxy is no proof of unfairness; it says where to look."
    )
    panels.draw_pages(
        proxies,
        key="bias-proxies",
        empty="No group is large enough for a figure, or there is no group data.",
        prepare=lambda part: part.with_columns(
            pl.col("attribute")
            .map_elements(wording.describe_attribute, return_dtype=pl.String)
            .alias("attribute_words"),
            pl.struct("attribute", "group")
            .map_elements(
                lambda row: wording.describe_group(row["attribute"], row["group"]), return_dtype=pl.String
            )
            .alias("group_words"),
            pl.col("source").replace_strict(wording.PROXY_SOURCES, default=pl.col("source")),
            (pl.col("auc") * 100).alias("told"),
            (pl.col("auc_low") * 100).alias("told_low"),
            (pl.col("auc_high") * 100).alias("told_high"),
            pl.col("strongest").list.join(", ").str.replace_all("_", " ").alias("strongest_words"),
        ),
        columns={
            "attribute_words": "Groups by",
            "group_words": "Group",
            "source": "Told from",
            "count": st.column_config.NumberColumn("Customers", format="localized"),
            "told": st.column_config.NumberColumn("How well (AUC)", format="%.0f %%"),
            "told_low": st.column_config.NumberColumn("At least", format="%.0f %%"),
            "told_high": st.column_config.NumberColumn("At most", format="%.0f %%"),
            "strongest_words": st.column_config.TextColumn("Strongest proxies", width="large"),
        },
    )


def _draw_tradeoff(page: panels.Page) -> None:
    tradeoff = page.read_if_there("out_fairness_tradeoff")
    if tradeoff is None or tradeoff.is_empty():
        return
    st.subheader("What a smaller gap costs in accuracy", anchor=False)
    panels.draw_chart(
        draw_tradeoff(tradeoff),
        key="bias-tradeoff",
        alt="Widest gap in false positives against accuracy, for every option of mitigation",
    )


def _draw_history(page: panels.Page) -> None:
    table = page.read_if_there("out_fairness_history")
    if table is None:
        return
    history = table.sort("as_of_date", descending=True)
    st.subheader("Earlier checks", anchor=False)
    panels.draw_pages(
        history,
        key="bias-history",
        empty="No earlier check is on record.",
        prepare=lambda part: part.with_columns(
            pl.col("verdict").replace_strict(wording.VERDICTS, default=pl.col("verdict")),
            (pl.col("alpha") * 100).alias("spent"),
            (pl.col("alpha_spent") * 100).alias("spent_so_far"),
            (pl.col("widest_gap") * 100).alias("gap_points"),
        ),
        wrap=True,
        columns={
            "as_of_date": st.column_config.DateColumn("As of"),
            "verdict": "Verdict",
            "compared_count": st.column_config.NumberColumn(
                "Comparisons", format="localized", help="Of groups and of pairs of groups that have a figure."
            ),
            "blocked_count": st.column_config.NumberColumn("Of which gaps", format="localized"),
            "gap_points": st.column_config.NumberColumn("Widest gap (points)", format="%+.1f"),
            "spent": st.column_config.NumberColumn(
                "Alarms risked",
                format="%.2f %%",
                help="Chance of a false alarm that this check allowed itself.",
            ),
            "spent_so_far": st.column_config.NumberColumn(
                "In the period",
                format="%.2f %%",
                help="The same, summed over the period of the budget up to this check.",
            ),
            "statement": st.column_config.TextColumn("In words", width="large"),
        },
    )


panels.guard(draw, panels.open_page("Bias", with_bias_banner=False))
