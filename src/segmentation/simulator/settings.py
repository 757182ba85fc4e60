"""Settings of a simulated world, and those of the committed sample."""

from datetime import date
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class BiasKind(StrEnum):
    """How a world treats one group worse although the group pays just as well."""

    LABELS = "labels"
    PROXIES = "proxies"
    CONTACT_ACCESS = "contact_access"


class InjectedBias(BaseModel):
    """A planted unfairness towards one group.

    ``labels``: payments in time of the group are recorded late with probability ``strength``.
    ``proxies``: members are moved to one sector, region and terms with probability ``strength``;
    whoever is there, member or not, has payments recorded late. ``contact_access``: members can be
    reached by letter only, and are passed over, with probability ``strength``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: BiasKind
    attribute: Literal["party_type", "language", "region", "size_band", "country", "sex", "age_band"]
    group: str = Field(description="value of the attribute; an age band is written as 18-29 or 65+")
    strength: float = Field(0.5, ge=0, le=1)


class WorldSettings(BaseModel):
    """What a world is like; the same settings always give the same world."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customer_count: int = Field(600, ge=1)
    seed: int = Field(20260101, ge=0)
    start_day: date = Field(date(2024, 11, 1), description="first day on which invoices are issued")
    end_day: date = Field(date(2026, 10, 31), description="last day of which facts are in the ledger")
    mean_invoice_count: float = Field(33.0, ge=1, description="invoices per customer, on average")
    injected_bias: InjectedBias | None = None
    drift: float = Field(
        0.0, description="change of everybody's late propensity over the span, in log-odds; 0 for none"
    )
    homogeneous: bool = Field(
        default=False, description="all customers pay and respond alike (forgetful, late 3 times in 10)"
    )
    with_contacts: bool = Field(default=True, description="whether anybody was ever contacted")
    holdout_share: float = Field(
        0.15, ge=0, lt=1, description="share of due contacts that is left out at random by the logging policy"
    )
    contact_pause_days: int = Field(
        13, ge=1, description="least days between two contacts of a customer; a week more at each level"
    )
    with_bad_rows: bool = Field(
        default=False, description="add rows that cannot be right, to see quarantine at work"
    )

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        if (self.end_day - self.start_day).days < 90:  # noqa: PLR2004  a quarter: terms are up to 60 days
            raise ValueError("end_day must be at least 90 days after start_day")
        return self


SAMPLE_SETTINGS = WorldSettings(
    customer_count=600, seed=17, mean_invoice_count=29.5, contact_pause_days=30, with_bad_rows=True
)
"""Settings of ``data/sample``."""
