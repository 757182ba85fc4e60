"""Gates: every reason not to contact a customer, found before anything is ranked.

Belongs here: the closed gates of all customers, and the verdict of every gate for one. Does not
belong here: which step is worth taking (recommendation).
"""

from datetime import date

import polars as pl

from segmentation.domain.room_tables import GATE
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import BlockCode
from segmentation.treatment import account_gates, contact_gates
from segmentation.treatment.jurisdiction import assign_packs
from segmentation.treatment.waiting_period import close_on_waiting_period

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
    BlockCode.MANUAL_BLOCK: "Nobody set a dunning block.",
    BlockCode.DO_NOT_CONTACT: "No channel is forbidden.",
    BlockCode.CHANNEL_NOT_PERMITTED: "No channel was refused and no needed consent is missing.",
    BlockCode.CHANNEL_UNREACHABLE: "No channel is known to be unreachable.",
    BlockCode.CONTACT_CAP: "The caps on contacts are not reached.",
    BlockCode.COOL_DOWN: "The last contact is long enough ago.",
    BlockCode.AWAITING_DECISION_EFFECT: "No recent decision waits for its effect.",
    BlockCode.WAITING_PERIOD: "No waiting period after a first reminder is running.",
    BlockCode.CLOSED_HOURS: "Every recommended window lies within lawful hours; checked again when a step is approved.",
    BlockCode.QUARANTINED_ROWS: "No row of this customer failed to load.",
    BlockCode.STALE_SOURCE: "The ledger is recent enough.",
}


def list_customers(ledger: Frames) -> pl.DataFrame:
    """Return every customer that the ledger names, with what is known of who and where they are.

    Returns
    -------
    customer_id, parent_customer_id, party_type, country, timezone, language, payment_method; null
    where the ledger does not say.
    """
    customer = ledger["core_customer"].select(
        "customer_id", "parent_customer_id", "party_type", "country", "timezone", "language", "payment_method"
    )
    owing = ledger["core_instalment_balance"].select("customer_id").unique()
    extra = owing.join(customer, on="customer_id", how="anti")
    return pl.concat([customer, extra], how="diagonal").sort("customer_id")


def close_gates(
    ledger: Frames, decisions: pl.DataFrame, as_of: date, settings: TreatmentSettings
) -> pl.DataFrame:
    """Return every gate that is closed on the as-of day: why a customer must not be contacted, until when.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day; empty ones close nothing.
    decisions : core_decision; those taken on worklists before the as-of day count.
    as_of : day on which contact would be made.
    settings : caps, cool-downs, waiting period, tolerated age of the source, fallback jurisdiction.

    Returns
    -------
    act_gate, one row per customer, gate, channel and invoice. ``channel`` null closes all contact,
    ``invoice_id`` null the whole account. ``lifts_at`` is the start (00:00 UTC) of the first as-of day
    on which the gate is open, all else equal; null when no date is known.

    Notes
    -----
    The gates are those of the jurisdiction packs and settings; none is ever opened by a score. Opening
    hours close no row here: the recommended window always lies inside them (contact_hours).
    """
    customers = list_customers(ledger)
    places = customers.join(assign_packs(customers, as_of, settings.jurisdiction), on="customer_id").select(
        "customer_id", "jurisdiction", "country", "timezone"
    )
    names = customers.select("customer_id")
    rows = pl.concat(
        [
            account_gates.close_on_nothing_open(ledger, names),
            account_gates.close_on_money(ledger, settings),
            account_gates.close_on_disputes(ledger, as_of),
            account_gates.close_on_promises(ledger, as_of, settings),
            account_gates.close_on_plans(ledger, as_of),
            account_gates.close_on_blocks(ledger, as_of),
            account_gates.close_on_decisions(decisions, as_of, settings),
            account_gates.close_on_quarantine(ledger, as_of),
            account_gates.close_on_stale_source(ledger, names, as_of, settings),
            contact_gates.close_on_permissions(ledger, places, as_of),
            contact_gates.close_on_reach(ledger, names),
            contact_gates.close_on_frequency(ledger, places, as_of, settings),
            close_on_waiting_period(ledger, places, as_of, settings),
        ]
    ).join(names, on="customer_id", how="semi")
    lifts_on = pl.when(pl.col("lifts_on").null_count() > 0).then(None).otherwise(pl.col("lifts_on").max())
    merged = (
        rows.sort("customer_id", "gate", "channel", "invoice_id", "detail", nulls_last=True)
        .group_by(GATE.key, maintain_order=True)
        .agg(lifts_on.alias("lifts_on"), pl.col("detail").unique(maintain_order=True).str.join(" "))
        .with_columns(
            pl.col("lifts_on").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("lifts_at")
        )
    )
    return GATE.conform(merged)


def explain_gates(gate: pl.DataFrame, customer_id: str) -> pl.DataFrame:
    """Return the verdict of every gate for one customer: open or closed, since when it lifts, and why.

    Parameters
    ----------
    gate : act_gate.
    customer_id : customer to explain.

    Returns
    -------
    gate, verdict (open or closed), channel, invoice_id, lifts_at and detail; one row per closed row of
    act_gate and one per gate that is open, in the order of the vocabulary.
    """
    closed = gate.filter(pl.col("customer_id") == customer_id).select(
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
