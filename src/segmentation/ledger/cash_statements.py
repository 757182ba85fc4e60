"""Statements about money that must hold between the tables of a ledger, each with its finding in words.

Belongs here: money allocated once, of somebody, matched and taken back. Does not belong here: documents and
balances (statements), how payments are matched (matching).
"""

from collections.abc import Iterator

import polars as pl

from segmentation.domain.movements import SUM_OF_AMOUNTS
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import MatchStatus
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
from segmentation.ledger.source_rows import name_file

_SAYS = ("structured_reference", "end_to_end_id", "remittance_text", "payer_name", "payer_account")
"""What a bank statement says of a payment."""

_LINE = ("value_date", "currency", "amount", *_SAYS)


def measure_cash(ledger: Frames, payments: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return what ``describe_cash`` tells of, by name; measures of parts of a ledger add up.

    Parameters
    ----------
    ledger : as for ``build_quality``.
    payments : as ``list_unmatched_payments`` returns them.
    """
    left = pl.col("unmatched_cash_amount")
    over = payments.filter(left < 0).filter(~_is_refund(ledger))
    nobody = payments.filter(pl.col("customer_id").is_null() & (left != 0))
    return {
        "over_allocated": tally(payments.height, over, "origin_id"),
        "of_nobody": nobody.group_by("currency").agg(
            pl.len().cast(pl.Int64).alias("count"), left.cast(SUM_OF_AMOUNTS).sum().alias("total")
        ),
        "foreign": tally(payments.height, payments.filter("is_foreign"), "origin_id"),
        "matches": _measure_matches(ledger),
        "said_lines": list_said_lines(ledger["core_payment"]),
        **_measure_returns(ledger),
    }


def describe_cash(measured: Frames) -> Iterator[Finding]:
    """Yield whether money is allocated once, belongs to somebody, and how it was matched."""
    over = add_up(measured["over_allocated"])
    yield describe_tally(
        "core_allocations_do_not_exceed_payments",
        "core_payment",
        over,
        FAIL,
        reported=f"{over.reported} payments have more allocated than was received: {over.examples}",
        otherwise=f"no more is allocated than was received, for all {over.count} payments",
    )
    nobody = measured["of_nobody"].group_by("currency").sum().sort("currency")
    yield describe_finding(
        "core_payments_have_a_customer",
        "core_payment",
        WARN if nobody.height else PASS,
        f"payments that belong to nobody: {nobody['count'].sum()}, in all "
        + ", ".join(f"{row['total']:,.2f} {row['currency']}" for row in nobody.iter_rows(named=True))
        if nobody.height
        else "every payment that is not allocated names its customer",
        over.count,
    )
    foreign = add_up(measured["foreign"])
    yield describe_tally(
        "core_allocations_are_in_the_currency_of_the_payment",
        "core_allocation",
        foreign,
        WARN,
        reported=f"{foreign.reported} payments are allocated to another currency at a rate that is not known and count "
        f"as allocated in full: {foreign.examples}",
        otherwise="no payment is allocated to another currency at a rate that is not known",
    )
    yield from _describe_matches(measured["matches"])
    yield from describe_repeated_lines(measured["said_lines"])
    yield from _describe_returns(measured)


def _is_refund(ledger: Frames) -> pl.Expr:
    """Money paid out is negative of itself; it is not over-allocated."""
    refunds = ledger["core_payment"].filter(pl.col("reversal_of").is_null() & (pl.col("amount") < 0))
    return pl.col("origin_id").is_in(refunds.get_column("payment_id").implode())


def _measure_matches(ledger: Frames) -> pl.DataFrame:
    return (
        ledger["core_payment_match"]
        .unique("payment_id", keep="first", maintain_order=True)
        .select("payment_id", "status", "rule")
        .join(ledger["core_payment"].select("payment_id", "currency", "amount"), on="payment_id")
        .group_by("currency", "status", "rule")
        .agg(
            pl.len().cast(pl.Int64).alias("count"), pl.col("amount").cast(SUM_OF_AMOUNTS).sum().alias("total")
        )
    )


def _describe_matches(measured: pl.DataFrame) -> Iterator[Finding]:
    """Yield per currency how many payments that the source did not allocate were matched, and how."""
    for (currency,), part in measured.sort("currency").group_by("currency", maintain_order=True):
        totals = part.group_by("status").agg(pl.col("count", "total").sum()).sort("status")
        words = ", ".join(
            f"{row['count']} {row['status']} ({row['total']:,.2f} {currency})"
            for row in totals.iter_rows(named=True)
        )
        matched = (
            part.filter(pl.col("status") == MatchStatus.MATCHED.value)
            .group_by("rule")
            .agg(pl.col("count").sum())
        )
        by_rule = ", ".join(
            f"{row['rule']} {row['count']}" for row in matched.sort("rule").iter_rows(named=True)
        )
        is_complete = totals["status"].to_list() == [MatchStatus.MATCHED.value]
        count = int(part["count"].sum())
        yield describe_finding(
            "core_payments_matched_by_rule",
            str(currency),
            PASS if is_complete else WARN,
            f"of {count} payments that the source did not allocate: {words}"
            + (f"; by rule: {by_rule}" if by_rule else ""),
            count,
        )


def list_said_lines(payments: pl.DataFrame) -> pl.DataFrame:
    """Return the payments of which a bank statement says something: what it says, payment and file."""
    said = payments.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in _SAYS))
    return said.select(*_LINE, "payment_id", name_file())


def describe_repeated_lines(said: pl.DataFrame) -> Iterator[Finding]:
    """Yield whether two statements seem to bring the same line, where the bank gave it no reference of its own.

    Nothing is left out: one payer may well send the same amount twice with the same words.
    """
    if not said.height:
        return
    twice = said.filter(pl.col("source_file").n_unique().over(_LINE) > 1)
    found = add_up(tally(said.height, twice, "payment_id"))
    yield describe_tally(
        "core_payments_are_on_one_statement",
        "core_payment",
        found,
        WARN,
        reported=f"{found.reported} payments of several files are alike in everything; when statements overlap, "
        f"deliver their days once, else the money counts twice: {found.examples}",
        otherwise="no payment stands on two statements",
    )


def _measure_returns(ledger: Frames) -> dict[str, pl.DataFrame]:
    matches = ledger["core_payment_match"]
    returns = ledger["core_payment"].filter(pl.col("amount") < 0)
    unclear = returns.filter(pl.col("reversal_of").is_null()).join(matches, on="payment_id", how="semi")
    return {
        "returns": tally(returns.height, unclear, "payment_id"),
        "unclear_returns": unclear.select("currency", pl.col("amount").cast(SUM_OF_AMOUNTS)),
        "held_customers": matches.join(unclear, on="payment_id", how="semi")
        .select("customer_id")
        .drop_nulls()
        .unique(),
    }


def _describe_returns(measured: Frames) -> Iterator[Finding]:
    """Yield whether money taken back on bank statements could be told to be of one payment."""
    found = add_up(measured["returns"])
    if not found.count:
        return
    sums = measured["unclear_returns"].group_by("currency").sum().sort("currency")
    yield describe_tally(
        "core_returned_payments_are_linked",
        "core_payment",
        found,
        WARN,
        reported=f"{found.reported} returns are of no clear payment, in all "
        + ", ".join(f"{row['amount']:,.2f} {row['currency']}" for row in sums.iter_rows(named=True))
        + f": {found.examples}; an invoice may be open again, and "
        + f"{measured['held_customers'].n_unique()} customers are held until somebody has looked",
        otherwise="every return names or was linked to the payment that it takes back",
    )
