"""The lines of a message: its invoices and the instalments of a proposed plan, each in the customer's language.

Belongs here: listing them, by customer. Does not belong here: the message around them (messages).
"""

import polars as pl

from segmentation.domain.asked_debt import write_asked
from segmentation.domain.schema import Frames
from segmentation.treatment.message_words import localise, phrase, write_day
from segmentation.treatment.wording import amount_text

_LINES_SHOWN = 8


def list_invoices(described: pl.DataFrame, instalments: pl.DataFrame, ledger: Frames) -> pl.DataFrame:
    """Return per customer the lines of the invoices that a message is about, what to quote, and ``asked_invoices``."""
    references = ledger["core_invoice"].select(
        "invoice_id", "remittance_reference", pl.coalesce("invoice_number", "invoice_id").alias("printed")
    )
    own = described.select("customer_id", "currency", "is_coming_step", "round_level", "message_language")
    is_of_round = pl.col("round_level").is_null() | (pl.col("level") == pl.col("round_level"))
    is_asked = pl.when("is_coming_step").then("is_coming").otherwise(pl.col("is_actionable") & is_of_round)
    invoices = (
        instalments.join(own, on=["customer_id", "currency"], how="inner")
        .with_columns(is_asked.alias("is_asked"))
        .group_by("customer_id", "currency", "message_language", "invoice_id")
        .agg(
            pl.col("open_amount").filter("is_asked").sum(),
            pl.col("due_date").filter("is_asked").min(),
            pl.col("open_amount").sum().alias("whole_amount"),
            pl.col("due_date").min().alias("first_due_date"),
        )
        .drop_nulls("due_date")
        .join(references, on="invoice_id", how="left")
        .sort("customer_id", "due_date", "invoice_id")
        .with_columns(pl.int_range(pl.len()).over("customer_id").alias("place"))
    )
    line = invoices.with_columns(
        phrase("invoice").alias("line"),
        amount_text("open_amount", "currency").alias("open_words"),
        write_day("due_date").alias("due_words"),
    ).with_columns(
        pl.col("line")
        .str.replace("{due}", pl.col("due_words"), literal=True)
        .str.replace("{open}", localise("open_words"), literal=True)
        .str.replace("{invoice}", pl.col("printed"), literal=True)
    )
    is_shown = pl.col("place") < _LINES_SHOWN
    return (
        line.group_by("customer_id", maintain_order=True)
        .agg(
            pl.col("line").filter(is_shown).str.join("\n"),
            (~is_shown).sum().alias("rest_count"),
            pl.col("open_amount").filter(~is_shown).sum().alias("rest_amount"),
            pl.col("currency", "message_language").first(),
            pl.when(pl.len() == 1)
            .then(pl.coalesce("remittance_reference", "printed").first())
            .alias("reference"),
            pl.when(pl.len() == 1).then(pl.col("printed").first()).alias("invoice"),
            write_asked("first_due_date", "whole_amount").alias("asked_invoices"),
        )
        .with_columns(amount_text("rest_amount", "currency").alias("rest_words"))
        .select(
            "customer_id",
            "reference",
            "invoice",
            "asked_invoices",
            pl.when(pl.col("rest_count") > 0)
            .then(
                pl.concat_str(
                    "line",
                    pl.lit("\n"),
                    phrase("more")
                    .str.replace("{count}", pl.col("rest_count").cast(pl.String), literal=True)
                    .str.replace("{open}", localise("rest_words"), literal=True),
                )
            )
            .otherwise("line")
            .alias("invoices"),
        )
    )


def write_plans(described: pl.DataFrame, plans: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of every proposed plan, by customer."""
    own = described.select("customer_id", "message_language", "currency")
    return (
        plans.join(own, on="customer_id", how="inner")
        .sort("customer_id", "number")
        .with_columns(
            amount_text("part_amount", "currency").alias("part_words"), write_day("day").alias("day_words")
        )
        .select(
            "customer_id",
            phrase("instalment")
            .str.replace("{day}", pl.col("day_words"), literal=True)
            .str.replace("{part}", localise("part_words"), literal=True)
            .alias("plan"),
        )
        .group_by("customer_id", maintain_order=True)
        .agg(pl.col("plan").str.join("\n"))
    )
