"""From the frames of all rooms to the published tables.

Belongs here: choosing, joining and summing up what consumers read; comparison with the previous
snapshot. Does not belong here: scores, segments and steps (their rooms), measures of the book
(portfolio), sentences about events (timeline), the change feed (changes), files (writer).
"""

from datetime import date

import polars as pl

from segmentation.domain.published_tables import (
    AMOUNT_AT_RISK_COLUMNS,
    AS_OF_DATE,
    CUSTOMER_RISK,
    CUSTOMERS,
    INVOICE_SCORES,
    PAYMENT_DATE_COLUMNS,
    PUBLISHED_TABLES,
    RISK_REASONS,
)
from segmentation.domain.reasons import DOWN, REASON_SENTENCES, UP
from segmentation.domain.schema import Frames
from segmentation.publish.changes import list_changes
from segmentation.publish.migration import compare_segments, count_migrations
from segmentation.publish.portfolio import measure_portfolio
from segmentation.publish.quality import summarise_quality, summarise_quarantine
from segmentation.publish.reader import Snapshot
from segmentation.publish.timeline import tell_timeline

_TAKEN_OVER = {
    "out_segment_definitions": "pred_segment_definition",
    "out_segment_comparison": "pred_segment_comparison",
    "out_segment_model": "pred_segment_model",
    "out_recommendations": "act_recommendation",
    "out_gates": "act_gate",
    "out_cash_forecast": "pred_cash_forecast",
    "out_fairness": "audit_fairness",
    "out_fairness_history": "audit_history",
    "out_fairness_proxies": "audit_proxies",
    "out_fairness_tradeoff": "audit_tradeoff",
    "out_model_comparison": "pred_model_comparison",
    "out_reliability": "pred_reliability",
    "out_monitoring": "pred_monitoring",
    "out_model_card": "pred_model_card",
}
"""Published tables that a room already hands over in their published form."""


def assemble_tables(frames: Frames, as_of: date, previous: Snapshot | None) -> dict[str, pl.DataFrame]:
    """Return every published table by name, each with the columns and types of its definition.

    Parameters
    ----------
    frames : all ``core_``, ``pred_``, ``act_`` and ``audit_`` tables by name.
    as_of : day before whose start everything in them was observed.
    previous : snapshot to compare with (``reader.open_previous``); None for the first one.

    Notes
    -----
    The result depends on ``frames``, ``as_of`` and the content of ``previous`` alone, not on the order
    of rows.
    """
    before = _read_previous(previous)
    tables = {name: PUBLISHED_TABLES[name].conform(frames[source]) for name, source in _TAKEN_OVER.items()}
    tables["out_invoice_scores"] = score_invoices(frames["pred_instalment_risk"])
    tables["out_risk_reasons"] = tell_reasons(frames["pred_instalment_risk"], frames["pred_risk_reason"])
    tables["out_customer_risk"] = sum_customers(tables["out_invoice_scores"])
    tables["out_customer_segments"] = compare_segments(
        frames["pred_segment"], before.get("out_customer_segments")
    )
    tables["out_segment_migrations"] = count_migrations(tables["out_customer_segments"])
    tables["out_customers"] = list_customers(frames)
    tables["out_portfolio"] = measure_portfolio(frames, as_of)
    tables["out_quality"] = summarise_quality(frames["core_quality"])
    tables["out_quarantine"] = summarise_quarantine(frames["core_quarantine"])
    tables["out_timeline"] = tell_timeline(frames)
    tables["out_changes"] = list_changes(tables, before, as_of, previous.id if previous else None)
    return {name: tables[name] for name in PUBLISHED_TABLES}


