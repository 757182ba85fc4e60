"""Whether the ledger's open amounts are those of the source's own balance or ageing list.

Belongs here: the comparison per customer and currency, and per invoice where the list names it, to the cent. Does not belong here: how balances
are made (balances).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import TypeAlias

import polars as pl

from segmentation.domain.movements import SUM_OF_AMOUNTS
from segmentation.domain.schema import Frames
from segmentation.domain.settings import LedgerSettings
from segmentation.domain.vocabulary import DocumentType
from segmentation.ledger.as_known import as_known
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.findings import FAIL, PASS, Finding, describe_finding
from segmentation.ledger.unallocated_cash import build_unallocated_cash

BALANCE_LIST_CHECK = "core_balances_agree_with_the_stated_list"

_ZERO = pl.lit(0, dtype=SUM_OF_AMOUNTS)
_ACCOUNT = ("customer_id", "currency")
_DOCUMENT = (*_ACCOUNT, "invoice_id")
_NAMED = 10
_COMPARED: Mapping[str, pl.DataType] = {
    "customer_id": pl.String(),
    "currency": pl.String(),
    "invoice_id": pl.String(),
    "stated": SUM_OF_AMOUNTS,
    "found": SUM_OF_AMOUNTS,
    "stated_date": pl.Date(),
    "row_count": pl.Int64(),
}


Matcher: TypeAlias = Callable[[Frames, Frames, date], dict[str, pl.DataFrame]]
"""How payments are matched: as ``match_by_first_known``."""


def find_list_day(lists: pl.DataFrame, as_of: date) -> date | None:
    """Return the day of the latest balance list that says something on the as-of day; None without one."""
    day = lists.filter(pl.col("stated_date") < as_of).get_column("stated_date").max()
    return day if isinstance(day, date) else None


def measure_balance_list(
    facts: Frames,
    known: Frames,
    as_of: date,
    settings: LedgerSettings,
    *,
    stated_date: date | None,
    match: Matcher,
) -> pl.DataFrame:
    """Return per customer and currency what the balance list of a day states and what the ledger says.

    Parameters
    ----------
    facts : every canonical table with all facts, and ``core_quarantine``, as ``accept_facts`` returns them.
    known : every canonical table as known on the as-of day.
    as_of : the as-of day.
    settings : ``balance_list`` says what the list counts.
    stated_date : as ``find_list_day`` returns it; None when there is no list.
    match : how payments are matched on the day of the list.

    Returns
    -------
    ``customer_id``, ``currency``, ``invoice_id`` (null: of the whole account), ``stated``, ``found``,
    ``stated_date``, and ``row_count``: rows of lists, in a row of its own. Of invoices only those of which the
    list says otherwise. Without a list there is no row.

    Notes
    -----
    The list is taken as complete: a customer who is not on it owes nothing. It is compared with the ledger
    as known at the start of the day after ``stated_date``. Net is what is open on all documents, less money
    and credit notes not set against anything; gross is what is open on documents alone, where more set
    against an instalment than is due counts as nil. Buckets of a customer are summed. A bucket that is the
    identifier of an invoice is compared with that invoice too, by what the source allocated itself: what was set
    against the wrong invoice of a customer changes no sum.
    """
    if stated_date is None:
        return pl.DataFrame(schema=_COMPARED)
    lists = known["core_stated_balance"].filter(pl.col("stated_date") < as_of)
    day = stated_date + timedelta(days=1)
    believed = known if day == as_of else as_known(facts, day)
    ledger = match(believed, facts, day)
    listed = lists.filter(pl.col("stated_date") == stated_date).with_columns(
        pl.col("open_amount").cast(SUM_OF_AMOUNTS).alias("stated")
    )
    stated = listed.group_by(_ACCOUNT).agg(pl.col("stated").sum())
    compared = (
        stated.join(_sum_open(ledger, day, settings), on=_ACCOUNT, how="full", coalesce=True)
        .with_columns(pl.col("stated", "found").fill_null(_ZERO))
        .filter((pl.col("stated") != _ZERO) | (pl.col("found") != _ZERO))
    )
    counted = pl.DataFrame({"row_count": [lists.height], "stated_date": [stated_date]})
    documents = _compare_documents(listed, believed, day, settings)
    return pl.concat([compared, documents, counted], how="diagonal").select(
        pl.col(name).cast(data_type) for name, data_type in _COMPARED.items()
    )


def describe_balance_list(measured: pl.DataFrame) -> Iterator[Finding]:
    """Yield whether the ledger agrees with the latest balance list known on the as-of day, if there is one."""
    if not measured.height:
        return
    stated_date: date = measured.get_column("stated_date").drop_nulls()[0]
    row_count = int(measured["row_count"].sum())
    compared = measured.drop_nulls("customer_id")
    accounts = compared.get_column("invoice_id").null_count()
    wrong = compared.filter(pl.col("stated") != pl.col("found"))
    # an invoice is named where the sum of its account does not show it
    in_sum = wrong.filter(pl.col("invoice_id").is_null())
    hidden = wrong.filter(pl.col("invoice_id").is_not_null()).join(in_sum, on=_ACCOUNT, how="anti")
    wrong = pl.concat([in_sum, hidden]).sort(
        (pl.col("stated") - pl.col("found")).abs(), *_DOCUMENT, descending=[True, False, False, False]
    )
    named = "; ".join(
        f"{row['customer_id']}{' invoice ' + row['invoice_id'] if row['invoice_id'] else ''} {row['stated']:,.2f} {row['currency']} on the list, {row['found']:,.2f} in the ledger"
        for row in wrong.head(_NAMED).iter_rows(named=True)
    )
    more = f"; and {wrong.height - _NAMED} more" if wrong.height > _NAMED else ""
    if hidden.height:
        more += " (what was set against the wrong invoice may come from an older file: deliver the latest export alone)"
    customers = wrong.get_column("customer_id").n_unique()
    yield describe_finding(
        BALANCE_LIST_CHECK,
        "core_stated_balance",
        FAIL if wrong.height else PASS,
        f"the source's own balance list of {stated_date} says otherwise for {customers} "
        f"customer{'s' if customers > 1 else ''}: {named}{more}"
        if wrong.height
        else f"all {accounts} accounts agree to the cent with the source's own balance list of {stated_date}",
        row_count,
    )


def _compare_documents(
    listed: pl.DataFrame, ledger: Frames, day: date, settings: LedgerSettings
) -> pl.DataFrame:
    """Return ``stated`` and ``found`` of the invoices that the list names and of which it says otherwise."""
    debits = ledger["core_invoice"].filter(pl.col("document_type") != DocumentType.CREDIT_NOTE.value)
    documents = listed.select(*_ACCOUNT, pl.col("bucket").alias("invoice_id"), "stated").join(
        debits, on=_DOCUMENT, how="semi"
    )
    if not documents.height:
        return pl.DataFrame(schema=_COMPARED)
    balances = build_instalment_balances(ledger, day)
    if settings.balance_list == "gross":
        balances = balances.filter("is_open")
    found = balances.group_by(_DOCUMENT).agg(pl.col("open_amount").cast(SUM_OF_AMOUNTS).sum().alias("found"))
    return (
        documents.join(found, on=_DOCUMENT, how="left")
        .with_columns(pl.col("found").fill_null(_ZERO))
        .filter(pl.col("stated") != pl.col("found"))
    )


def _sum_open(ledger: Frames, day: date, settings: LedgerSettings) -> pl.DataFrame:
    """Return ``found``: what is open by the ledger per customer and currency, as the list counts it."""
    balances = build_instalment_balances(ledger, day)
    opened = pl.col("open_amount").cast(SUM_OF_AMOUNTS)
    if settings.balance_list == "gross":
        parts = [balances.filter("is_open").select(*_ACCOUNT, opened.alias("found"))]
    else:
        on_account = pl.col("unmatched_cash_amount").fill_null(0) + pl.col("credit_amount").fill_null(0)
        parts = [
            balances.select(*_ACCOUNT, opened.alias("found")),
            build_unallocated_cash(ledger).select(
                *_ACCOUNT, (-on_account.cast(SUM_OF_AMOUNTS)).alias("found")
            ),
        ]
    return pl.concat(parts).group_by(_ACCOUNT).agg(pl.col("found").sum())
