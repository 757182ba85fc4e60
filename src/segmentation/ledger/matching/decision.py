"""What a payment is set against, or why it is not: the rules in their order.

Belongs here: the decision on events, each from what was known and decided before it. Does not belong here:
the rules themselves (by_name, by_payer), what was decided before (rounds), tables (tables).
"""

import polars as pl

from segmentation.ledger.matching.by_name import decide_named, describe_named
from segmentation.ledger.matching.by_payer import decide_payers
from segmentation.ledger.matching.candidates import Evidence
from segmentation.ledger.matching.money import ZERO
from segmentation.ledger.matching.open_amounts import add_open_amounts


def decide(evidence: Evidence) -> pl.DataFrame:
    """Return the candidates of each event and what is set against them (``CANDIDATE``)."""
    holdings = _list_holdings(evidence)
    rows = describe_named(evidence, holdings)
    by_name = decide_named(rows, evidence.payers)
    rest = evidence.events.filter("is_first").join(rows.select("event").unique(), on="event", how="anti")
    return pl.concat([by_name, decide_payers(rest, evidence.payers, holdings)])


def _list_holdings(evidence: Evidence) -> pl.DataFrame:
    """Return the open invoices of possible payers and of whose invoices are named, in the payment's currency."""
    owners = evidence.named.join(evidence.invoices, on="invoice_id").select("event", "customer_id")
    pairs = (
        evidence.events.select("event", "day", "currency", "available")
        .join(pl.concat([evidence.payers, owners]).unique(), on="event")
        .join(evidence.open_invoices, on="customer_id")
        .filter(pl.col("invoice_day") <= pl.col("day"), pl.col("invoice_currency") == pl.col("currency"))
    )
    return add_open_amounts(pairs, evidence.counted).filter(pl.col("open_amount") > ZERO)
