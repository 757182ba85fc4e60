"""Dunning levels by debt: how far written reminders have come with each instalment, and the gate that follows from it.

Belongs here: which written contacts count for which debt, and the channels that are too short for a first reminder. Does
not belong here: which step a level allows (scenario), how long to wait after a reminder (waiting_period).
"""

from datetime import date

import polars as pl

from segmentation.domain.row_lookup import find_rows, is_known
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import BlockCode, Channel
from segmentation.treatment.account_gates import gate_rows
from segmentation.treatment.contact_gates import list_outbound
from segmentation.treatment.jurisdiction import load_pack, pack_names
from segmentation.treatment.wording import channel_word

SHORT_CHANNELS = (Channel.SMS.value, Channel.WHATSAPP.value)
"""Channels whose texts have no room for all that a law may ask of a first reminder."""

REMINDERS = "written_reminders"
"""Name under which ``list_reminders`` travels with the tables of a book."""

_DEBT = ["invoice_id", "instalment_number"]


def _asks_contents() -> pl.Expr:
    """Whether the law pack in ``jurisdiction`` names contents that a first reminder must have."""
    asking = [name for name in pack_names() if load_pack(name).first_reminder_contents]
    return pl.col("jurisdiction").is_in(asking)


def is_first_in_full() -> pl.Expr:
    """Return whether a message through ``channel`` can be a first reminder under ``jurisdiction``; a call never is."""
    is_short = pl.col("channel").is_in(SHORT_CHANNELS) & _asks_contents().fill_null(value=False)
    return (pl.col("channel") != Channel.PHONE) & ~is_short


def list_reminders(ledger: Frames) -> pl.DataFrame:
    """Return the messages, with a dunning level, about what is open, by the customer who owes it.

    Parameters
    ----------
    ledger : core_contact_event and core_instalment_balance of the whole book: a message about an invoice counts for
        that invoice, whoever it went to.

    Returns
    -------
    customer_id, invoice_id (null when it was about the account), channel, sent_at, sent_on and ``level`` (1 where
    unknown). Calls are left out.
    """
    balance = ledger["core_instalment_balance"].filter("is_open")
    level = pl.col("dunning_level").fill_null(1)
    written = (
        list_outbound(ledger)
        .filter(pl.col("channel") != Channel.PHONE, level > 0)
        .select("customer_id", "invoice_id", "channel", "sent_at", "sent_on", level.alias("level"))
    )
    owner = balance["customer_id"].gather(find_rows(written["invoice_id"], balance["invoice_id"]))
    is_about_open = written["invoice_id"].is_null() | owner.is_not_null()
    return written.with_columns(pl.coalesce(owner, "customer_id").alias("customer_id")).filter(is_about_open)


def find_levels(reminders: pl.DataFrame, debts: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Return how far written reminders have come with each debt that was reminded of since it fell due.

    Parameters
    ----------
    reminders : of list_reminders.
    debts : customer_id, invoice_id, instalment_number and due_date.
    places : customer_id and jurisdiction.

    Returns
    -------
    invoice_id, instalment_number, ``level`` (the highest) and ``reminder_count``, both at least 1.

    Notes
    -----
    A debt's level starts with a first reminder: a message about its invoice, or one of level 1 about the account,
    through a channel that has room for what the law asks of it. What else was sent counts from then on only: a formal
    notice about the account says nothing of an invoice that nobody was reminded of before, and a text message replaces
    no first reminder where that has mandatory contents.
    """
    written = (
        reminders.filter(is_known(reminders["customer_id"], debts["customer_id"]))
        .join(places.select("customer_id", "jurisdiction"), on="customer_id", how="left")
        .select(
            "customer_id", "invoice_id", "sent_at", "sent_on", "level", is_first_in_full().alias("is_full")
        )
    )
    debts = debts.select("customer_id", *_DEBT, "due_date")
    of_account = pl.col("invoice_id").is_null()
    about = pl.concat(
        [
            debts.join(
                written.filter(~of_account), on=["customer_id", "invoice_id"], how="inner"
            ).with_columns(pl.col("is_full").alias("opens")),
            debts.join(
                written.filter(of_account).drop("invoice_id"), on="customer_id", how="inner"
            ).with_columns((pl.col("is_full") & (pl.col("level") == 1)).alias("opens")),
        ]
    ).filter(pl.col("sent_on") > pl.col("due_date"))
    opened = about.filter("opens").group_by(_DEBT).agg(pl.col("sent_at").min().alias("opened_at"))
    return (
        about.join(opened, on=_DEBT, how="inner")
        .filter(pl.col("opens") | (pl.col("sent_at") > pl.col("opened_at")))
        .group_by(_DEBT)
        .agg(pl.col("level").max(), pl.len().cast(pl.Int64).alias("reminder_count"))
    )


def close_short_channels(
    ledger: Frames, reminders: pl.DataFrame, places: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """Return the short channels of customers who still have to get a first reminder with mandatory contents.

    Parameters
    ----------
    ledger : core_contact_point and core_instalment_balance.
    reminders : of list_reminders.
    places : customer_id and jurisdiction.
    as_of : what is past due on this day counts.
    """
    asked = places.filter(_asks_contents())
    points = ledger["core_contact_point"].filter(pl.col("channel").is_in(SHORT_CHANNELS))
    points = points.filter(is_known(points["customer_id"], asked["customer_id"]))
    debts = ledger["core_instalment_balance"].filter("is_open", pl.col("due_date") < as_of)
    debts = debts.filter(is_known(debts["customer_id"], points["customer_id"]))
    new = debts.join(find_levels(reminders, debts, places), on=_DEBT, how="anti")
    return gate_rows(
        points.filter(is_known(points["customer_id"], new["customer_id"])),
        BlockCode.CHANNEL_NOT_PERMITTED,
        pl.format(
            "What is past due still needs its first reminder, and a message by {} has no room for what the law asks of it.",
            channel_word(pl.col("channel")),
        ),
        channel=pl.col("channel"),
    )
