"""Which invoices payments name, by which rule.

Belongs here: comparing what payments say with the numbers and references of invoices. Does not belong here:
days, amounts and what follows (decision).
"""

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import MatchRule
from segmentation.ledger.matching.references import REFERENCE_FORM, compact, list_references
from segmentation.ledger.matching.rules import RANK
from segmentation.ledger.matching.text_search import find_numbers, list_numbers


def find_named_invoices(payments: pl.DataFrame, ledger: Frames) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the invoices that payments name, and the references that fail their check digits.

    Parameters
    ----------
    payments : rows of ``core_payment``.
    ledger : ``core_invoice``.

    Returns
    -------
    Pairs (``payment_id``, ``invoice_id``, ``rule``, ``rank``, ``is_weak``, ``is_short``) and, per payment,
    ``refused_reference``.
    """
    invoices = ledger["core_invoice"]
    references = list_references(payments)
    quoted = invoices.select("invoice_id", compact("remittance_reference").alias("reference")).drop_nulls()
    strong = [pl.lit(value=False).alias("is_weak"), pl.lit(value=False).alias("is_short")]
    by_reference = (
        references.filter("is_valid")
        .join(quoted, on="reference")
        .select(
            "payment_id", "invoice_id", pl.lit(MatchRule.STRUCTURED_REFERENCE.value).alias("rule"), *strong
        )
    )
    has_form = compact("remittance_reference").str.contains(REFERENCE_FORM).fill_null(value=False)
    # a reference with check digits is compared with them or not at all
    numbers = list_numbers(
        invoices.with_columns(pl.when(~has_form).then("remittance_reference").alias("remittance_reference"))
    )
    by_end_to_end = (
        payments.select("payment_id", compact("end_to_end_id").alias("plain"))
        .drop_nulls()
        .join(numbers, on="plain")
        .group_by("payment_id", "invoice_id")
        .agg(pl.col("is_weak", "is_short").min())
        .with_columns(pl.lit(MatchRule.END_TO_END_ID.value).alias("rule"))
        .select(by_reference.columns)
    )
    stated = pl.col("structured_reference")
    is_other = ~compact("structured_reference").str.contains(REFERENCE_FORM)
    texts = payments.select(
        "payment_id",
        pl.concat_str(
            [pl.when(is_other).then(stated), pl.col("remittance_text")], separator=" ; ", ignore_nulls=True
        ).alias("text"),
    ).filter(pl.col("text") != "")
    by_text = find_numbers(texts, numbers).select(
        "payment_id",
        "invoice_id",
        pl.lit(MatchRule.INVOICE_NUMBER.value).alias("rule"),
        "is_weak",
        "is_short",
    )
    named = pl.concat([by_reference.unique(), by_end_to_end, by_text]).with_columns(
        pl.col("rule")
        .replace_strict({rule.value: rank for rule, rank in RANK.items()}, return_dtype=pl.Int8)
        .alias("rank")
    )
    refused = (
        references.filter(~pl.col("is_valid"))
        .group_by("payment_id")
        .agg(pl.col("reference").sort().str.join(", ").alias("refused_reference"))
    )
    return named, refused
