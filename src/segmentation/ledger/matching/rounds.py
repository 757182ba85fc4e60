"""Payments decided in order of time, many at once: all as if the earlier were decided, until they are.

Belongs here: the order, and what each decision changes for the next. Does not belong here: the decision
itself (decision).

A payment is decided from what was known on its day and from the decisions on earlier payments, never on
later ones. So all are decided together, from a guess of what became of the earlier ones (at first:
nothing). Where the guess was wrong, those payments are decided again that it may have misled, until no
guess was wrong. Then each decision follows from the decisions before it: what came out is what deciding
one payment after the other gives, and nothing else, since the first is never misled, the second by the
first only, and so on. There are as many rounds as payments in the longest chain in which each
changes what becomes of the next, not as many as there are payments.
"""

from dataclasses import dataclass, replace

import polars as pl

from segmentation.domain.vocabulary import MatchRule, MatchStatus
from segmentation.ledger.matching.candidates import CANDIDATE, Evidence
from segmentation.ledger.matching.decision import decide
from segmentation.ledger.matching.money import ZERO
from segmentation.ledger.matching.open_amounts import COUNTED
from segmentation.ledger.matching.payers import KNOWN, find_payers, keep_first_known
from segmentation.ledger.matching.rules import RANK

_MOST_TOGETHER, _LEAST_TOGETHER, _PAIRS_TOGETHER = 10_000, 500, 200_000
"""So many events are looked at together, or so many pairs of an event and an invoice that it may be meant
for; the result does not depend on it."""

_NAMING = [*(rule.value for rule in RANK), MatchRule.INVOICE_NUMBERS.value]
_LINE = ("event", "invoice_id", "amount", "rule")


@dataclass(frozen=True)
class Case:
    """Everything that payments are decided from; ``known`` and ``counted`` grow with each decision.

    Parameters
    ----------
    events : ``event`` (its place in time), ``payment_id``, ``day``, ``currency``, ``available``,
        ``is_first`` (the day on which the payment was learned), ``given_customer_id`` (from the source),
        ``ends_on`` (day on which the payment was taken back or its source allocated it), ``booked_for``
        (customers of whom the same money seems to be in the books).
    named : ``payment_id``, ``invoice_id``, ``rule``, ``rank``, ``is_weak``, ``is_short``.
    signs : as ``payers.list_signs`` returns it.
    known : ``payers.KNOWN``.
    invoices : see ``candidates.Evidence``.
    counted : ``open_amounts.COUNTED``.
    """

    events: pl.DataFrame
    named: pl.DataFrame
    signs: pl.DataFrame
    known: pl.DataFrame
    invoices: pl.DataFrame
    counted: pl.DataFrame


def decide_in_order(case: Case) -> pl.DataFrame:
    """Return the candidates of every event (``candidates.CANDIDATE``); events after a match have none."""
    case = replace(case, known=keep_first_known(case.known))
    found: list[pl.DataFrame] = []
    done = case.events.select("payment_id").clear()
    for together in case.events.sort("event").iter_slices(_count_together(case)):
        waiting = together.join(done, on="payment_id", how="anti")
        if not waiting.height:
            continue
        decided = _settle(waiting, case)
        lines = _list_lines(decided, waiting)
        found.append(_drop_later_events(decided, lines, waiting))
        done = pl.concat([done, lines.select("payment_id").unique()])
        case = _remember(lines, case)
    return pl.concat(found) if found else pl.DataFrame(schema=CANDIDATE)


def _count_together(case: Case) -> int:
    """Return how many events are looked at together: fewer where customers have many invoices."""
    busy = case.invoices.group_by("customer_id").len().select(pl.col("len").cast(pl.Float64).pow(2).sum())
    pairs = busy.item() * case.events.height / max(case.invoices.height, 1)
    count = case.events.height * (_PAIRS_TOGETHER / max(pairs, 1.0)) ** 0.5
    return int(min(max(count, _LEAST_TOGETHER), _MOST_TOGETHER))


