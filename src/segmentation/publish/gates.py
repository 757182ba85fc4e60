"""The verdict of every gate for one customer, from a published snapshot.

Belongs here: reading ``out_gates`` for a person. Does not belong here: closing gates (treatment).
"""

import polars as pl

from segmentation.domain.vocabulary import BlockCode
from segmentation.publish.reader import Snapshot

_OPEN_WORDS: dict[BlockCode, str] = {
    BlockCode.NOTHING_OPEN: "Something is open on this account.",
    BlockCode.UNMATCHED_CASH: "No money waits to be matched.",
    BlockCode.CREDIT_AVAILABLE: "No credit waits to be set against an invoice.",
    BlockCode.OPEN_DISPUTE: "No open invoice is in dispute.",
    BlockCode.OPEN_PROMISE: "No promise to pay is running.",
    BlockCode.RUNNING_PLAN: "No payment plan is running.",
    BlockCode.INSOLVENCY: "No insolvency is on record.",
    BlockCode.DEBT_MEDIATION: "No debt mediation is on record.",
    BlockCode.VULNERABILITY: "No vulnerability is on record.",
    BlockCode.MANUAL_BLOCK: "No dunning block set by a person is in force.",
    BlockCode.DO_NOT_CONTACT: "No channel is forbidden.",
    BlockCode.CHANNEL_NOT_PERMITTED: "No channel was refused and no needed consent is missing.",
    BlockCode.CHANNEL_UNREACHABLE: "No channel is known to be unreachable.",
    BlockCode.CONTACT_CAP: "The caps on contacts are not reached.",
    BlockCode.COOL_DOWN: "The last contact is long enough ago.",
    BlockCode.AWAITING_DECISION_EFFECT: "No recent decision waits for its effect.",
    BlockCode.WAITING_PERIOD: "No waiting period after a first reminder is running.",
    BlockCode.CLOSED_HOURS: (
        "Closes no account: recommended windows lie within lawful hours, and an adjusted one must too."
    ),
    BlockCode.DEBT_CHANGED: (
        "Closes no account: held against what is owed at the moment that a decided step is carried out."
    ),
    BlockCode.QUARANTINED_ROWS: "No row of this customer failed to load.",
    BlockCode.STALE_SOURCE: "The ledger is recent enough.",
}
"""What an open gate says of the customer, as far as the ledger knows."""


def list_gate_verdicts(snapshot: Snapshot, customer_id: str) -> pl.DataFrame:
    """Return the verdict of every gate for one customer: open or closed, until when, and why.

    Parameters
    ----------
    snapshot : snapshot with ``out_gates``.
    customer_id : customer to explain, as in the ledger.

    Returns
    -------
    gate, verdict (open or closed), channel (null: all contact), invoice_id (null: the whole account),
    lifts_at (UTC; null when open or when no date is known) and detail; one row per closed gate, channel
    and invoice, and one per gate that is open, in the order of the vocabulary. A customer that the
    ledger does not name has every gate open: look the customer up first.

    Raises
    ------
    UsageError
        When the snapshot was published before gates were part of it.
    IntegrityError
        When the table was changed after publication.
    """
    return judge_gates(snapshot.read_table("out_gates").filter(customer_id=customer_id))


def judge_gates(closed_gates: pl.DataFrame) -> pl.DataFrame:
    """Return the verdict of every gate, given the rows of ``out_gates`` of one customer."""
    closed = closed_gates.select(
        "gate", pl.lit("closed").alias("verdict"), "channel", "invoice_id", "lifts_at", "detail"
    )
    codes = [code.value for code in BlockCode]
    opened = (
        pl.DataFrame({"gate": codes, "detail": [_OPEN_WORDS[code] for code in BlockCode]})
        .join(closed, on="gate", how="anti")
        .with_columns(pl.lit("open").alias("verdict"))
    )
    order = {code: number for number, code in enumerate(codes)}
    return (
        pl.concat([closed, opened], how="diagonal")
        .with_columns(pl.col("gate").replace_strict(order, return_dtype=pl.Int64).alias("_order"))
        .sort("_order", "channel", "invoice_id", nulls_last=True)
        .select(closed.columns)
    )
