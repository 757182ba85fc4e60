"""Gates: every reason not to contact a customer, found before anything is ranked.

Belongs here: the closed gates of all customers. Does not belong here: which step is worth taking
(recommendation), the verdict of every gate for one customer in words (publish.gates).
"""

from datetime import date

import polars as pl

from segmentation.domain.room_tables import GATE
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.side_by_side import work_on
from segmentation.treatment import account_gates, contact_gates
from segmentation.treatment.contact_hours import PLACE
from segmentation.treatment.jurisdiction import assign_packs
from segmentation.treatment.portions import PORTION_CUSTOMERS, Portions
from segmentation.treatment.reminder_levels import close_short_channels, list_reminders
from segmentation.treatment.waiting_period import close_on_waiting_period


def list_customers(ledger: Frames) -> pl.DataFrame:
    """Return every customer that the ledger names, with what is known of who and where they are.

    Returns
    -------
    customer_id, parent_customer_id, party_type, country, region, timezone, language, payment_method; null
    where the ledger does not say.
    """
    customer = ledger["core_customer"].select(
        "customer_id",
        "parent_customer_id",
        "party_type",
        "country",
        "region",
        "timezone",
        "language",
        "payment_method",
    )
    owing = ledger["core_instalment_balance"].select("customer_id").unique()
    extra = owing.join(customer, on="customer_id", how="anti")
    return pl.concat([customer, extra], how="diagonal").sort("customer_id")


def list_places(ledger: Frames, as_of: date, settings: TreatmentSettings) -> pl.DataFrame:
    """Return the customers of ``list_customers``, each with the ``jurisdiction`` whose law holds, never null."""
    customers = list_customers(ledger)
    packs = assign_packs(customers, as_of, settings.jurisdiction)
    return customers.join(packs, on="customer_id", how="left", maintain_order="left")


def close_gates(
    ledger: Frames,
    decisions: pl.DataFrame,
    as_of: date,
    settings: TreatmentSettings,
    portion_customers: int = PORTION_CUSTOMERS,
) -> pl.DataFrame:
    """Return every gate that is closed on the as-of day: why a customer must not be contacted, until when.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day; empty ones close nothing.
    decisions : core_decision; those taken on worklists before the as-of day count.
    as_of : day on which contact would be made.
    settings : caps, cool-downs, waiting period, tolerated age of the source, fallback jurisdiction.
    portion_customers : how many customers are worked on at a time; changes memory and time, never a gate.

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
    places = list_places(ledger, as_of, settings).select("customer_id", *PLACE)
    names = places.select("customer_id")
    portions = Portions(ledger, names.to_series(), portion_customers)
    # Money of a parent closes its children, and a reminder may name an invoice of somebody else: what looks beyond
    # a customer's own rows is found for all at once, and so is what closes for few.
    few = pl.concat(
        [
            account_gates.close_on_money(ledger, settings),
            account_gates.close_on_disputes(ledger, as_of),
            account_gates.close_on_promises(ledger, as_of, settings),
            account_gates.close_on_plans(ledger, as_of),
            account_gates.close_on_blocks(ledger, as_of),
            account_gates.close_on_decisions(decisions, as_of, settings),
            account_gates.close_on_quarantine(ledger, as_of),
            account_gates.close_on_stale_source(ledger, names, as_of, settings),
            close_on_waiting_period(ledger, places, as_of, settings),
            close_short_channels(ledger, list_reminders(ledger), places, as_of),
        ]
    )
    has_addresses = not ledger["core_contact_point"].is_empty()

    def close(part: Frames, own: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
        who = own.select("customer_id")
        rows = pl.concat(
            [
                found,
                account_gates.close_on_nothing_open(part, who),
                contact_gates.close_on_permissions(part, own, as_of),
                contact_gates.close_on_reach(part, who, has_addresses=has_addresses),
                contact_gates.close_on_frequency(part, own, as_of, settings),
            ]
        )
        return _merge(rows.filter(is_known(rows["customer_id"], own["customer_id"])))

    closed = work_on(close, portions, portions.cut(places), portions.cut(few))
    return GATE.align(pl.concat(closed))


def list_closed_channels(ledger: Frames, as_of: date, settings: TreatmentSettings) -> pl.DataFrame:
    """Return customer_id and channel where permissions or addresses close the channel, caps and pauses left aside."""
    places = list_places(ledger, as_of, settings)
    has_addresses = not ledger["core_contact_point"].is_empty()
    rows = pl.concat(
        [
            contact_gates.close_on_permissions(ledger, places, as_of),
            contact_gates.close_on_reach(ledger, places.select("customer_id"), has_addresses=has_addresses),
        ]
    )
    return rows.select("customer_id", "channel").unique()


def _merge(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in order, one per key: what several rows say of a gate is joined, the last one to lift counts."""
    ordered = rows.sort(*GATE.key, "detail", nulls_last=True).with_row_index("row")
    is_again = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in GATE.key)
    is_again = is_again & (pl.col("row") > 0)
    is_shared = ordered.select(is_again | is_again.shift(-1, fill_value=False)).to_series()
    lifts_on = pl.when(pl.col("lifts_on").null_count() > 0).then(None).otherwise(pl.col("lifts_on").max())
    merged = (
        ordered.filter(is_shared)
        .group_by(GATE.key, maintain_order=True)
        .agg(
            pl.col("row").first(),
            lifts_on.alias("lifts_on"),
            pl.col("detail").unique(maintain_order=True).str.join(" "),
        )
    )
    lifts_at = pl.col("lifts_on").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return (
        pl.concat([ordered.filter(~is_shared), merged.select(ordered.columns)])
        .sort("row")
        .select(*GATE.key, lifts_at.alias("lifts_at"), "detail")
    )
