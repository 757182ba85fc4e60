"""Sentences about documents and money.

Belongs here: invoices, credit notes, payments, reversals, refunds, write-offs. Does not belong here: contacts,
promises, disputes and blocks (timeline_contacts, timeline_states).
"""

import polars as pl

from segmentation.domain.payers import name_payers
from segmentation.domain.schema import Frames
from segmentation.domain.taken_back import is_returned_debit, is_reversal
from segmentation.domain.vocabulary import DocumentType
from segmentation.publish.sentences import at_midnight, day, event_id, money, sentence, with_column, worded

_DOCUMENTS = {
    "invoice": "Invoice",
    "debit_note": "Debit note",
    "prepayment": "Prepayment request",
    "credit_note": "Credit note",
}
_METHODS = {"transfer": " by transfer", "direct_debit": " by direct debit", "card": " by card"}


def tell_money(frames: Frames) -> list[pl.DataFrame]:
    """Return the events of documents and money.

    Parameters
    ----------
    frames : uses ``core_invoice``, ``core_payment`` and ``core_allocation``.
    """
    return [_tell_documents(frames["core_invoice"]), _tell_payments(frames), _tell_write_offs(frames)]


def _tell_documents(invoice: pl.DataFrame) -> pl.DataFrame:
    is_credit = pl.col("document_type") == DocumentType.CREDIT_NOTE.value
    due = pl.concat_str(pl.lit(", due "), day("due_date"))
    kind = pl.when(is_credit).then(pl.lit("credit_note")).otherwise(pl.lit("invoice"))
    return invoice.select(
        event_id("document", "invoice_id").alias("event_id"),
        "customer_id",
        at_midnight("issue_date").alias("event_at"),
        kind.alias("kind"),
        "invoice_id",
        sentence(
            worded("document_type", _DOCUMENTS, "Document"),
            " ",
            pl.col("invoice_id"),
            " over ",
            money("amount"),
            " issued",
            pl.when(is_credit).then(pl.lit("")).otherwise(due),
            ".",
        ),
        "amount",
        "currency",
    )


def _tell_payments(frames: Frames) -> pl.DataFrame:
    targets = (
        frames["core_allocation"]
        .filter(pl.col("payment_id").is_not_null())
        .group_by("payment_id")
        .agg(
            pl.col("invoice_id").n_unique().alias("invoice_count"),
            pl.col("invoice_id").min(),
        )
    )
    one = pl.col("invoice_count") == 1
    purpose = (
        pl.when(one)
        .then(pl.concat_str(pl.lit(" for "), pl.col("invoice_id")))
        .when(pl.col("invoice_count") > 1)
        .then(pl.concat_str(pl.lit(" for "), pl.col("invoice_count").cast(pl.String), pl.lit(" invoices")))
        .otherwise(pl.lit(", not matched to an invoice"))
    )
    paid = pl.concat_str(
        pl.lit("Payment of "), money("amount"), pl.lit(" received"), worded("method", _METHODS, ""), purpose
    )
    reversed_ = pl.concat_str(
        pl.lit("Payment of "),
        money("amount"),
        pl.lit(" taken back"),
        pl.when(is_returned_debit())
        .then(pl.lit(": the direct debit came back"))
        .when(pl.col("reason_code").is_null())
        .then(pl.lit(""))
        .otherwise(pl.concat_str(pl.lit(": "), pl.col("reason_code").str.replace_all("_", " "))),
    )
    refunded = pl.concat_str(pl.lit("Refund of "), money("amount"), pl.lit(" paid out"))
    told = pl.when(is_reversal()).then(reversed_).when(pl.col("amount") < 0).then(refunded).otherwise(paid)
    return (
        name_payers(frames)
        .join(targets, on="payment_id", how="left")
        .select(
            event_id("payment", "payment_id").alias("event_id"),
            "customer_id",
            at_midnight("value_date").alias("event_at"),
            pl.when(is_reversal()).then(pl.lit("reversal")).otherwise(pl.lit("payment")).alias("kind"),
            pl.when(one).then(pl.col("invoice_id")).alias("invoice_id"),
            sentence(told, "."),
            "amount",
            "currency",
        )
    )


def _tell_write_offs(frames: Frames) -> pl.DataFrame:
    written_off = frames["core_allocation"].filter(
        pl.col("payment_id").is_null() & pl.col("credit_note_id").is_null()
    )
    return written_off.join(
        frames["core_invoice"].select("invoice_id", "customer_id", "currency"), on="invoice_id"
    ).select(
        event_id("write_off", "allocation_id").alias("event_id"),
        "customer_id",
        at_midnight("allocated_at").alias("event_at"),
        pl.lit("write_off").alias("kind"),
        "invoice_id",
        sentence(money("amount"), " written off", with_column("on", "invoice_id"), "."),
        "amount",
        "currency",
    )
