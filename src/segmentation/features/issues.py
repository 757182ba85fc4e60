"""What was issued, and what was known of it then: the moments at issue.

Belongs here: an instalment's own amount, terms and due date at its issue, in the version that was known first.
Does not belong here: what was known of the customer (``eras``), features.
"""

import polars as pl

from segmentation.domain.schema import THOUSANDTHS, Frames
from segmentation.features.agreements import find_agreements
from segmentation.features.dates import OBSERVED
from segmentation.features.eras import is_believed, list_versions
from segmentation.ledger.movements import INSTALMENT, list_instalments

_FIRST = "first_date"
_LOOK = "look_date"
_ISSUE = (
    *INSTALMENT,
    "customer_id",
    "currency",
    "issue_date",
    "due_date",
    (pl.col("amount") * THOUSANDTHS).cast(pl.Int64),
    pl.max_horizontal("issue_date", "agreed_date").alias("as_of_date"),
)
"""What is told of an issue, from an instalment with the day on which it was agreed (null: with its invoice)."""


def list_issues(ledger: Frames) -> pl.DataFrame:
    """Return the instalments of the balances with the day from which each is looked at.

    Parameters
    ----------
    ledger : core_instalment_balance as ``agreements.tell_agreements`` returns it.

    Returns
    -------
    invoice_id, instalment_number, customer_id, currency, issue_date, due_date, ``amount`` (thousandths) and
    ``as_of_date``: the day of issue, or of an instalment that was agreed later the day on which it was learned.
    """
    balance = ledger["core_instalment_balance"]
    if balance["replaced_date"].null_count() < balance.height:
        balance = balance.filter(pl.col("replaced_date").is_null())
    return balance.select(_ISSUE)


def recall_issues(ledger: Frames, issues: pl.DataFrame) -> pl.DataFrame:
    """Return the issues with what was known first of those that were corrected.

    Parameters
    ----------
    ledger : core_invoice and core_instalment, with superseded versions.
    issues : as ``list_issues`` returns them of the latest versions.

    Notes
    -----
    Known first is what was known at the end of the day on which both the invoice and the instalment had been
    learned. Where that was no debt (a credit note), the latest version counts.
    """
    first = _recall_first(ledger, issues)
    values = [name for name in issues.columns if name not in INSTALMENT]
    found = issues.join(first, on=INSTALMENT, how="left", maintain_order="left", suffix="_first")
    return found.select(*INSTALMENT, *(pl.coalesce(f"{name}_first", name).alias(name) for name in values))


def _recall_first(ledger: Frames, issues: pl.DataFrame) -> pl.DataFrame:
    invoices, instalments = (list_versions(ledger, name) for name in ("core_invoice", "core_instalment"))
    superseded = pl.concat(
        rows.select("invoice_id", pl.col("superseded_at").dt.date().alias(_LOOK)).drop_nulls()
        for rows in (invoices, instalments)
    ).unique()
    learned = OBSERVED.min().alias(_FIRST)
    looks = (
        issues.select(INSTALMENT)
        .join(superseded, on="invoice_id")
        .join(invoices.group_by("invoice_id").agg(learned), on="invoice_id")
        .join(instalments.group_by(INSTALMENT).agg(learned), on=INSTALMENT, how="left", suffix="_of_part")
        .filter(pl.col(_LOOK) > pl.max_horizontal(_FIRST, f"{_FIRST}_of_part"))
        .group_by(INSTALMENT)
        .agg(pl.col(_LOOK).min())
    )
    # instalments of one invoice may have been learned on different days: each is looked at with its own
    named = looks.with_columns(pl.format("{}/{}", "instalment_number", "invoice_id").alias("look_id"))
    by_invoice = named.select("invoice_id", "look_id", _LOOK)
    then = {
        name: rows.join(by_invoice, on="invoice_id")
        .filter(is_believed(pl.col(_LOOK)))
        .with_columns(pl.col("look_id").alias("invoice_id"))
        for name, rows in (("core_invoice", invoices), ("core_instalment", instalments))
    }
    return (
        list_instalments(then)
        .rename({"invoice_id": "look_id"})
        .join(named.drop(_LOOK), on=["look_id", "instalment_number"])
        .join(
            then["core_invoice"].select("look_id", "customer_id", "currency", "issue_date"),
            on="look_id",
        )
        .join(find_agreements(then).rename({"invoice_id": "look_id"}), on="look_id", how="left")
        .select(_ISSUE)
    )
