"""Statements that must hold between the tables of a ledger, each with its finding in words.

Belongs here: sums and references across tables. Does not belong here: what became of the source rows
(delivery), rules about one row (conversion).
"""

from collections.abc import Iterator
from datetime import date

import polars as pl

from segmentation.domain.row_lookup import find_rows, is_known
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import DocumentType, MatchStatus
from segmentation.ledger.findings import FAIL, PASS, WARN, Finding, describe_finding
from segmentation.ledger.movements import drop_not_yet_valued
from segmentation.ledger.source_rows import PLACE, name_file
from segmentation.ledger.unallocated_cash import list_unmatched_payments

_EXAMPLES = 3
_SAYS = ("structured_reference", "end_to_end_id", "remittance_text", "payer_name", "payer_account")
"""What a bank statement says of a payment."""


def check_invoice_dates(ledger: Frames) -> Iterator[Finding]:
    """Yield whether documents are due on or after their issue date."""
    late = ledger["core_quarantine"].filter(pl.col("rule") == "due_before_issue")
    bad = late.select(PLACE).unique().height
    count = ledger["core_invoice"].height + bad
    yield describe_finding(
        "core_invoices_due_on_or_after_issue",
        "core_invoice",
        WARN if bad else PASS,
        f"{bad} of {count} documents were due before they were issued and are in quarantine"
        if bad
        else f"all {count} documents are due on or after their issue date",
        count,
        quarantined=bad,
    )


def check_instalments(ledger: Frames) -> Iterator[Finding]:
    """Yield whether the instalments of an invoice add up to it."""
    sums = ledger["core_instalment"].group_by("invoice_id").agg(pl.col("amount").sum().alias("stated"))
    compared = sums.join(ledger["core_invoice"].select("invoice_id", "amount"), on="invoice_id")
    wrong = compared.filter(pl.col("stated") != pl.col("amount")).sort("invoice_id")
    yield describe_finding(
        "core_instalments_sum_to_invoice_amount",
        "core_instalment",
        FAIL if wrong.height else PASS,
        f"the instalments of {wrong.height} invoices do not add up to the invoice: {_examples(wrong, 'invoice_id')}"
        if wrong.height
        else f"the instalments of all {compared.height} invoices that have them add up",
        compared.height,
    )


def check_balances(ledger: Frames, lines: pl.DataFrame, as_of: date) -> Iterator[Finding]:
    """Yield per currency whether what is open equals what was invoiced less what was set against it.

    ``lines`` are those of ``list_movements``.
    """
    balances = ledger["core_instalment_balance"]
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
    allocated = (
        valued.select(owed.get_column("currency").gather(owed_by), "amount")
        .drop_nulls("currency")
        .group_by("currency")
        .agg(pl.col("amount").sum().alias("allocated"))
    )
    totals = (
        documents.group_by("currency")
        .agg(pl.col("amount").sum().alias("invoiced"), pl.len().cast(pl.Int64).alias("rows"))
        .join(allocated, on="currency", how="left")
        .join(
            balances.group_by("currency").agg(pl.col("open_amount").sum().alias("open")),
            on="currency",
            how="full",
            coalesce=True,
        )
        .with_columns(pl.col("invoiced", "allocated", "open", "rows").fill_null(0))
        .sort("currency")
    )
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
    over = balances.filter(pl.col("open_amount") < 0)
    yield describe_finding(
        "core_instalments_are_not_over_covered",
        "core_instalment_balance",
        WARN if over.height else PASS,
        f"{over.height} instalments have more set against them than is due: {_examples(over, 'invoice_id')}"
        if over.height
        else "no instalment has more set against it than is due",
        balances.height,
    )


def check_cash(ledger: Frames, lines: pl.DataFrame) -> Iterator[Finding]:
    """Yield whether money is allocated once, belongs to somebody and stays in its currency.

    ``lines`` are those of ``list_movements``.
    """
    payments = list_unmatched_payments(ledger, lines)
    over = payments.filter(pl.col("unmatched_cash_amount") < 0).filter(~_is_refund(ledger))
    yield describe_finding(
        "core_allocations_do_not_exceed_payments",
        "core_payment",
        FAIL if over.height else PASS,
        f"{over.height} payments have more allocated than was received: {_examples(over, 'origin_id')}"
        if over.height
        else f"no more is allocated than was received, for all {payments.height} payments",
        payments.height,
    )
    nobody = payments.filter(pl.col("customer_id").is_null() & (pl.col("unmatched_cash_amount") != 0))
    sums = (
        nobody.group_by("currency").agg(pl.col("unmatched_cash_amount").sum().alias("total")).sort("currency")
    )
    yield describe_finding(
        "core_payments_have_a_customer",
        "core_payment",
        WARN if nobody.height else PASS,
        f"payments that belong to nobody: {nobody.height}, in all "
        + ", ".join(f"{row['total']:,.2f} {row['currency']}" for row in sums.iter_rows(named=True))
        if nobody.height
        else "every payment that is not allocated names its customer",
        payments.height,
    )
    foreign = payments.filter(pl.col("is_foreign"))
    yield describe_finding(
        "core_allocations_are_in_the_currency_of_the_payment",
        "core_allocation",
        WARN if foreign.height else PASS,
        f"{foreign.height} payments are allocated to another currency and count as allocated in full: "
        + _examples(foreign, "origin_id")
        if foreign.height
        else "no payment is allocated to another currency",
        payments.height,
    )


