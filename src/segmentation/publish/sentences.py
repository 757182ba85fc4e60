"""Pieces of sentences as Polars expressions: amounts, days, words for codes.

Belongs here: wording shared by the sentences of the timeline. Does not belong here: the sentences.
"""

from collections.abc import Mapping

import polars as pl

from segmentation.domain.digits import mark_thousands
from segmentation.domain.schema import POLARS_TYPES, DataType

MOMENT = POLARS_TYPES[DataType.TIMESTAMP]


def money(amount: str, currency: str = "currency") -> pl.Expr:
    """Return an amount with its currency, two decimals at least: ``1,234.50 EUR``."""
    digits = pl.col(amount).abs().cast(pl.String).str.replace(r"0$", "")
    whole, decimals = digits.str.extract(r"^([0-9]+)", 1), digits.str.extract(r"(\..*)$", 1)
    return pl.concat_str(mark_thousands(whole), decimals, pl.lit(" "), pl.col(currency).fill_null(""))


def day(column: str) -> pl.Expr:
    """Return a day as ``3 November 2026``."""
    return pl.col(column).dt.to_string("%-d %B %Y")


def at_midnight(column: str) -> pl.Expr:
    """Return a day as the moment at which it begins in UTC."""
    return pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC").cast(MOMENT)


def worded(column: str, words: Mapping[str, str], otherwise: str) -> pl.Expr:
    """Return the words for a code; ``otherwise`` where there is no code, the code itself where unknown."""
    code = pl.col(column)
    known = code.replace(dict(words))
    return pl.when(code.is_null()).then(pl.lit(otherwise)).otherwise(known.str.replace_all("_", " "))


def with_column(lead: str, column: str) -> pl.Expr:
    """Return `` <lead> <value>`` where the column has a value, nothing elsewhere."""
    present = pl.concat_str(pl.lit(f" {lead} "), pl.col(column))
    return pl.when(pl.col(column).is_null()).then(pl.lit("")).otherwise(present)


def event_id(kind: str, *columns: str) -> pl.Expr:
    """Return the identifier of an event: its kind and the key of the row behind it."""
    return pl.concat_str(pl.lit(kind), *(pl.col(name).cast(pl.String) for name in columns), separator=":")


def sentence(*parts: pl.Expr | str) -> pl.Expr:
    """Return the parts one after the other, as the description of an event."""
    return pl.concat_str(*(pl.lit(part) if isinstance(part, str) else part for part in parts)).alias(
        "description"
    )
