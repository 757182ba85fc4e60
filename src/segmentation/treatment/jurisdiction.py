"""Rules of contact and cost by jurisdiction, read from versioned data files.

Belongs here: the form of a pack, which pack a customer falls under. Does not belong here: the rules
themselves (``jurisdictions/*.yaml``), calendars (contact_hours), amounts (costs).
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict

from segmentation.domain.errors import UsageError
from segmentation.domain.vocabulary import Channel, PartyType

_FOLDER = "jurisdictions"
_RATES = "reference_rates"


class PeriodStart(StrEnum):
    """Legal event from which a waiting period is counted."""

    DAY_AFTER_SENDING = "day_after_sending"
    THIRD_WORKING_DAY_AFTER_SENDING = "third_working_day_after_sending"
    DAY_AFTER_RECEIPT = "day_after_receipt"


class InterestStart(StrEnum):
    """Legal event from which interest runs."""

    DAY_AFTER_DUE = "day_after_due"
    AFTER_WAITING_PERIOD = "after_waiting_period"
    NEVER = "never"


class ReminderContent(StrEnum):
    """What the law wants a first reminder to say."""

    BALANCE = "balance"
    COSTS = "costs"
    CREDITOR = "creditor"
    COMPANY_NUMBER = "company_number"
    DELIVERY = "delivery"
    DUE_DATE = "due_date"
    TERM = "term"


class Weekday(StrEnum):
    """Days of the week, Monday first."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scope(_Rules):
    """Who a pack is for; empty lists mean that it is only used as a fallback."""

    countries: tuple[str, ...]
    party_types: tuple[PartyType, ...]


class SourcedRule(_Rules):
    """Where a rule of the pack comes from."""

    rule: str
    source: str


class Waiting(_Rules):
    """Period after a first reminder during which no further step may follow."""

    days: int
    electronic: PeriodStart
    post: PeriodStart


class Hours(_Rules):
    """When contact is lawful, in the customer's own time."""

    open_hour: int
    close_hour: int
    closed_weekdays: tuple[Weekday, ...]
    holiday_countries: tuple[str, ...]


class ReminderFees(_Rules):
    """What a reminder may cost; None means no limit to the number of free ones."""

    free_reminders: int | None
    free_due_dates_per_year_for_regular_deliveries: int | None
    further_reminder_amount: Decimal


class CostBracket(_Rules):
    """Costs for a principal up to ``up_to``: base + rate × (principal − above)."""

    up_to: Decimal | None
    base: Decimal
    rate: Decimal
    above: Decimal


class CostCaps(_Rules):
    """Most that may be charged for collecting a principal."""

    currency: str
    brackets: tuple[CostBracket, ...]
    minimum: Decimal
    maximum: Decimal


class InterestRule(_Rules):
    """When interest runs and at which rate."""

    starts: InterestStart
    points_above_reference: Decimal | None
    reference: str


class LongestTerm(_Rules):
    """Longest term of payment that may be agreed."""

    days: int
    invoiced_from: date


class JurisdictionPack(_Rules):
    """Rules of one jurisdiction and kind of customer, with sources and effective dates; no legal advice."""

    pack: str
    version: str
    title: str
    status: str
    applies_to: Scope
    effective_from: date
    effective_until: date | None
    sources: tuple[SourcedRule, ...]
    waiting: Waiting
    hours: Hours
    consent_channels: tuple[Channel, ...]
    max_calls_per_week: int
    first_reminder_contents: tuple[ReminderContent, ...]
    reminder_fees: ReminderFees
    costs: CostCaps
    interest: InterestRule
    longest_terms: dict[str, LongestTerm] = {}


class ReferenceRates(_Rules):
    """A published interest rate over time, in percent per year."""

    source: str
    known_until: date
    rates: dict[date, Decimal]


def _read(name: str) -> Any:
    path = resources.files("segmentation.treatment").joinpath(_FOLDER, f"{name}.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def pack_names() -> tuple[str, ...]:
    """Return the names of the packs that ship with the library, in alphabetical order."""
    folder = resources.files("segmentation.treatment").joinpath(_FOLDER)
    stems = (entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return tuple(sorted(stem for stem in stems if stem != _RATES))


@cache
def load_pack(name: str) -> JurisdictionPack:
    """Return the pack of that name.

    Raises
    ------
    UsageError
        When no pack is called so.
    """
    if name not in pack_names():
        raise UsageError(
            f"There is no jurisdiction pack called {name!r}",
            where="settings.treatment.jurisdiction",
            remedy=f"Use one of: {', '.join(pack_names())}.",
        )
    return JurisdictionPack.model_validate(_read(name))


@cache
def load_reference_rates() -> dict[str, ReferenceRates]:
    """Return the published interest rates by name."""
    return {name: ReferenceRates.model_validate(entry) for name, entry in _read(_RATES).items()}


def assign_packs(customer: pl.DataFrame, as_of: date, fallback: str) -> pl.DataFrame:
    """Return the jurisdiction pack under which each customer falls.

    Parameters
    ----------
    customer : frame with customer_id, country and party_type.
    as_of : packs that are not in force on this day are not used.
    fallback : pack for customers whose country or party type names none.

    Returns
    -------
    customer_id and ``jurisdiction``, never null.
    """
    load_pack(fallback)
    scopes = [
        {"country": country, "party_type": party.value, "jurisdiction": pack.pack}
        for pack in (load_pack(name) for name in pack_names())
        if pack.effective_from <= as_of and (pack.effective_until is None or as_of <= pack.effective_until)
        for country in pack.applies_to.countries
        for party in pack.applies_to.party_types
    ]
    schema = {"country": pl.String, "party_type": pl.String, "jurisdiction": pl.String}
    return (
        customer.select("customer_id", pl.col("country").str.to_uppercase(), "party_type")
        .join(pl.DataFrame(scopes, schema=schema), on=["country", "party_type"], how="left")
        .select("customer_id", pl.col("jurisdiction").fill_null(fallback))
    )
