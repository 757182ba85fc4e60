"""The ledger with payments matched that its source did not allocate.

Belongs here: which payments, on which days, and the tables that come out. Does not belong here: the rules
(decision) and their order in time (rounds).

A payment is decided from what was known on the day on which it was learned, and again on each later day on
which an invoice that it names becomes known; the first match stands. So nothing learned later changes it,
with one exception that is itself dated: when the source allocates the payment later, the match is taken
back on that day.
"""

from datetime import date, timedelta

import polars as pl

from segmentation.domain.core_tables import ALLOCATION, PAYMENT, PAYMENT_MATCH
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import DocumentType, MatchStatus
from segmentation.ledger.matching.booked import find_booked
from segmentation.ledger.matching.by_amount import list_owing
from segmentation.ledger.matching.money import EXACT, ZERO
from segmentation.ledger.matching.named import find_named_invoices
from segmentation.ledger.matching.open_amounts import list_counted, list_undone
from segmentation.ledger.matching.payers import list_known_payers, list_signs
from segmentation.ledger.matching.returned import link_returns, list_returns
from segmentation.ledger.matching.rounds import Case, count_lines, decide_in_order
from segmentation.ledger.matching.rules import LATER_DAYS
from segmentation.ledger.matching.tables import write_lines, write_matches
from segmentation.ledger.matching.unclear import describe_unclear_returns

_SAYS = ("structured_reference", "end_to_end_id", "remittance_text", "payer_name", "payer_account")


