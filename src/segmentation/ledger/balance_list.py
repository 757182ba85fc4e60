"""Whether the ledger's open amounts are those of the source's own balance or ageing list.

Belongs here: the comparison per customer and currency, to the cent. Does not belong here: how balances
are made (balances).
"""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from segmentation.domain.schema import AMOUNT_SCALE, Frames
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.as_known import as_known
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.findings import FAIL, PASS, Finding, describe_finding
from segmentation.ledger.matching.first_known import match_by_first_known
from segmentation.ledger.unallocated_cash import build_unallocated_cash

BALANCE_LIST_CHECK = "core_balances_agree_with_the_stated_list"

_EXACT = pl.Decimal(38, AMOUNT_SCALE)
_ZERO = pl.lit(0, dtype=_EXACT)
_ACCOUNT = ("customer_id", "currency")
_NAMED = 10


def check_balance_list(
    facts: Frames, known: Frames, as_of: date, settings: LedgerSettings
) -> Iterator[Finding]:
    """Yield whether the ledger agrees with the latest balance list known on the as-of day, if there is one.

    Parameters
    ----------
    facts : every canonical table with all facts, and ``core_quarantine``, as ``accept_facts`` returns them.
    known : every canonical table as known on the as-of day.
    as_of : the as-of day.
    settings : ``balance_list`` says what the list counts.

    Notes
    -----
    The list is taken as complete: a customer who is not on it owes nothing. It is compared with the ledger
    as known at the start of the day after ``stated_date``. Net is what is open on all documents, less money
    and credit notes not set against anything; gross is what is open on documents alone, where more set
    against an instalment than is due counts as nil. Buckets of a customer are summed.
    """
    lists = known["core_stated_balance"].filter(pl.col("stated_date") < as_of)
    stated_date = lists.get_column("stated_date").max()
    if not isinstance(stated_date, date):
        return
    day = stated_date + timedelta(days=1)
    ledger = match_by_first_known(known if day == as_of else as_known(facts, day), facts, day)
    stated = (
        lists.filter(pl.col("stated_date") == stated_date)
        .group_by(_ACCOUNT)
        .agg(pl.col("open_amount").cast(_EXACT).sum().alias("stated"))
    )
    compared = (
        stated.join(_sum_open(ledger, day, settings), on=_ACCOUNT, how="full", coalesce=True)
        .with_columns(pl.col("stated", "found").fill_null(_ZERO))
        .filter((pl.col("stated") != _ZERO) | (pl.col("found") != _ZERO))
        .sort((pl.col("stated") - pl.col("found")).abs(), *_ACCOUNT, descending=[True, False, False])
    )
    wrong = compared.filter(pl.col("stated") != pl.col("found"))
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
        lists.height,
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
