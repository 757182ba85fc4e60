"""Payments decided one after the other, as slow and as plain as can be: what deciding many at once must equal."""

import polars as pl

from segmentation.ledger.matching.candidates import CANDIDATE, Evidence
from segmentation.ledger.matching.decision import decide
from segmentation.ledger.matching.open_amounts import COUNTED
from segmentation.ledger.matching.payers import KNOWN, find_payers
from segmentation.ledger.matching.rules import RANK


def decide_one_by_one(case):
    """Return what ``rounds.decide_in_order`` returns."""
    known, counted, done, found = case.known, case.counted, set(), [pl.DataFrame(schema=CANDIDATE)]
    names = case.named.join(
        case.invoices.select("invoice_id", "invoice_day"), on="invoice_id", maintain_order="left"
    )
    for row in case.events.sort("event").iter_rows(named=True):
        if row["payment_id"] in done:
            continue
        event = case.events.filter(pl.col("event") == row["event"])
        named = names.filter(
            pl.col("payment_id") == row["payment_id"],
            pl.col("invoice_day") <= row["day"],
            ~pl.col("is_weak") | row["is_first"],
        ).select(pl.lit(row["event"], dtype=pl.UInt32).alias("event"), *names.columns[1:-1])
        payers = find_payers(event, case.signs, known)
        decided = decide(Evidence(event, named, payers, case.invoices, case.invoices, counted))
        found.append(decided)
        lines = decided.filter(pl.col("status") == "matched")
        if not lines.height:
            continue
        done.add(row["payment_id"])
        new = lines.select(
            "invoice_id",
            pl.lit(row["day"], dtype=pl.Date).alias("from_day"),
            pl.lit(row["ends_on"], dtype=pl.Date).alias("until_day"),
            pl.col("amount").alias("counted"),
            pl.lit(None, dtype=pl.UInt32).alias("event"),
        )
        counted = pl.concat([counted, new.cast(COUNTED)])
        if lines["customer_id"].n_unique() == 1 and lines["rule"][0] in {*RANK, "invoice_numbers"}:
            signs = case.signs.filter(pl.col("payment_id") == row["payment_id"])
            learned = signs.select(
                "key",
                pl.lit(lines["customer_id"][0]).alias("customer_id"),
                pl.lit(row["day"]).alias("day"),
                "payment_id",
                pl.lit(None, dtype=pl.UInt32).alias("event"),
            )
            known = pl.concat([known, learned.select(list(KNOWN))])
    return pl.concat(found)