def match_payments(ledger: Frames, as_of: date) -> dict[str, pl.DataFrame]:
    """Return the ledger with payments matched that no allocation names.

    Parameters
    ----------
    ledger : every canonical table, as known on the as-of day.
    as_of : the as-of day; facts learned on it or later are not looked at.

    Returns
    -------
    The same tables; ``core_payment`` with the payments that returned debits take back, ``core_allocation`` with the matches (``match_rule`` and ``match_confidence`` filled in,
    ``observed_at`` the moment from which they could be made), and ``core_payment_match`` with every payment
    that its source did not allocate. Tables of a source that allocates its payments itself are unchanged.

    Notes
    -----
    Reversals are not matched; they undo what was allocated of the payment that they take back. Money taken
    back on a bank statement gets its ``reversal_of`` where that is clear (returned); where it is not, it is
    in ``core_payment_match`` with everybody whose payment it may be, and nothing is reopened. A payment
    whose customer the source gives, and which says nothing else, is on account because the source wants
    it there.
    """
    known = _look_back(ledger, as_of)
    returns = list_returns(known["core_payment"], known["core_allocation"])
    if not returns.height:
        return _match_received(ledger, as_of)
    payments, pairs = link_returns(known["core_payment"], returns)
    links = payments.select("payment_id", pl.col("reversal_of").alias("taken_id"))
    linked = (
        ledger["core_payment"]
        .join(links, on="payment_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("reversal_of", "taken_id").alias("reversal_of"))
    )
    matched = _match_received({**ledger, PAYMENT.name: PAYMENT.conform(linked)}, as_of)
    unclear = returns.join(links.filter(pl.col("taken_id").is_not_null()), on="payment_id", how="anti")
    found = describe_unclear_returns(
        unclear, pairs, _look_back(matched, as_of) | {PAYMENT_MATCH.name: matched[PAYMENT_MATCH.name]}
    )
    return matched | {
        PAYMENT_MATCH.name: PAYMENT_MATCH.conform(pl.concat([matched[PAYMENT_MATCH.name], found]))
    }


def has_payments_to_match(ledger: Frames, as_of: date) -> bool:
    """Return whether ``match_payments`` looks at anything: then customers cannot be told apart.

    Parameters
    ----------
    ledger, as_of : as for ``match_payments``.
    """
    known = _look_back(ledger, as_of)
    returns = list_returns(known["core_payment"], known["core_allocation"])
    return bool(returns.height or _list_payments(ledger, as_of).height)


def _match_received(ledger: Frames, as_of: date) -> dict[str, pl.DataFrame]:
    payments = _list_payments(ledger, as_of)
    if not payments.height:
        return {**ledger, PAYMENT_MATCH.name: PAYMENT_MATCH.empty()}
    known = _look_back(ledger, as_of)
    invoices = _list_invoices(known)
    rows = known["core_payment"].join(payments.select("payment_id"), on="payment_id", how="semi")
    named, refused = find_named_invoices(rows, known)
    named = named.join(invoices.select("invoice_id"), on="invoice_id", how="semi")
    events = _list_events(payments, named, invoices, known["core_payment"])
    events = find_booked(events, payments, known)
    case = Case(
        events.filter(pl.col("available") > ZERO),
        named,
        list_signs(rows),
        list_known_payers(known),
        invoices,
        list_counted(known, list_undone(known["core_payment"])),
    )
    decided = decide_in_order(case)
    matched = decided.filter(pl.col("status") == MatchStatus.MATCHED.value).join(events, on="event")
    nameless = case.events.filter("is_first").join(
        decided.join(events, on="event"), on="payment_id", how="anti"
    )
    owing = list_owing(nameless, invoices, pl.concat([case.counted, count_lines(matched)]))
    candidates = pl.concat([decided, owing]).join(events, on="event")
    lines = write_lines(matched, named, invoices, payments)
    return {
        **ledger,
        ALLOCATION.name: ALLOCATION.conform(pl.concat([ledger[ALLOCATION.name], lines])),
        PAYMENT_MATCH.name: write_matches(payments, events, candidates, refused),
    }


def _day() -> pl.Expr:
    return pl.col("observed_at").dt.date()


def _look_back(ledger: Frames, as_of: date) -> dict[str, pl.DataFrame]:
    names = ("core_customer", "core_invoice", "core_payment", "core_allocation")
    return {name: ledger[name].filter(_day() < as_of) for name in names}


def _list_payments(ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return the payments to match, with the day on which their source allocated them after all."""
    says = pl.any_horizontal(pl.col(name).str.strip_chars() != "" for name in _SAYS).fill_null(value=False)
    payments = ledger["core_payment"].filter(
        pl.col("reversal_of").is_null(),
        pl.col("amount") > 0,
        says | pl.col("customer_id").is_null(),
        _day() < as_of,
    )
    allocated = (
        ledger["core_allocation"]
        .filter(
            is_known(ledger["core_allocation"].get_column("payment_id"), payments.get_column("payment_id")),
            _day() < as_of,
        )
        .group_by("payment_id")
        .agg(pl.col("observed_at").min().alias("allocated_at_source"))
    )
    return (
        payments.with_columns(_day().alias("payment_day"), says.alias("says"))
        .join(allocated, on="payment_id", how="left")
        .filter(
            pl.col("allocated_at_source").is_null()
            | (pl.col("allocated_at_source").dt.date() > pl.col("payment_day"))
        )
        .select(
            "payment_id",
            pl.col("customer_id").alias("given_customer_id"),
            "currency",
            pl.col("amount").cast(EXACT),
            "value_date",
            "payment_day",
            "allocated_at_source",
            "says",
            pl.col("observed_at").alias("payment_observed_at"),
            "source_system",
            "source_id",
        )
    )


def _list_invoices(ledger: Frames) -> pl.DataFrame:
    parents = ledger["core_customer"].select(
        "customer_id", pl.col("parent_customer_id").alias("parent_id"), _day().alias("parent_day")
    )
    return (
        ledger["core_invoice"]
        .filter(pl.col("document_type") != DocumentType.CREDIT_NOTE.value)
        .select(
            "invoice_id",
            "customer_id",
            pl.col("currency").alias("invoice_currency"),
            pl.col("amount").cast(EXACT).alias("invoice_amount"),
            "due_date",
            _day().alias("invoice_day"),
            pl.col("observed_at").alias("invoice_observed_at"),
        )
        .join(parents, on="customer_id", how="left")
    )


def _list_events(
    payments: pl.DataFrame, named: pl.DataFrame, invoices: pl.DataFrame, all_payments: pl.DataFrame
) -> pl.DataFrame:
    """Return the days on which each payment is looked at, in order, with the money that it then was."""
    later = (
        named.filter(~pl.col("is_weak"))
        .join(invoices.select("invoice_id", "invoice_day"), on="invoice_id")
        .join(payments.select("payment_id", "payment_day"), on="payment_id")
        .filter(
            pl.col("invoice_day") > pl.col("payment_day"),
            pl.col("invoice_day") <= pl.col("payment_day") + timedelta(days=LATER_DAYS),
        )
        .select("payment_id", pl.col("invoice_day").alias("day"))
        .unique()
    )
    days = pl.concat([payments.select("payment_id", pl.col("payment_day").alias("day")), later])
    reversals = all_payments.filter(pl.col("reversal_of").is_not_null()).select(
        pl.col("reversal_of").alias("payment_id"),
        pl.col("amount").cast(EXACT).alias("reversed"),
        _day().alias("reversed_on"),
    )
    taken_back = (
        days.join(reversals, on="payment_id")
        .filter(pl.col("reversed_on") <= pl.col("day"))
        .group_by("payment_id", "day")
        .agg(pl.col("reversed").sum())
    )
    undone = list_undone(all_payments).rename({"origin_id": "payment_id"})
    is_allocated = pl.col("allocated_at_source").dt.date() <= pl.col("day")
    return (
        days.join(payments, on="payment_id")
        .filter(~is_allocated.fill_null(value=False))
        .join(taken_back, on=["payment_id", "day"], how="left")
        .join(undone, on="payment_id", how="left")
        .with_columns(
            (pl.col("amount") + pl.col("reversed").fill_null(ZERO)).alias("available"),
            (pl.col("day") == pl.col("payment_day")).alias("is_first"),
            pl.min_horizontal("undone_day", pl.col("allocated_at_source").dt.date()).alias("ends_on"),
        )
        .sort("day", "value_date", "payment_id")
        .with_row_index("event")
        .select(
            "event",
            "payment_id",
            "day",
            "currency",
            "available",
            "is_first",
            "given_customer_id",
            "ends_on",
        )
    )
