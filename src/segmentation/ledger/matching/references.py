"""Structured references with check digits: Belgian OGM/VCS and ISO 11649 RF.

Belongs here: finding and checking them. Does not belong here: invoice numbers in free
text (text_search).

The Belgian structured communication has twelve digits (check_digits), printed as +++ddd/dddd/ddddd+++. An
ISO 11649 creditor reference begins with RF and two check digits (modulo 97-10).
"""

import re

import polars as pl
from stdnum import iso11649

from segmentation.ledger.check_digits import is_ogm

REFERENCE_FORM = r"^(?:\d{12}|RF\d{2}[A-Z0-9]{1,21})$"
"""What a structured reference looks like without separators."""

_IN_TEXT = re.compile(
    r"(?<![A-Z0-9/])[+*]{3}\s?(?P<marked>\d{3}/?\d{4}/?\d{5})\s?[+*]{3}"
    r"|(?<![A-Z0-9/])(?P<bare>\d{3}/\d{4}/\d{5})(?![A-Z0-9/])"
    r"|(?<![A-Z0-9])(?P<rf>RF\d{2}(?:[A-Z0-9]{1,21}|(?: [A-Z0-9]{4}){1,5}(?: [A-Z0-9]{1,4})?))(?![A-Z0-9])"
)
_HINT = r"RF\d{2}|\d{3}/?\d{4}/?\d{5}"
_PAIRS = pl.List(pl.Struct({"reference": pl.String, "is_valid": pl.Boolean}))


def compact(column: str) -> pl.Expr:
    """Return letters and digits only, in capitals; null when nothing is left."""
    plain = pl.col(column).str.to_uppercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    return pl.when(plain != "").then(plain)


def list_references(payments: pl.DataFrame) -> pl.DataFrame:
    """Return the structured references of payments, with whether their check digits are right.

    Parameters
    ----------
    payments : ``payment_id``, ``structured_reference``, ``remittance_text``.

    Returns
    -------
    ``payment_id``, ``reference`` (without separators, in capitals), ``is_valid``. What stands in the field
    for structured references but is of neither form is not in it.
    """
    stated = (
        payments.select("payment_id", compact("structured_reference").alias("reference"))
        .filter(pl.col("reference").str.contains(REFERENCE_FORM))
        .with_columns(pl.col("reference").map_elements(is_valid, return_dtype=pl.Boolean).alias("is_valid"))
    )
    texts = (
        payments.select("payment_id", pl.col("remittance_text").str.to_uppercase().alias("text"))
        .filter(pl.col("text").str.contains(_HINT))
        .with_columns(pl.col("text").map_elements(_find, return_dtype=_PAIRS).alias("found"))
        .select("payment_id", "found")
        .explode("found")
        .unnest("found")
        .drop_nulls("reference")
    )
    return pl.concat([stated, texts]).unique().sort("payment_id", "reference")


def is_valid(reference: str) -> bool:
    """Whether a reference without separators has the right check digits."""
    if reference.startswith("RF"):
        return bool(iso11649.is_valid(reference))
    return is_ogm(reference)


def _find(text: str) -> list[dict[str, str | bool]]:
    found: list[dict[str, str | bool]] = []
    for match in _IN_TEXT.finditer(text):
        groups = (match["marked"] or match["bare"] or match["rf"]).replace("/", "").split(" ")
        whole = "".join(groups)
        # a word behind an RF reference that is written in groups is not part of it
        shorter = ["".join(groups[:count]) for count in range(len(groups), 1, -1)]
        good = next((reference for reference in shorter if is_valid(reference)), None)
        found.append({"reference": good or whole, "is_valid": good is not None or is_valid(whole)})
    return found