def check_matches(ledger: Frames) -> Iterator[Finding]:
    """Yield per currency how many payments that the source did not allocate were matched, and how."""
    payments = (
        ledger["core_payment_match"]
        .unique("payment_id", keep="first", maintain_order=True)
        .select("payment_id", "status", "rule")
        .join(ledger["core_payment"].select("payment_id", "currency", "amount"), on="payment_id")
    )
    for (currency,), part in payments.sort("currency").group_by("currency", maintain_order=True):
        totals = {
            status: (group.height, group.get_column("amount").sum())
            for (status,), group in part.group_by("status")
        }
        words = ", ".join(
            f"{count} {status} ({total:,.2f} {currency})" for status, (count, total) in sorted(totals.items())
        )
        rules = part.filter(pl.col("status") == MatchStatus.MATCHED.value).get_column("rule").value_counts()
        by_rule = ", ".join(
            f"{row['rule']} {row['count']}" for row in rules.sort("rule").iter_rows(named=True)
        )
        is_complete = set(totals) == {MatchStatus.MATCHED.value}
        yield describe_finding(
            "core_payments_matched_by_rule",
            str(currency),
            PASS if is_complete else WARN,
            f"of {part.height} payments that the source did not allocate: {words}"
            + (f"; by rule: {by_rule}" if by_rule else ""),
            part.height,
        )


def check_repeated_lines(ledger: Frames) -> Iterator[Finding]:
    """Yield whether two statements seem to bring the same line, where the bank gave it no reference of its own.

    Nothing is left out: one payer may well send the same amount twice with the same words.
    """
    said = ledger["core_payment"].filter(pl.any_horizontal(pl.col(name).is_not_null() for name in _SAYS))
    if not said.height:
        return
    line = ["value_date", "currency", "amount", *_SAYS]
    twice = (
        said.with_columns(name_file())
        .filter(pl.col("source_file").n_unique().over(line) > 1)
        .sort("payment_id")
    )
    yield describe_finding(
        "core_payments_are_on_one_statement",
        "core_payment",
        WARN if twice.height else PASS,
        f"{twice.height} payments of several files are alike in everything; when statements overlap, deliver their "
        f"days once, else the money counts twice: {_examples(twice, 'payment_id')}"
        if twice.height
        else "no payment stands on two statements",
        said.height,
    )


def check_returns(ledger: Frames) -> Iterator[Finding]:
    """Yield whether money taken back on bank statements could be told to be of one payment."""
    payments = ledger["core_payment"]
    matches = ledger["core_payment_match"]
    returns = payments.filter(pl.col("amount") < 0)
    unclear = returns.filter(pl.col("reversal_of").is_null()).join(matches, on="payment_id", how="semi")
    if not returns.height:
        return
    held = matches.join(unclear, on="payment_id", how="semi").drop_nulls("customer_id")
    sums = unclear.group_by("currency").agg(pl.col("amount").sum()).sort("currency")
    yield describe_finding(
        "core_returned_payments_are_linked",
        "core_payment",
        WARN if unclear.height else PASS,
        f"{unclear.height} returns are of no clear payment, in all "
        + ", ".join(f"{row['amount']:,.2f} {row['currency']}" for row in sums.iter_rows(named=True))
        + f": {_examples(unclear, 'payment_id')}; an invoice may be open again, and "
        + f"{held.get_column('customer_id').n_unique()} customers are held until somebody has looked"
        if unclear.height
        else "every return names or was linked to the payment that it takes back",
        returns.height,
    )


def _is_refund(ledger: Frames) -> pl.Expr:
    """Money paid out is negative of itself; it is not over-allocated."""
    refunds = ledger["core_payment"].filter(pl.col("reversal_of").is_null() & (pl.col("amount") < 0))
    return pl.col("origin_id").is_in(refunds.get_column("payment_id").implode())


def check_references(ledger: Frames) -> Iterator[Finding]:
    """Yield whether allocations name payments and credit notes that are known."""
    allocations = ledger["core_allocation"]
    notes = ledger["core_invoice"].filter(pl.col("document_type") == DocumentType.CREDIT_NOTE.value)
    loose = pl.concat(
        allocations.filter(pl.col(name).is_not_null() & ~is_known(allocations.get_column(name), known))
        for name, known in (
            ("payment_id", ledger["core_payment"].get_column("payment_id")),
            ("credit_note_id", notes.get_column("invoice_id")),
        )
    )
    yield describe_finding(
        "core_allocations_refer_to_known_payments",
        "core_allocation",
        WARN if loose.height else PASS,
        f"{loose.height} allocations name a payment or credit note that is not known, and count by their "
        f"booking day: {_examples(loose, 'allocation_id')}"
        if loose.height
        else "every allocation names a known payment or credit note, or is a write-off",
        allocations.height,
    )


def _examples(frame: pl.DataFrame, column: str) -> str:
    names = frame.get_column(column).unique().sort().head(_EXAMPLES).to_list()
    return ", ".join(map(str, names)) + (" ..." if frame.get_column(column).n_unique() > _EXAMPLES else "")
