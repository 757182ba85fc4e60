"""The groups whose treatment is compared; the only place where customers meet their attributes.

Belongs here: reading group attributes from the ledger, bands, and to whom an attribute applies. Does
not belong here: what happened to the customers (harms), or comparing (comparison).
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import PartyType

UNKNOWN = "unknown"
AGE_BANDS: tuple[tuple[int, str], ...] = ((18, "under 18"), (30, "18-29"), (45, "30-44"), (65, "45-64"))
OLDEST_BAND = "65+"
SOURCES: Mapping[str, str] = {
    "party_type": "customer.party_type",
    "age_band": "customer_audit.birth_year",
    "sex": "customer_audit.sex",
    "language": "customer.language",
    "region": "customer.region",
    "country": "customer.country",
    "sector": "customer.sector",
    "size_band": "customer.size_band",
}
"""Attributes that can be compared, and the source column that each is read from."""

_NOT_NATURAL = (PartyType.LEGAL_PERSON.value, PartyType.PUBLIC_BODY.value)
_PERSON_ATTRIBUTES = frozenset({"age_band", "sex"})
_COMPANY_ATTRIBUTES = frozenset({"size_band", "sector"})


def read_groups(ledger: Frames, attributes: Sequence[str], as_of: date) -> pl.DataFrame:
    """Return the group of every customer, per attribute that the ledger holds.

    Parameters
    ----------
    ledger : all ``core_`` tables as known on the as-of day.
    attributes : names out of ``SOURCES``.
    as_of : ages are counted in calendar years up to this day's year.

    Returns
    -------
    Rows of ``customer_id``, ``attribute``, ``group``. *unknown* is a group. An attribute that is null
    for everybody has no rows. Sex and age band are those of natural persons: companies and public
    bodies are left out there, as consumers are left out of size and sector; customers whose party
    type is not known are kept in both.

    Raises
    ------
    ValueError
        For an attribute that is not in ``SOURCES``.
    """
    unknown = sorted(set(attributes) - set(SOURCES))
    if unknown:
        raise ValueError(f"no such attribute: {', '.join(unknown)}; there are {', '.join(SOURCES)}")
    customers = (
        ledger["core_customer"]
        .join(ledger["core_customer_audit"].select("customer_id", "birth_year", "sex"), "customer_id", "left")
        .with_columns(band_ages(as_of.year - pl.col("birth_year")).alias("age_band"))
    )
    parts = []
    for attribute in attributes:
        concerned = customers.filter(_applies(attribute))
        if concerned[attribute].is_not_null().any():
            group = pl.col(attribute).cast(pl.String).fill_null(UNKNOWN).alias("group")
            parts.append(concerned.select("customer_id", pl.lit(attribute).alias("attribute"), group))
    schema = {"customer_id": pl.String, "attribute": pl.String, "group": pl.String}
    return pl.concat([pl.DataFrame(schema=schema), *parts])


def band_ages(age: pl.Expr) -> pl.Expr:
    """Return the age band of an age in years; null where the age is null."""
    banded = pl.lit(OLDEST_BAND)
    for limit, name in reversed(AGE_BANDS):
        banded = pl.when(age < limit).then(pl.lit(name)).otherwise(banded)
    return pl.when(age.is_not_null()).then(banded)


def _applies(attribute: str) -> pl.Expr:
    if attribute in _PERSON_ATTRIBUTES:
        return ~pl.col("party_type").is_in(_NOT_NATURAL).fill_null(False)
    if attribute in _COMPANY_ATTRIBUTES:
        return (pl.col("party_type") != PartyType.CONSUMER.value).fill_null(True)
    return pl.lit(True)
