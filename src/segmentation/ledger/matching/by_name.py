"""Payments that name invoices: what is set against these, or why nothing is.

Belongs here: the decision by references, end-to-end ids and invoice numbers. Does not belong here: finding
what is named (named), payments that name nothing (by_payer).
"""

import polars as pl

from segmentation.domain.vocabulary import MatchRule, MatchStatus
from segmentation.ledger.matching.candidates import Evidence, leave_open
from segmentation.ledger.matching.money import ZERO
from segmentation.ledger.matching.open_amounts import add_open_amounts
from segmentation.ledger.matching.rules import RANK


def describe_named(evidence: Evidence, holdings: pl.DataFrame) -> pl.DataFrame:
    """Return the invoices named by the first rule that found any, with all that the decision needs."""
    named = evidence.named.join(evidence.events, on="event").join(evidence.invoices, on="invoice_id")
    payers = evidence.payers.with_columns(pl.lit(value=True).alias("is_payer"))
    has_payer = evidence.payers.select("event").unique().with_columns(pl.lit(value=True).alias("has_payer"))
    exact = holdings.filter(pl.col("open_amount") == pl.col("available"))
    rivals = exact.group_by("event", "customer_id").agg(pl.col("invoice_id").alias("exact_ids"))
    owed = exact.join(evidence.payers, on=["event", "customer_id"], how="semi").select("event").unique()
    named = (
        add_open_amounts(named, evidence.counted)
        .join(payers, on=["event", "customer_id"], how="left")
        .join(
            payers.rename({"customer_id": "parent_id", "is_payer": "is_parent"}),
            on=["event", "parent_id"],
            how="left",
        )
        .join(has_payer, on="event", how="left")
        .join(rivals, on=["event", "customer_id"], how="left")
        .join(owed.with_columns(pl.lit(value=True).alias("payer_owes_it")), on="event", how="left")
        .with_columns(
            pl.col("is_payer", "is_parent", "has_payer", "payer_owes_it").fill_null(value=False),
            (pl.col("invoice_currency") == pl.col("currency")).alias("is_same_currency"),
        )
        .with_columns(
            (
                pl.col("is_payer")
                | (pl.col("is_parent") & (pl.col("parent_day") <= pl.col("day")).fill_null(value=False))
            ).alias("agrees"),
            (pl.col("is_same_currency") & (pl.col("open_amount") > ZERO)).alias("is_open"),
        )
        .with_columns((pl.col("is_open") & (pl.col("open_amount") == pl.col("available"))).alias("is_exact"))
    )
    # a number that stands alone outweighs the short ones beside it
    named = named.filter(~pl.col("is_weak") | pl.col("is_weak").all().over("event", "rank"))
    can_add_up = pl.col("is_weak") & ~pl.col("is_short") & pl.col("is_open")
    adds_up = pl.col("open_amount").filter(can_add_up).sum().over("event") == pl.col("available")
    named = named.filter(
        ~pl.col("is_weak")
        | pl.col("agrees")
        | (~pl.col("is_short") & (pl.col("is_exact") | (can_add_up & adds_up)))
    )
    return named.filter(pl.col("rank") == pl.col("rank").min().over("event"))


