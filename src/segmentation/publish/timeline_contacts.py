"""Sentences about contacts, answers and messages.

Belongs here: what was sent or said, through which channel, and what it brought to light. Does not belong
here: texts of messages, which stay in the ledger.
"""

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import Direction
from segmentation.publish.sentences import event_id, sentence, with_column, worded

_SENT = {
    "email": "Email sent",
    "sms": "Text message sent",
    "whatsapp": "WhatsApp message sent",
    "phone": "Call made",
    "letter": "Letter sent",
    "registered_letter": "Registered letter sent",
    "portal": "Message placed in the portal",
}
_RECEIVED = {
    "email": "Email received",
    "sms": "Text message received",
    "whatsapp": "WhatsApp message received",
    "phone": "Customer called",
    "letter": "Letter received",
    "registered_letter": "Registered letter received",
    "portal": "Message received through the portal",
}
_OUTCOMES = {
    "not_received": "Customer says that the invoice has not arrived",
    "awaiting_approval": "Customer says that the invoice waits for approval",
    "disputed": "Customer disputes the invoice",
    "in_payment_run": "Customer says that it is in the next payment run",
    "payment_sent": "Customer says that the payment is on its way",
    "unreachable": "Customer could not be reached",
    "cannot_pay": "Customer says that they cannot pay now",
    "will_not_pay": "Customer says that they will not pay",
    "promise": "Customer promised to pay",
}


def tell_contacts(frames: Frames) -> list[pl.DataFrame]:
    """Return the events of contacts.

    Parameters
    ----------
    frames : uses ``core_contact_event``, ``core_contact_outcome`` and ``core_message``.
    """
    contact = frames["core_contact_event"]
    return [
        _tell_contacts(contact),
        _tell_answers(contact),
        _tell_outcomes(frames["core_contact_outcome"], contact),
        _tell_messages(frames["core_message"]),
    ]


def _tell_contacts(contact: pl.DataFrame) -> pl.DataFrame:
    is_inbound = pl.col("direction") == Direction.INBOUND.value
    level = (
        pl.when(pl.col("dunning_level").is_null())
        .then(pl.lit(""))
        .when(pl.col("dunning_level") == 0)
        .then(pl.lit(", no reminder"))
        .otherwise(pl.concat_str(pl.lit(", dunning level "), pl.col("dunning_level").cast(pl.String)))
    )
    opened = pl.when(pl.col("opened_at").is_not_null()).then(pl.lit(", opened")).otherwise(pl.lit(""))
    outbound = pl.concat_str(
        worded("channel", _SENT, "Contact made"), with_column("about", "invoice_id"), level, opened
    )
    inbound = pl.concat_str(
        worded("channel", _RECEIVED, "Customer got in touch"), with_column("about", "invoice_id")
    )
    return contact.select(
        event_id("contact", "contact_id").alias("event_id"),
        "customer_id",
        pl.col("sent_at").alias("event_at"),
        pl.when(is_inbound).then(pl.lit("reply")).otherwise(pl.lit("contact")).alias("kind"),
        "invoice_id",
        sentence(pl.when(is_inbound).then(inbound).otherwise(outbound), "."),
        "channel",
        "dunning_level",
    )


def _tell_answers(contact: pl.DataFrame) -> pl.DataFrame:
    return contact.filter(pl.col("replied_at").is_not_null()).select(
        event_id("answer", "contact_id").alias("event_id"),
        "customer_id",
        pl.col("replied_at").alias("event_at"),
        pl.lit("reply").alias("kind"),
        "invoice_id",
        sentence("Customer answered", with_column("about", "invoice_id"), "."),
    )


def _tell_outcomes(outcome: pl.DataFrame, contact: pl.DataFrame) -> pl.DataFrame:
    return outcome.join(contact.select("contact_id", "customer_id", "invoice_id"), on="contact_id").select(
        event_id("outcome", "contact_id", "code").alias("event_id"),
        "customer_id",
        pl.col("recorded_at").alias("event_at"),
        pl.lit("reply").alias("kind"),
        "invoice_id",
        sentence(worded("code", _OUTCOMES, "Outcome recorded"), "."),
    )


def _tell_messages(message: pl.DataFrame) -> pl.DataFrame:
    return message.select(
        event_id("message", "message_id").alias("event_id"),
        "customer_id",
        pl.col("received_at").alias("event_at"),
        pl.lit("reply").alias("kind"),
        pl.lit(None, dtype=pl.String).alias("invoice_id"),
        sentence("Message received from the customer."),
    )