def score_invoices(instalment_risk: pl.DataFrame) -> pl.DataFrame:
    """Return the scores of every open invoice, as ``out_invoice_scores``.

    Parameters
    ----------
    instalment_risk : ``pred_instalment_risk``.

    Notes
    -----
    An invoice is settled when its last instalment is: probabilities, payment dates, reasons and status
    are those of the open instalment that is due last. It is as late as its oldest debt: due date
    and days late are those of the open instalment that is due first. The open amount is the sum; the
    overdue amount that of the instalments past their due date, so that an invoice of which one instalment
    is late is not overdue as a whole.
    """
    in_order = instalment_risk.sort("invoice_id", "due_date", "instalment_number")
    added = [pl.col(c.name).sum() for c in AMOUNT_AT_RISK_COLUMNS]
    first = [pl.col(name).first() for name in ("due_date", "days_late")]
    last = [pl.col(c.name).last() for c in (AS_OF_DATE, *PAYMENT_DATE_COLUMNS)]
    shared = [pl.col(name).first() for name in ("customer_id", "currency")]
    overdue = pl.col("open_amount").filter(pl.col("days_late") > 0).sum().alias("overdue_amount")
    return INVOICE_SCORES.conform(
        in_order.group_by("invoice_id", maintain_order=True).agg(
            *shared, *first, pl.col("open_amount").sum(), overdue, *last, *added
        )
    )


def tell_reasons(instalment_risk: pl.DataFrame, reason: pl.DataFrame) -> pl.DataFrame:
    """Return what moved the score of every open invoice most, in words and with evidence (``out_risk_reasons``).

    Parameters
    ----------
    instalment_risk : ``pred_instalment_risk``.
    reason : ``pred_risk_reason``.

    Notes
    -----
    The reasons are those of the open instalment that is due last, like the score (``score_invoices``).
    """
    last = (
        instalment_risk.sort("invoice_id", "due_date", "instalment_number")
        .group_by("invoice_id", maintain_order=True)
        .agg(pl.col("instalment_number").last(), pl.col("customer_id").first())
    )
    top = reason.drop_nulls("rank").join(last, on=("invoice_id", "instalment_number"))
    way = pl.when(pl.col("contribution") > 0).then(pl.lit(UP)).otherwise(pl.lit(DOWN))
    told = top.with_columns(pl.concat_str("reason_code", way, separator="_").alias("reason_code"))
    words = pl.col("reason_code").replace_strict(dict(REASON_SENTENCES), return_dtype=pl.String)
    return RISK_REASONS.conform(told.with_columns(words.alias("sentence")).sort("invoice_id", "rank"))


def sum_customers(invoice_scores: pl.DataFrame) -> pl.DataFrame:
    """Return what every customer owes and what is at risk of it, by currency (``out_customer_risk``).

    Parameters
    ----------
    invoice_scores : ``out_invoice_scores``.
    """
    summed = ("open_amount", "overdue_amount", *(column.name for column in AMOUNT_AT_RISK_COLUMNS))
    return CUSTOMER_RISK.conform(
        invoice_scores.group_by("customer_id", "currency")
        .agg(pl.len().alias("open_invoice_count"), *(pl.col(name).sum() for name in summed))
        .sort("customer_id", "currency")
    )


def list_customers(frames: Frames) -> pl.DataFrame:
    """Return every customer that any published table speaks of, as ``out_customers``.

    Parameters
    ----------
    frames : uses ``core_customer``, ``core_invoice``, ``pred_segment`` and ``act_recommendation``.

    Notes
    -----
    Without a first day of the relation in the source, ``customer_since`` is the day of the first
    document.
    """
    named = pl.concat(
        frames[name].select("customer_id")
        for name in ("core_customer", "core_invoice", "pred_segment", "act_recommendation")
    ).unique()
    first_document = frames["core_invoice"].group_by("customer_id").agg(pl.col("issue_date").min())
    return CUSTOMERS.conform(
        named.join(frames["core_customer"], on="customer_id", how="left")
        .join(first_document, on="customer_id", how="left")
        .with_columns(pl.coalesce("customer_since", "issue_date").alias("customer_since"))
    )


def _read_previous(previous: Snapshot | None) -> dict[str, pl.DataFrame]:
    if previous is None:
        return {}
    return {
        name: PUBLISHED_TABLES[name].conform(previous.read_table(name))
        for name in PUBLISHED_TABLES
        if name in previous.manifest.tables
    }