def decide_named(rows: pl.DataFrame, payers: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates of events that name invoices, from ``describe_named`` and ``Evidence.payers``."""
    is_checked = (
        pl.col("rank") == RANK[MatchRule.STRUCTURED_REFERENCE]
    )  # check digits: no slip of the pen leads to another invoice
    open_sum = pl.col("open_amount").filter("is_open").sum().over("event")
    other_exact = pl.col("exact_ids").list.len().fill_null(0) - pl.col("exact_ids").list.contains(
        pl.col("invoice_id")
    ).fill_null(value=False).cast(pl.UInt32)
    rows = rows.sort("event", "customer_id", "invoice_id").with_columns(
        pl.len().over("event").alias("named_count"),
        pl.col("is_open").sum().over("event").alias("open_count"),
        pl.col("is_exact").sum().over("event").alias("exact_count"),
        pl.col("customer_id").n_unique().over("event").alias("customer_count"),
        (open_sum == pl.col("available")).alias("adds_up"),
        (pl.col("has_payer") & ~pl.col("agrees").any().over("event")).alias("is_contradicted"),
        (other_exact > 0).alias("has_rival"),
    )
    one = pl.col("is_open") & (pl.col("open_count") == 1)
    clear = (
        pl.when(one & pl.col("is_exact"))
        .then(pl.lit("one"))
        .when(pl.col("is_open") & pl.col("adds_up") & (pl.col("open_count") > 1))
        .then(pl.lit("all"))
        .when(
            is_checked & pl.col("is_exact") & (pl.col("exact_count") == 1) & (pl.col("customer_count") == 1)
        )
        .then(pl.lit("one"))
        .when(one & is_checked & (pl.col("customer_count") == 1) & ~pl.col("has_rival"))
        .then(pl.lit("part"))
        .when(
            one
            & (pl.col("named_count") == 1)
            & (
                (pl.col("rank") == RANK[MatchRule.END_TO_END_ID])
                | (pl.col("agrees") & pl.col("is_first") & (pl.col("available") < pl.col("open_amount")))
            )
            & ~pl.col("has_rival")
        )
        .then(pl.lit("part"))
    )
    rows = rows.with_columns(clear.alias("clear"))
    is_refuted = (
        ~is_checked
        & pl.col("is_contradicted")
        # what the payer owes fits the amount better than what was written, or nothing confirms that
        & (pl.col("payer_owes_it") | pl.col("is_weak") | (pl.col("clear") == "part"))
    )
    rows = rows.with_columns(pl.when(~is_refuted).then("clear").alias("clear")).with_columns(
        pl.col("clear").is_not_null().any().over("event").alias("is_matched")
    )
    matched = rows.filter(pl.col("clear").is_not_null()).select(
        "event",
        "customer_id",
        "invoice_id",
        pl.min_horizontal("open_amount", "available").alias("amount"),
        pl.when((pl.col("rank") == RANK[MatchRule.INVOICE_NUMBER]) & (pl.col("clear") == "all"))
        .then(pl.lit(MatchRule.INVOICE_NUMBERS.value))
        .otherwise("rule")
        .alias("rule"),
        pl.lit(MatchStatus.MATCHED.value).alias("status"),
        pl.when(pl.col("clear") == "all")
        .then(pl.lit("It names invoices whose open amounts add up to it."))
        .when("is_exact")
        .then(pl.lit("It names an invoice of which exactly this amount was open."))
        .when(pl.col("available") < pl.col("open_amount"))
        .then(pl.lit("It names an invoice of which more was open: a part is paid."))
        .otherwise(pl.lit("It names an invoice of which less was open: the rest stays on the account."))
        .alias("reason"),
    )
    left = rows.filter(~pl.col("is_matched"))
    owners = left.filter(is_checked.not_() & pl.col("is_contradicted")).select("event").unique()
    others = payers.join(owners, on="event").select(
        "event",
        "customer_id",
        pl.lit(None, dtype=pl.String).alias("invoice_id"),
        pl.lit(MatchRule.PAYER.value).alias("rule"),
        pl.lit("The invoice that it names and the payer that is known do not belong together.").alias(
            "reason"
        ),
    )
    reason = (
        pl.when("is_contradicted")
        .then(pl.lit("The invoice that it names and the payer that is known do not belong together."))
        .when(~pl.col("is_same_currency").any().over("event"))
        .then(pl.lit("It names an invoice in another currency."))
        .when(pl.col("open_count") == 0)
        .then(pl.lit("Nothing was open of the invoice that it names."))
        .when(pl.col("named_count") == 1)
        .then(
            pl.lit(
                "It names an invoice of another amount, and who paid is not known or owes this amount on another."
            )
        )
        .otherwise(pl.lit("It names several invoices whose open amounts do not add up to it."))
        .alias("reason")
    )
    unclear = pl.concat(
        [left.select("event", "customer_id", "invoice_id", "rule", reason), others], how="vertical"
    )
    return pl.concat([matched, leave_open(unclear)])
