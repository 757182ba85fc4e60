"""Plain words for amounts, days and channels, as whole-column expressions.

Belongs here: how a value is written for a credit manager. Does not belong here: what is said
(reasons, gates).
"""

import polars as pl

from segmentation.domain.digits import mark_thousands
from segmentation.domain.vocabulary import Channel

CHANNEL_WORDS: dict[str, str] = {
    Channel.EMAIL: "e-mail",
    Channel.SMS: "text message",
    Channel.WHATSAPP: "WhatsApp message",
    Channel.PHONE: "phone call",
    Channel.LETTER: "letter",
    Channel.REGISTERED_LETTER: "registered letter",
    Channel.PORTAL: "portal message",
}
_NUMBER_WORDS = {
    str(number): word
    for number, word in enumerate(
        ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"), start=1
    )
}


_POINT_AND_MILLS = 4


def amount_text(amount: str, currency: str) -> pl.Expr:
    """Return an amount as currency code and two decimals with thousands separators: ``EUR 4,210.00``.

    Examples
    --------
    >>> from decimal import Decimal
    >>> frame = pl.DataFrame({"a": [Decimal("4210.000"), Decimal("-1234567.500")], "c": ["EUR", "USD"]})
    >>> frame.select(amount_text("a", "c"))["a"].to_list()
    ['EUR 4,210.00', 'USD -1,234,567.50']
    """
    value = pl.col(amount)
    text = value.abs().cast(pl.Decimal(38, 3)).round(2).cast(pl.String)
    whole = mark_thousands(text.str.head(-_POINT_AND_MILLS))
    sign = pl.when(value < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.format("{} {}{}{}", pl.col(currency), sign, whole, text.str.slice(-4, 3)).alias(amount)


def day_text(day: pl.Expr) -> pl.Expr:
    """Return a day as ``3 November 2026``."""
    return day.dt.strftime("%-d %B %Y")


def weekday_text(day: pl.Expr) -> pl.Expr:
    """Return a day as ``Tuesday 3 November``."""
    return day.dt.strftime("%A %-d %B")


def count_word(count: pl.Expr) -> pl.Expr:
    """Return a count as a capitalised word up to ten, as digits above."""
    return count.cast(pl.String).replace(_NUMBER_WORDS)


def channel_word(channel: pl.Expr) -> pl.Expr:
    """Return a channel in words."""
    return channel.replace(CHANNEL_WORDS)
