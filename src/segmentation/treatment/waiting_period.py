"""The gate of the waiting period: the days that a stage's first message is given before any further step.

Belongs here: from which legal event the days are counted. Does not belong here: how many days and
which event (jurisdictions/*.yaml), other gates about contact (contact_gates).
"""

from datetime import date, timedelta

import polars as pl

from segmentation.domain.dunning_levels import FORMAL_LEVEL
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import BlockCode, Channel
from segmentation.treatment.account_gates import gate_rows, list_open_invoices
from segmentation.treatment.contact_gates import list_outbound
from segmentation.treatment.contact_hours import PLACE, add_working_days, resolve_hours, to_local_time
from segmentation.treatment.jurisdiction import PeriodStart, load_pack, pack_names
from segmentation.treatment.reminder_levels import is_first_in_full
from segmentation.treatment.wording import day_text

POST = (Channel.LETTER.value, Channel.REGISTERED_LETTER.value)
_POSTAL_WORKING_DAYS = 3
_LONGEST_DELIVERY_DAYS = 45


def starts_stage() -> pl.Expr:
    """Return whether a contact is a first reminder in full (``dunning_level`` 1 or unknown) or a formal notice.

    Neither is a call, whatever level it was logged with, nor a message that has no room for what ``jurisdiction`` asks.
    """
    level = pl.col("dunning_level")
    return is_first_in_full() & (level.is_null() | level.is_in([1, FORMAL_LEVEL]))


def first_waiting_day(
    start: PeriodStart, sent: date, received: date | None, *, is_post: bool, holiday_places: tuple[str, ...]
) -> date:
    """Return the first day of the waiting period."""
    posted = add_working_days(sent, _POSTAL_WORKING_DAYS, holiday_places) if is_post else sent
    if start is PeriodStart.DAY_AFTER_SENDING:
        return sent + timedelta(days=1)
    if start is PeriodStart.THIRD_WORKING_DAY_AFTER_SENDING:
        return posted if is_post else sent + timedelta(days=1)
    return max(received or posted, sent) + timedelta(days=1)


def close_on_waiting_period(
    ledger: Frames, places: pl.DataFrame, as_of: date, settings: TreatmentSettings
) -> pl.DataFrame:
    """Return invoices, or accounts, on which a first reminder or formal notice still gets its time to work.

    Parameters
    ----------
    ledger : core_contact_event; an outbound contact of dunning level 1, or of unknown level, is a
        first reminder, one of level 3 a formal notice; when it names no invoice it is about the account. Calls
        are no reminder, nor are messages too short for the contents that the pack asks for.
    places : customer_id, jurisdiction, country, region and timezone.
    settings : waiting_period_days lengthens the period of the pack, never shortens it.

    Notes
    -----
    The period is counted from the event that the pack names, in days of the customer's own calendar:
    the day after sending, the third working day after posting, or the day after receipt. Receipt that
    is not on record counts as on the day of sending for electronic messages, and as on the
    third working day after sending for post (assumption). Saturdays are no working days, which is the
    longer reading.
    """
    longest = timedelta(
        days=max(settings.waiting_period_days, *(load_pack(name).waiting.days for name in pack_names()))
        + _LONGEST_DELIVERY_DAYS
    )
    reminders = (
        list_outbound(ledger)
        .filter(pl.col("sent_on") >= as_of - longest)
        .join(places, on="customer_id", how="inner")
        .filter(starts_stage())
    )
    reminders = to_local_time(reminders, ("sent_at", "delivered_at"), settings).with_columns(
        pl.col("channel").is_in(POST).alias("is_post"),
        pl.col("sent_at").dt.date().alias("sent_day"),
        pl.col("delivered_at").dt.date().alias("delivered_day"),
    )
    key = [*PLACE, "is_post", "sent_day", "delivered_day"]
    rows = []
    for place in reminders.select(key).unique().iter_rows():
        jurisdiction, country, region, timezone, is_post, sent, delivered = place
        waiting = load_pack(jurisdiction).waiting
        first_day = first_waiting_day(
            waiting.post if is_post else waiting.electronic,
            sent,
            delivered,
            is_post=is_post,
            holiday_places=resolve_hours(jurisdiction, country, region, timezone, settings).holiday_places,
        )
        days = max(waiting.days, settings.waiting_period_days)
        rows.append((*place, first_day + timedelta(days=days)))
    periods = pl.DataFrame(
        rows, orient="row", schema={name: reminders.schema[name] for name in key} | {"lifts_on": pl.Date}
    )
    still = (
        reminders.join(periods, on=key, how="inner", nulls_equal=True)
        .filter(pl.col("lifts_on") > as_of)
        .sort("lifts_on", "sent_on", "dunning_level", nulls_last=False)
        .group_by("customer_id", "invoice_id", maintain_order=True)
        .agg(pl.col("lifts_on", "sent_on", "dunning_level").last())
    )
    is_open = is_known(still["invoice_id"], list_open_invoices(ledger, still["invoice_id"])["invoice_id"])
    still = still.filter(pl.col("invoice_id").is_null() | is_open)
    subject = (
        pl.when(pl.col("invoice_id").is_null())
        .then(pl.lit("this account"))
        .otherwise(pl.format("invoice {}", "invoice_id"))
    )
    what = (
        pl.when((pl.col("dunning_level") == FORMAL_LEVEL).fill_null(value=False))
        .then(pl.lit("The formal notice"))
        .otherwise(pl.lit("The first reminder"))
    )
    sentence = pl.format(
        "{} on {} went out on {}; no further step before {}.",
        what,
        subject,
        day_text(pl.col("sent_on")),
        day_text(pl.col("lifts_on")),
    )
    return gate_rows(
        still,
        BlockCode.WAITING_PERIOD,
        sentence,
        invoice=pl.col("invoice_id"),
        lifts_on=pl.col("lifts_on"),
    )
