"""Whether the ledger's open amounts are those of the source's own balance or ageing list.

Belongs here: the comparison per customer and currency, to the cent. Does not belong here: how balances
are made (balances).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import TypeAlias

import polars as pl

from segmentation.domain.schema import AMOUNT_SCALE, Frames
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.as_known import as_known
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.findings import FAIL, PASS, Finding, describe_finding
from segmentation.ledger.unallocated_cash import build_unallocated_cash

BALANCE_LIST_CHECK = "core_balances_agree_with_the_stated_list"

_EXACT = pl.Decimal(38, AMOUNT_SCALE)
_ZERO = pl.lit(0, dtype=_EXACT)
_ACCOUNT = ("customer_id", "currency")
_NAMED = 10
_COMPARED: Mapping[str, pl.DataType] = {
    "customer_id": pl.String(),
    "currency": pl.String(),
    "stated": _EXACT,
    "found": _EXACT,
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
    ``customer_id``, ``currency``, ``stated``, ``found``, ``stated_date``, and ``row_count``: rows of lists, in
    a row of its own. Without a list there is no row.

    Notes
    -----
    The list is taken as complete: a customer who is not on it owes nothing. It is compared with the ledger
    as known at the start of the day after ``stated_date``. Net is what is open on all documents, less money
    and credit notes not set against anything; gross is what is open on documents alone, where more set
    against an instalment than is due counts as nil. Buckets of a customer are summed.
    """
    if stated_date is None:
        return pl.DataFrame(schema=_COMPARED)
    lists = known["core_stated_balance"].filter(pl.col("stated_date") < as_of)
    day = stated_date + timedelta(days=1)
    ledger = match(known if day == as_of else as_known(facts, day), facts, day)
    stated = (
        lists.filter(pl.col("stated_date") == stated_date)
        .group_by(_ACCOUNT)
        .agg(pl.col("open_amount").cast(_EXACT).sum().alias("stated"))
    )
    compared = (
        stated.join(_sum_open(ledger, day, settings), on=_ACCOUNT, how="full", coalesce=True)
        .with_columns(pl.col("stated", "found").fill_null(_ZERO))
        .filter((pl.col("stated") != _ZERO) | (pl.col("found") != _ZERO))
    )
    counted = pl.DataFrame({"row_count": [lists.height], "stated_date": [stated_date]})
    return pl.concat([compared, counted], how="diagonal").select(
        pl.col(name).cast(data_type) for name, data_type in _COMPARED.items()
    )


def describe_balance_list(measured: pl.DataFrame) -> Iterator[Finding]:
    """Yield whether the ledger agrees with the latest balance list known on the as-of day, if there is one."""
    if not measured.height:
        return
    stated_date: date = measured.get_column("stated_date").drop_nulls()[0]
    row_count = int(measured["row_count"].sum())
    compared = measured.drop_nulls("customer_id")
    wrong = compared.filter(pl.col("stated") != pl.col("found")).sort(
        (pl.col("stated") - pl.col("found")).abs(), *_ACCOUNT, descending=[True, False, False]
    )
    named = "; ".join(
        f"{row['customer_id']} {row['stated']:,.2f} {row['currency']} on the list, {row['found']:,.2f} in the ledger"
        for row in wrong.head(_NAMED).iter_rows(named=True)
    )
    more = f"; and {wrong.height - _NAMED} more" if wrong.height > _NAMED else ""
    customers = wrong.get_column("customer_id").n_unique()
    yield describe_finding(
        BALANCE_LIST_CHECK,
        "core_stated_balance",
        FAIL if wrong.height else PASS,
        f"the source's own balance list of {stated_date} says otherwise for {customers} "
        f"customer{'s' if customers > 1 else ''}: {named}{more}"
        if wrong.height
        else f"all {compared.height} accounts agree to the cent with the source's own balance list of {stated_date}",
        row_count,
    )


def _sum_open(ledger: Frames, day: date, settings: LedgerSettings) -> pl.DataFrame:
    """Return ``found``: what is open by the ledger per customer and currency, as the list counts it."""
    balances = build_instalment_balances(ledger, day)
    opened = pl.col("open_amount").cast(_EXACT)
    if settings.balance_list == "gross":
        parts = [balances.filter("is_open").select(*_ACCOUNT, opened.alias("found"))]
    else:
        on_account = pl.col("unmatched_cash_amount").fill_null(0) + pl.col("credit_amount").fill_null(0)
        parts = [
            balances.select(*_ACCOUNT, opened.alias("found")),
            build_unallocated_cash(ledger).select(*_ACCOUNT, (-on_account.cast(_EXACT)).alias("found")),
        ]
    return pl.concat(parts).group_by(_ACCOUNT).agg(pl.col("found").sum())
