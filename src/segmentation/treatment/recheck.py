"""The gates once more, at the moment a person approves: the ledger may have moved since the advice.

Belongs here: running the same gates on the ledger as it now is. Does not belong here: recording the
decision (publish.decisions).
"""

from datetime import UTC, datetime

import polars as pl

from segmentation.domain.asked_debt import find_lapsed
from segmentation.domain.room_tables import GATE
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.step_terms import STEP_TERMS
from segmentation.domain.vocabulary import ACTIONS_WITHOUT_CONTACT, GATES_WORKED_BEHIND, Action, BlockCode
from segmentation.treatment.contact_hours import PLACE, has_offices, is_lawful, resolve_hours
from segmentation.treatment.gates import close_gates, list_places
from segmentation.treatment.wording import channel_word

_LAWFUL_CHANNELS = pl.DataFrame(
    [(action.value, channel.value) for action, terms in STEP_TERMS.items() for channel in terms.channels],
    schema=["action", "step_channel"],
    orient="row",
)


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
    would fall outside the customer's lawful hours, ``nothing_open`` when all has been paid meanwhile, ``debt_changed``
    when what the step is about no longer stands as it did. A gate of a single invoice counts when the message asks for
    that invoice; for a step whose message is not the recommended one, when gates close every invoice that it may
    be about.
    """
    steps = recommendation.filter(pl.col("action") != Action.WAIT).select(
        *("recommendation_id", "customer_id", "action", "as_of_date", "asked_invoices"),
        pl.col("channel").alias("step_channel"),
    )
    today = now.astimezone(UTC).date()
    others = decisions.join(steps, on="recommendation_id", how="anti")
    gate = close_gates(ledger, others, today, settings)
    lapsed = find_lapsed(
        steps, _sum_open_invoices(ledger, steps["customer_id"]), gate["invoice_id"].drop_nulls(), today
    )
    is_internal = pl.col("action").is_in(list(ACTIONS_WITHOUT_CONTACT))
    of_channel = pl.col("channel").is_null() | (pl.col("channel") == pl.col("step_channel"))
    is_worked_behind = pl.any_horizontal(
        (pl.col("action") == action) & pl.col("gate").is_in(gates)
        for action, gates in GATES_WORKED_BEHIND.items()
    )
    of_account = (
        steps.join(gate.filter(pl.col("invoice_id").is_null()), on="customer_id", how="inner")
        .filter(of_channel, ~is_worked_behind)
        .select("recommendation_id", *GATE.column_names)
    )
    of_invoice = lapsed.select("recommendation_id", "invoice_id").join(gate, on="invoice_id", how="inner")
    changed = lapsed.drop_nulls("detail").with_columns(pl.lit(BlockCode.DEBT_CHANGED.value).alias("gate"))
    unlawful = (
        steps.filter(~is_internal)
        .join(_LAWFUL_CHANNELS, on=["action", "step_channel"], how="anti")
        .select(
            *("recommendation_id", "customer_id"),
            pl.lit(BlockCode.CHANNEL_NOT_PERMITTED.value).alias("gate"),
            pl.col("step_channel").alias("channel"),
            pl.format(
                "The step {} is not made by {}.",
                pl.col("action").str.replace_all("_", " "),
                channel_word(pl.col("step_channel")),
            ).alias("detail"),
        )
    )
    places = list_places(ledger, today, settings)
    late_rows = [
        (
            identifier,
            customer,
            BlockCode.CLOSED_HOURS.value,
            "It is outside the hours in which this customer may be contacted.",
        )
        for identifier, customer, action, jurisdiction, country, region, timezone, party_type in steps.filter(
            ~is_internal
        )
        .join(places, on="customer_id", how="left")
        .select(
            *("recommendation_id", "customer_id", "action"),
            *(*PLACE, "party_type"),
        )
        .iter_rows()
        if not is_lawful(
            resolve_hours(
                *(jurisdiction or settings.jurisdiction, country, region, timezone, settings),
                is_business_call=STEP_TERMS[Action(action)].is_call and has_offices(party_type),
            ),
            now,
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
    return pl.concat([of_account, of_invoice, changed, unlawful, late], how="diagonal").sort(
        "recommendation_id", "gate", "channel", "invoice_id", nulls_last=True
    )


def _sum_open_invoices(ledger: Frames, customers: pl.Series) -> pl.DataFrame:
    """Return what is open of every invoice of some customers, and since when."""
    balance = ledger["core_instalment_balance"].filter("is_open")
    return (
        balance.filter(is_known(balance["customer_id"], customers))
        .group_by("invoice_id", "customer_id")
        .agg(pl.col("due_date").min(), pl.col("open_amount").sum())
    )
