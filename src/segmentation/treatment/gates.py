"""Gates: every reason not to contact a customer, found before anything is ranked.

Belongs here: the closed gates of all customers. Does not belong here: which step is worth taking
(recommendation), the verdict of every gate for one customer in words (publish.gates).
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

MONEY_GATES = (BlockCode.UNMATCHED_CASH.value, BlockCode.CREDIT_AVAILABLE.value)
"""Gates that a person opens by matching money or credit to an invoice."""

PAUSES = (
    BlockCode.CONTACT_CAP.value,
    BlockCode.COOL_DOWN.value,
    BlockCode.WAITING_PERIOD.value,
    BlockCode.RUNNING_PLAN.value,
)
"""Gates that hold back contact only: work within the own organisation goes on."""


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
