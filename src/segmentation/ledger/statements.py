"""Statements about documents that must hold between the tables of a ledger, each with its finding in words.

Belongs here: sums and references across tables. Does not belong here: what became of the source rows
(delivery), whose money is where (cash_statements), rules about one row (conversion).
"""

from collections.abc import Iterator
from datetime import date

import polars as pl

from segmentation.domain.movements import SUM_OF_AMOUNTS
from segmentation.domain.row_lookup import find_rows, is_known
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import DocumentType
from segmentation.ledger.findings import (
    FAIL,
    PASS,
    WARN,
    Finding,
    add_up,
    describe_finding,
    describe_tally,
    tally,
)
from segmentation.ledger.movements import drop_not_yet_valued
from segmentation.ledger.source_rows import PLACE


def measure_documents(ledger: Frames, lines: pl.DataFrame, as_of: date) -> dict[str, pl.DataFrame]:
    """Return what ``describe_documents`` tells of, by name; measures of parts of a ledger add up.

    Parameters
    ----------
    ledger : as for ``build_quality``.
    lines : as ``list_movements`` returns them.
    as_of : the as-of day.
    """
    return {
        "invoice_dates": _measure_invoice_dates(ledger),
        "instalments": _measure_instalments(ledger),
        "balances": _measure_balances(ledger, lines, as_of),
        "over_covered": _measure_over_covered(ledger["core_instalment_balance"]),
        "references": _measure_references(ledger),
    }


def describe_documents(measured: Frames) -> Iterator[Finding]:
    """Yield whether documents, their instalments and what was set against them agree."""
    yield _describe_invoice_dates(measured["invoice_dates"])
    yield _describe_instalments(measured["instalments"])
    yield from _describe_balances(measured["balances"])
    yield _describe_over_covered(measured["over_covered"])
    yield _describe_references(measured["references"])


def _measure_invoice_dates(ledger: Frames) -> pl.DataFrame:
    late = ledger["core_quarantine"].filter(
        pl.col("rule") == "due_before_issue", pl.col("is_corrected").ne_missing(other=True)
    )
    return pl.DataFrame(
        {"known": [ledger["core_invoice"].height], "bad": [late.select(PLACE).unique().height]}
    )


def _describe_invoice_dates(measured: pl.DataFrame) -> Finding:
    """Return whether documents are due on or after their issue date."""
    bad = int(measured["bad"].sum())
    count = int(measured["known"].sum()) + bad
    return describe_finding(
        "core_invoices_due_on_or_after_issue",
        "core_invoice",
        WARN if bad else PASS,
        f"{bad} of {count} documents were due before they were issued and are in quarantine"
        if bad
        else f"all {count} documents are due on or after their issue date",
        count,
        quarantined=bad,
    )


def _measure_instalments(ledger: Frames) -> pl.DataFrame:
    sums = ledger["core_instalment"].group_by("invoice_id").agg(pl.col("amount").sum().alias("stated"))
    compared = sums.join(ledger["core_invoice"].select("invoice_id", "amount"), on="invoice_id")
    return tally(compared.height, compared.filter(pl.col("stated") != pl.col("amount")), "invoice_id")


def _describe_instalments(measured: pl.DataFrame) -> Finding:
    """Return whether the instalments of an invoice add up to it."""
    found = add_up(measured)
    return describe_tally(
        "core_instalments_sum_to_invoice_amount",
        "core_instalment",
        found,
        FAIL,
        reported=f"the instalments of {found.reported} invoices do not add up to the invoice: {found.examples}",
        otherwise=f"the instalments of all {found.count} invoices that have them add up",
    )


def _measure_balances(ledger: Frames, lines: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return per currency what was invoiced, in how many rows, what was set against it and what is open."""
    owed = ledger["core_invoice"].filter(pl.col("document_type") != DocumentType.CREDIT_NOTE.value)
    documents = owed.select("amount", "currency")
    if ledger["core_instalment"].height:
        stated = ledger["core_instalment"].select("invoice_id").unique()
        documents = pl.concat(
            [
                owed.join(stated, on="invoice_id", how="anti").select("amount", "currency"),
                ledger["core_instalment"]
                .join(owed.select("invoice_id", "currency"), on="invoice_id")
                .select("amount", "currency"),
            ]
        )
    valued = drop_not_yet_valued(lines, as_of)
    owed_by = find_rows(valued.get_column("invoice_id"), owed.get_column("invoice_id"))
    sums = [
        documents.group_by("currency").agg(
            _sum("amount").alias("invoiced"), pl.len().cast(pl.Int64).alias("rows")
        ),
        valued.select(owed.get_column("currency").gather(owed_by), "amount")
        .drop_nulls("currency")
        .group_by("currency")
        .agg(_sum("amount").alias("allocated")),
        ledger["core_instalment_balance"].group_by("currency").agg(_sum("open_amount").alias("open")),
    ]
    return pl.concat(sums, how="diagonal")


def _sum(column: str) -> pl.Expr:
    return pl.col(column).cast(SUM_OF_AMOUNTS).sum()


def _describe_balances(measured: pl.DataFrame) -> Iterator[Finding]:
    """Yield per currency whether what is open equals what was invoiced less what was set against it."""
    totals = measured.group_by("currency").sum().sort("currency")
    for total in totals.iter_rows(named=True):
        expected = total["invoiced"] - total["allocated"]
        is_equal = total["open"] == expected
        yield describe_finding(
            "core_balances_equal_documents_less_allocations",
            total["currency"],
            PASS if is_equal else FAIL,
            f"{total['currency']}: {total['invoiced']:,.2f} invoiced less {total['allocated']:,.2f} allocated is "
            + (
                f"{total['open']:,.2f} open"
                if is_equal
                else f"{expected:,.2f}, but {total['open']:,.2f} is open"
            ),
            total["rows"],
        )


def _measure_over_covered(balances: pl.DataFrame) -> pl.DataFrame:
    return tally(balances.height, balances.filter(pl.col("open_amount") < 0), "invoice_id")


def _describe_over_covered(measured: pl.DataFrame) -> Finding:
    """Return whether more was set against an instalment than is due."""
    found = add_up(measured)
    return describe_tally(
        "core_instalments_are_not_over_covered",
        "core_instalment_balance",
        found,
        WARN,
        reported=f"{found.reported} instalments have more set against them than is due: {found.examples}",
        otherwise="no instalment has more set against it than is due",
    )


def _measure_references(ledger: Frames) -> pl.DataFrame:
    allocations = ledger["core_allocation"]
    notes = ledger["core_invoice"].filter(pl.col("document_type") == DocumentType.CREDIT_NOTE.value)
    loose = pl.concat(
        allocations.filter(pl.col(name).is_not_null() & ~is_known(allocations.get_column(name), known))
        for name, known in (
            ("payment_id", ledger["core_payment"].get_column("payment_id")),
            ("credit_note_id", notes.get_column("invoice_id")),
        )
    )
    return tally(allocations.height, loose, "allocation_id")


def _describe_references(measured: pl.DataFrame) -> Finding:
    """Return whether allocations name payments and credit notes that are known."""
    found = add_up(measured)
    return describe_tally(
        "core_allocations_refer_to_known_payments",
        "core_allocation",
        found,
        WARN,
        reported=f"{found.reported} allocations name a payment or credit note that is not known, and count by their "
        f"booking day: {found.examples}",
        otherwise="every allocation names a known payment or credit note, or is a write-off",
    )