def _settle(events: pl.DataFrame, case: Case) -> pl.DataFrame:
    """Return the candidates of all events, each decided from the decisions on those before it."""
    named = (
        events.select("event", "payment_id", "day", "is_first")
        .join(case.named, on="payment_id")
        .join(case.invoices.select("invoice_id", "customer_id", "invoice_day"), on="invoice_id")
        .filter(pl.col("invoice_day") <= pl.col("day"), pl.col("is_first") | ~pl.col("is_weak"))
    )
    owners = named.select("event", "customer_id").unique()
    named = named.select("event", "invoice_id", "rule", "rank", "is_weak", "is_short")
    signs = events.select("event", "payment_id").join(case.signs, on="payment_id").select("event", "key")
    open_invoices = _drop_settled(events, case)
    again, guess = events, case
    payers = pl.DataFrame(schema={"event": pl.UInt32, "customer_id": pl.String})
    found = pl.DataFrame(schema=CANDIDATE)
    lines = _list_lines(found, events)
    while again.height:
        turn = again.select("event")
        new_payers = find_payers(again, case.signs, guess.known)
        decided = decide(
            Evidence(
                again,
                named.join(turn, on="event", how="semi"),
                new_payers,
                case.invoices,
                open_invoices,
                guess.counted,
            )
        )
        payers = pl.concat([payers.join(turn, on="event", how="anti"), new_payers])
        found = pl.concat([found.join(turn, on="event", how="anti"), decided])
        before, lines = lines, _list_lines(found, events)
        customers = _list_changed(before, lines, ["customer_id", *_LINE], "customer_id")
        known = guess.known
        guess = _remember(lines, case)
        keys = _list_changed(known, guess.known, list(KNOWN), "key")
        misled = pl.concat(
            [
                pl.concat([owners, payers]).join(customers, on="customer_id").select("event", "since"),
                signs.join(keys, on="key").select("event", "since"),
            ]
        ).filter(pl.col("event") > pl.col("since"))
        again = events.join(misled, on="event", how="semi")
    return found


def _drop_settled(events: pl.DataFrame, case: Case) -> pl.DataFrame:
    """Return the invoices without those that were covered for good before the first event."""
    first_day = events.get_column("day").min()
    is_lasting = (
        (pl.col("from_day") <= pl.lit(first_day)) & pl.col("until_day").is_null() & pl.col("event").is_null()
    ) | (pl.col("counted") < ZERO)
    earlier = pl.col("event").is_not_null() & pl.col("until_day").is_null()
    settled = (
        case.counted.filter(is_lasting | earlier)
        .group_by("invoice_id")
        .agg(pl.col("counted").sum())
        .join(case.invoices.select("invoice_id", "invoice_amount"), on="invoice_id")
        .filter(pl.col("counted") >= pl.col("invoice_amount"))
    )
    return case.invoices.join(settled, on="invoice_id", how="anti")


def _list_lines(found: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Return what is set against invoices: of each payment the first match."""
    return (
        found.filter(pl.col("status") == MatchStatus.MATCHED.value)
        .join(events.select("event", "payment_id", "day", "ends_on"), on="event")
        .filter(pl.col("event") == pl.col("event").min().over("payment_id"))
    )


def _drop_later_events(found: pl.DataFrame, lines: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates without those of payments that were matched by an earlier event."""
    matched = lines.select("payment_id", pl.col("event").alias("matched_event")).unique()
    later = (
        events.select("event", "payment_id")
        .join(matched, on="payment_id")
        .filter(pl.col("event") > pl.col("matched_event"))
    )
    return found.join(later, on="event", how="anti")


def _list_changed(before: pl.DataFrame, after: pl.DataFrame, columns: list[str], what: str) -> pl.DataFrame:
    """Return of what rows came or went, and the first event that made them: ``what``, ``since``."""
    before, after = before.select(columns), after.select(columns)
    return (
        pl.concat(
            [
                before.join(after, on=columns, how="anti", nulls_equal=True),
                after.join(before, on=columns, how="anti", nulls_equal=True),
            ]
        )
        .group_by(what)
        .agg(pl.col("event").min().alias("since"))
    )


def count_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Return what was set against invoices as ``open_amounts.COUNTED``."""
    return lines.select(
        "invoice_id",
        pl.col("day").alias("from_day"),
        pl.col("ends_on").alias("until_day"),
        pl.col("amount").alias("counted"),
        "event",
    ).cast(COUNTED)


def _remember(lines: pl.DataFrame, case: Case) -> Case:
    """Return the case with what was set against invoices, and with the payers that references revealed."""
    learned = (
        lines.filter(
            pl.col("rule").is_in(_NAMING),
            pl.col("customer_id").n_unique().over("event") == 1,
        )
        .join(case.signs, on="payment_id")
        .select(list(KNOWN))
        .unique()
    )
    return replace(
        case,
        counted=pl.concat([case.counted, count_lines(lines)]),
        known=keep_first_known(pl.concat([case.known, learned])),
    )
