"""The gates once more, at the moment a person approves: the ledger may have moved since the advice.

Belongs here: running the same gates on the ledger as it now is. Does not belong here: recording the
decision (publish.decisions).
"""

from datetime import datetime

import polars as pl

from segmentation.domain.room_tables import GATE
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import ACTIONS_WITHOUT_CONTACT, MONEY_GATES, PAUSES, Action, BlockCode
from segmentation.treatment.contact_hours import is_lawful, resolve_hours
from segmentation.treatment.gates import close_gates, list_customers
from segmentation.treatment.jurisdiction import assign_packs


def recheck_recommendations(
    recommendation: pl.DataFrame,
    ledger: Frames,
    decisions: pl.DataFrame,
    now: datetime,
    settings: TreatmentSettings,
) -> pl.DataFrame:
    """Return the closed gates that forbid carrying out these recommendations now; empty when none does.

    Parameters
    ----------
    recommendation : act_recommendation or out_recommendations rows; wait needs no gate.
    ledger : all ``core_`` tables as known now, today's facts included.
    decisions : core_decision; the decision on the recommendation itself does not count against it.
    now : moment of carrying out, with its time zone.
    settings : as in the run.

    Returns
    -------
    recommendation_id with the columns of act_gate. ``closed_hours`` is among them when a contact now
    would fall outside the customer's lawful hours, ``nothing_open`` when it has been paid meanwhile. Gates of single
    invoices count when they close every invoice that is still overdue.
    """
    steps = recommendation.filter(pl.col("action") != Action.WAIT).select(
        "recommendation_id", "customer_id", "action", pl.col("channel").alias("step_channel")
    )
    today = now.date()
    others = decisions.join(steps, on="recommendation_id", how="anti")
    gate = close_gates(ledger, others, today, settings)
    overdue = (
        ledger["core_instalment_balance"]
        .filter(pl.col("is_open"), pl.col("due_date") < today)
        .select("customer_id", "invoice_id")
        .unique()
    )
    behind = gate.filter(pl.col("invoice_id").is_not_null()).select("invoice_id").unique()
    free = overdue.join(behind, on="invoice_id", how="anti").select(
        "customer_id", pl.lit(True).alias("has_free")
    )
    is_internal = pl.col("action").is_in(list(ACTIONS_WITHOUT_CONTACT))
    of_channel = pl.col("channel").is_null() | (pl.col("channel") == pl.col("step_channel"))
    of_invoice = pl.col("invoice_id").is_null() | (
        pl.col("has_free").is_null() & ~is_internal & (pl.col("action") != Action.PRE_DUE_NOTICE)
    )
    is_matching = pl.col("action") == Action.MATCH_CREDIT
    closed = (
        steps.join(gate, on="customer_id", how="inner")
        .filter(~(is_matching & pl.col("gate").is_in([*MONEY_GATES, *PAUSES])))
        .join(free.unique(), on="customer_id", how="left")
        .filter(of_channel, of_invoice)
        .select("recommendation_id", *GATE.column_names)
    )
    places = list_customers(ledger)
    places = places.join(assign_packs(places, today, settings.jurisdiction), on="customer_id")
    late_rows = [
        (
            identifier,
            customer,
            BlockCode.CLOSED_HOURS.value,
            "It is outside the hours in which this customer may be contacted.",
        )
        for identifier, customer, jurisdiction, country, timezone in steps.filter(~is_internal)
        .join(places, on="customer_id", how="left")
        .select("recommendation_id", "customer_id", "jurisdiction", "country", "timezone")
        .iter_rows()
        if not is_lawful(
            resolve_hours(jurisdiction or settings.jurisdiction, country, timezone, settings), now
        )
    ]
    late = pl.DataFrame(
        late_rows,
        orient="row",
        schema={
            "recommendation_id": pl.String,
            "customer_id": pl.String,
            "gate": pl.String,
            "detail": pl.String,
        },
    )
    return pl.concat([closed, late], how="diagonal").sort(
        "recommendation_id", "gate", "channel", "invoice_id", nulls_last=True
    )
