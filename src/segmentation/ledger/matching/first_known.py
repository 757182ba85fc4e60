"""Payments matched by what was first known of invoices and customers, whatever was corrected in them later.

Belongs here: the days on which an invoice, and a customer's name and parent, were first known. Does not
belong here: matching by them (matching).

A row of the ledger is dated by its latest version. Were payments decided by that date, a correction of an
invoice in May would undo the match of a payment in February, and somebody who has paid would be reminded.
"""

from datetime import date

import polars as pl

from segmentation.domain.core_tables import ALLOCATION, CUSTOMER, INVOICE
from segmentation.domain.schema import Frames, Table
from segmentation.ledger.as_known import start_of
from segmentation.ledger.matching.matching import match_payments
from segmentation.ledger.moments import MOMENT_TYPE

_SIGNS = ("name", "parent_customer_id")
"""What is read of a customer; the rest of the row may change without consequence."""


def match_by_first_known(ledger: Frames, facts: Frames, as_of: date) -> dict[str, pl.DataFrame]:
    """Return the ledger with payments matched, as ``match_payments`` does, a correction undoing no match.

    Parameters
    ----------
    ledger : every canonical table, as known on the as-of day.
    facts : every canonical table with all facts, as ``accept_facts`` returns them.
    as_of : the as-of day; facts learned on it or later are not looked at.

    Returns
    -------
    As ``match_payments``. A match counts as known only from the day of the version of the invoice that it
    was decided by.
    """
    invoices, customers = ledger[INVOICE.name], ledger[CUSTOMER.name]
    dated = {
        **ledger,
        INVOICE.name: _date_by_first(invoices, _list_versions(facts, INVOICE, as_of), INVOICE, ()),
        CUSTOMER.name: _date_by_first(customers, _list_versions(facts, CUSTOMER, as_of), CUSTOMER, _SIGNS),
    }
    matched = match_payments(dated, as_of)
    lines = matched[ALLOCATION.name]
    if dated[INVOICE.name] is not invoices:
        is_match = pl.col("match_rule").is_not_null()
        versions = invoices.select("invoice_id", pl.col("observed_at").alias("version_at"))
        lines = ALLOCATION.conform(
            lines.join(versions, on="invoice_id", how="left").with_columns(
                pl.when(is_match)
                .then(pl.max_horizontal("observed_at", "version_at"))
                .otherwise("observed_at")
                .alias("observed_at")
            )
        )
    return matched | {INVOICE.name: invoices, CUSTOMER.name: customers, ALLOCATION.name: lines}


def _list_versions(facts: Frames, table: Table, as_of: date) -> pl.DataFrame:
    return facts[table.name].filter(pl.col("observed_at") < start_of(as_of))


def _date_by_first(
    rows: pl.DataFrame, versions: pl.DataFrame, table: Table, signs: tuple[str, ...]
) -> pl.DataFrame:
    """Return the rows dated by the first version that said the same of ``signs``; of several the latest."""
    if versions.height <= rows.height:
        return rows  # every row has one version
    dated = rows.with_columns(pl.lit(None, dtype=MOMENT_TYPE).alias("first_at"))
    for sign in [[name] for name in signs] or [[]]:
        said = [*table.key, *sign]
        first = versions.group_by(said).agg(pl.col("observed_at").min().alias("said_at"))
        dated = (
            dated.join(first, on=said, how="left", nulls_equal=True, maintain_order="left")
            .with_columns(pl.max_horizontal("first_at", "said_at").alias("first_at"))
            .drop("said_at")
        )
    return dated.with_columns(pl.coalesce("first_at", "observed_at").alias("observed_at")).drop("first_at")
