"""Sentences about promises, payment plans, disputes and dunning blocks.

Belongs here: what began, and how it ended where that is known. Does not belong here: reasons that
people typed.
"""

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import BlockScope, PromiseStatus
from segmentation.publish.sentences import at_midnight, day, event_id, money, sentence, with_column, worded

_PROMISES = {
    "kept": "Promise to pay kept",
    "broken": "Promise to pay not kept",
    "partial": "Promise to pay kept in part",
}
_OUTCOMES = {
    "upheld": ": the customer was right",
    "rejected": ": the invoice stands",
    "withdrawn": ": withdrawn by the customer",
}
_BLOCKS = {
    "insolvency": ": insolvency",
    "debt_mediation": ": debt mediation",
    "vulnerability": ": protection of a vulnerable customer",
    "manual": ": set by hand",
}


def tell_states(frames: Frames) -> list[pl.DataFrame]:
    """Return the events of promises, plans, disputes and blocks.

    Parameters
    ----------
    frames : uses ``core_promise_to_pay``, ``core_payment_plan``, ``core_dispute``,
        ``core_dunning_block`` and ``core_invoice``.
    """
    owner = frames["core_invoice"].select("invoice_id", "customer_id", "currency")
    return [
        *_tell_promises(frames["core_promise_to_pay"].join(owner, on="invoice_id")),
        *_tell_plans(frames["core_payment_plan"]),
        *_tell_disputes(frames["core_dispute"].join(owner, on="invoice_id")),
        _tell_blocks(frames["core_dunning_block"], owner),
    ]


def _tell_promises(promise: pl.DataFrame) -> list[pl.DataFrame]:
    subject = pl.when(pl.col("amount").is_null()).then(pl.lit("all that is open")).otherwise(money("amount"))
    made = promise.select(
        event_id("promise", "promise_id").alias("event_id"),
        "customer_id",
        at_midnight("made_at").alias("event_at"),
        pl.lit("promise").alias("kind"),
        "invoice_id",
        sentence(
            "Promise to pay ", subject, with_column("of", "invoice_id"), " by ", day("promised_date"), "."
        ),
        "amount",
        pl.when(pl.col("amount").is_not_null()).then(pl.col("currency")).alias("currency"),
    )
    is_resolved = pl.col("resolved_at").is_not_null() & (pl.col("status") != PromiseStatus.OPEN.value)
    resolved = promise.filter(is_resolved).select(
        event_id("promise_end", "promise_id").alias("event_id"),
        "customer_id",
        at_midnight("resolved_at").alias("event_at"),
        pl.lit("promise").alias("kind"),
        "invoice_id",
        sentence(worded("status", _PROMISES, "Promise to pay ended"), with_column("for", "invoice_id"), "."),
    )
    return [made, resolved]


def _tell_plans(plan: pl.DataFrame) -> list[pl.DataFrame]:
    started = plan.select(
        event_id("plan", "plan_id").alias("event_id"),
        "customer_id",
        at_midnight("started_at").alias("event_at"),
        pl.lit("plan").alias("kind"),
        sentence("Payment plan agreed."),
    )
    ended = plan.filter(pl.col("ended_at").is_not_null()).select(
        event_id("plan_end", "plan_id").alias("event_id"),
        "customer_id",
        at_midnight("ended_at").alias("event_at"),
        pl.lit("plan").alias("kind"),
        sentence("Payment plan ", worded("status", {}, "ended"), "."),
    )
    return [started, ended]


def _tell_disputes(dispute: pl.DataFrame) -> list[pl.DataFrame]:
    part = (
        pl.when(pl.col("amount").is_null())
        .then(pl.lit(""))
        .otherwise(pl.concat_str(pl.lit(", about "), money("amount")))
    )
    opened = dispute.select(
        event_id("dispute", "dispute_id").alias("event_id"),
        "customer_id",
        at_midnight("opened_at").alias("event_at"),
        pl.lit("dispute").alias("kind"),
        "invoice_id",
        sentence("Dispute opened", with_column("on", "invoice_id"), part, "."),
        "amount",
        pl.when(pl.col("amount").is_not_null()).then(pl.col("currency")).alias("currency"),
    )
    closed = dispute.filter(pl.col("closed_at").is_not_null()).select(
        event_id("dispute_end", "dispute_id").alias("event_id"),
        "customer_id",
        at_midnight("closed_at").alias("event_at"),
        pl.lit("dispute").alias("kind"),
        "invoice_id",
        sentence("Dispute settled", with_column("on", "invoice_id"), worded("outcome", _OUTCOMES, ""), "."),
    )
    return [opened, closed]


def _tell_blocks(block: pl.DataFrame, owner: pl.DataFrame) -> pl.DataFrame:
    of_invoice = pl.col("scope") == BlockScope.INVOICE.value
    until = (
        pl.when(pl.col("valid_until").is_null())
        .then(pl.lit(" until further notice"))
        .otherwise(pl.concat_str(pl.lit(" until "), day("valid_until")))
    )
    return (
        block.with_columns(pl.when(of_invoice).then(pl.col("scope_id")).alias("invoice_id"))
        .join(
            owner.select("invoice_id", pl.col("customer_id").alias("owner_id")), on="invoice_id", how="left"
        )
        .select(
            event_id("block", "block_id").alias("event_id"),
            pl.when(of_invoice).then(pl.col("owner_id")).otherwise(pl.col("scope_id")).alias("customer_id"),
            at_midnight("valid_from").alias("event_at"),
            pl.lit("block").alias("kind"),
            "invoice_id",
            sentence(
                "Dunning stopped", with_column("for", "invoice_id"), until, worded("reason", _BLOCKS, ""), "."
            ),
        )
    )
