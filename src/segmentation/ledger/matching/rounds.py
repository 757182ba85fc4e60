"""Payments decided in order of time, many at once: in each round those that wait for no other.

Belongs here: the order, and what each decision changes for the next. Does not belong here: the decision
itself (decision).

Two payments compete when they may be meant for the same customer or carry the same sign of a payer; the
earlier is decided first. Payments that do not compete are decided together, so the number of rounds is that
of the payments of the busiest customer, not that of all payments.
"""

from dataclasses import dataclass, replace

import polars as pl

from segmentation.domain.vocabulary import MatchStatus
from segmentation.ledger.matching.decision import CANDIDATE, Evidence, decide
from segmentation.ledger.matching.open_amounts import COUNTED
from segmentation.ledger.matching.payers import KNOWN, find_payers
from segmentation.ledger.matching.rules import RANK

_TOGETHER = 20_000
"""So many events are looked at together; the result does not depend on it."""


@dataclass(frozen=True)
class Case:
    """Everything that payments are decided from; ``known`` and ``counted`` grow with each decision.

    Parameters
    ----------
    events : ``event`` (its place in time), ``payment_id``, ``day``, ``currency``, ``available``,
        ``is_first`` (the day on which the payment was learned), ``given_customer_id`` (from the source),
        ``ends_on`` (day on which the payment was taken back or its source allocated it).
    named : ``payment_id``, ``invoice_id``, ``rule``, ``rank``, ``is_weak``, ``is_short``.
    signs : as ``payers.list_signs`` returns it.
    known : ``payers.KNOWN``.
    invoices : see ``decision.Evidence``.
    counted : ``open_amounts.COUNTED``.
    """

    events: pl.DataFrame
    named: pl.DataFrame
    signs: pl.DataFrame
    known: pl.DataFrame
    invoices: pl.DataFrame
    counted: pl.DataFrame


def decide_in_order(case: Case) -> pl.DataFrame:
    """Return the candidates of every event (``decision.CANDIDATE``); events after a match have none."""
    events = case.events.sort("event")
    found: list[pl.DataFrame] = []
    done = case.events.select("payment_id").clear()
    for together in events.iter_slices(_TOGETHER):
        waiting = together
        while True:
            waiting = waiting.join(done, on="payment_id", how="anti")
            if not waiting.height:
                break
            evidence = _take_turn(waiting, case)
            decided = decide(evidence)
            found.append(decided)
            waiting = waiting.join(evidence.events, on="event", how="anti")
            matched = decided.filter(pl.col("status") == MatchStatus.MATCHED.value)
            lines = matched.join(evidence.events, on="event")
            if lines.height:
                done = pl.concat([done, lines.select("payment_id").unique()])
                case = _remember(lines, case)
    return pl.concat(found) if found else pl.DataFrame(schema=CANDIDATE)


def _take_turn(waiting: pl.DataFrame, case: Case) -> Evidence:
    """Return the evidence on the events that wait for no earlier one."""
    named = (
        waiting.select("event", "payment_id", "day", "is_first")
        .join(case.named, on="payment_id")
        .join(case.invoices.select("invoice_id", "customer_id", "invoice_day"), on="invoice_id")
        .filter(pl.col("invoice_day") <= pl.col("day"), pl.col("is_first") | ~pl.col("is_weak"))
    )
    payers = find_payers(waiting, case.signs, case.known)
    claims = pl.concat(
        [
            named.select("event", (pl.lit("customer:") + pl.col("customer_id")).alias("claim")),
            payers.select("event", (pl.lit("customer:") + pl.col("customer_id")).alias("claim")),
            waiting.select("event", "payment_id")
            .join(case.signs, on="payment_id")
            .select("event", pl.col("key").alias("claim")),
        ]
    )
    is_behind = pl.col("event") > pl.col("event").min().over("claim")
    behind = claims.filter(is_behind).select("event").unique()
    # of one payment, the earlier event comes first
    first = waiting.filter(pl.col("event") == pl.col("event").min().over("payment_id"))
    events = first.join(behind, on="event", how="anti")
    turn = events.select("event")
    return Evidence(
        events,
        named.select("event", "invoice_id", "rule", "rank", "is_weak", "is_short").join(
            turn, on="event", how="semi"
        ),
        payers.join(turn, on="event", how="semi"),
        case.invoices,
        case.counted,
    )


def _remember(lines: pl.DataFrame, case: Case) -> Case:
    """Return the case with what was set against invoices, and with the payers that references revealed."""
    counted = lines.select(
        "invoice_id",
        pl.col("day").alias("from_day"),
        pl.col("ends_on").alias("until_day"),
        pl.col("amount").alias("counted"),
    ).cast(COUNTED)
    learned = (
        lines.filter(
            pl.col("rule").is_in([*RANK, "invoice_numbers"]),
            pl.col("customer_id").n_unique().over("event") == 1,
        )
        .join(case.signs, on="payment_id")
        .select(list(KNOWN))
        .unique()
    )
    return replace(case, counted=pl.concat([case.counted, counted]), known=pl.concat([case.known, learned]))
