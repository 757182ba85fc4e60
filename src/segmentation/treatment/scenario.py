"""The scenario: per customer profile which step at which days beyond terms, channels and tone.

Belongs here: the form of the scenario file and which profile a customer has. Does not belong here:
the scenario itself (``scenarios.yaml``), whether a step is worth its cost (value, recommendation).
"""

from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Self

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.step_terms import STEP_TERMS
from segmentation.domain.vocabulary import Action, Cause, Channel, Segment, Tone

NEVER_DAY = 99_999


class Moment(StrEnum):
    """Days beyond terms that are named in the settings."""

    FIRST_REMINDER = "first_reminder"
    FORMAL_NOTICE = "formal_notice"


class Condition(StrEnum):
    """What must be the case for a step, beside days and level."""

    LIKELY_LATE = "likely_late"
    FAILED_DIRECT_DEBIT = "failed_direct_debit"
    DISPUTED = "disputed"
    JUST_PAID = "just_paid"
    REFUSED = "refused"
    UNUSUAL_DEBIT = "unusual_debit"
    CREDIT_TO_MATCH = "credit_to_match"


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Effect(_Rules):
    """Share of customers whom a step moves to pay, of those who would not have paid by themselves."""

    share: float = Field(ge=0, lt=1)
    evidence: float = Field(gt=0)
    source: str


class Step(_Rules):
    """One step of a profile."""

    step: Action
    from_day: int | Moment
    until_day: int = NEVER_DAY
    levels: tuple[int, int]
    min_amount: Decimal = Decimal(0)
    channels: tuple[Channel, ...]
    tone: Tone
    when: Condition | None = None

    @model_validator(mode="after")
    def _uses_lawful_channels(self) -> Self:
        if others := set(self.channels) - STEP_TERMS[self.step].channels:
            raise ValueError(f"{self.step} is not made by {', '.join(sorted(others))}")
        return self


class Profile(_Rules):
    """Steps for the customers with one of these causes and one of these segments."""

    profile: str
    causes: tuple[Cause, ...]
    segments: tuple[Segment, ...]
    steps: tuple[Step, ...]


class PlanRules(_Rules):
    """How large the parts of a payment plan may be, and how many."""

    months: int = Field(ge=2)
    paying_months: int = Field(ge=1)
    share: float = Field(gt=0, le=1)
    most_parts: int = Field(ge=2)
    least_part: Decimal = Field(gt=0)
    first_after_days: int = Field(ge=1)


class UnusualDebit(_Rules):
    """When a coming direct debit is unusually high for the customer."""

    times_median: float = Field(gt=1)
    settled: int = Field(ge=1)


class Department(_Rules):
    """Who works on a dispute when its reason holds one of the words."""

    department: str
    words: tuple[str, ...]


class Scenario(_Rules):
    """The whole scenario; the file says what each figure means."""

    version: str
    response_days: int
    horizon_days: int
    default_paid_prob: float
    default_remaining_days: int
    loss_share_per_day: float
    handling_cost_per_day: Decimal
    internal_task_cost: Decimal
    customer_evidence: float
    thanks_value: Decimal
    plan: PlanRules
    unusual_debit: UnusualDebit
    departments: tuple[Department, ...]
    other_department: str
    credit_department: str
    effects: dict[Action, Effect]
    unverified_channels: tuple[Channel, ...]
    profiles: tuple[Profile, ...]


@cache
def load_scenario() -> Scenario:
    """Return the scenario that ships with the library."""
    path = resources.files("segmentation.treatment").joinpath("scenarios.yaml")
    return Scenario.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def match_profiles(scenario: Scenario) -> pl.Expr:
    """Return the first profile that fits columns ``segment`` and ``cause``."""
    expression = pl.lit(None, dtype=pl.String)
    for profile in reversed(scenario.profiles):
        fits = pl.lit(True)
        if profile.causes:
            fits = fits & pl.col("cause").is_in([cause.value for cause in profile.causes])
        if profile.segments:
            fits = fits & pl.col("segment").is_in([segment.value for segment in profile.segments])
        expression = pl.when(fits).then(pl.lit(profile.profile)).otherwise(expression)
    return expression


def list_steps(scenario: Scenario, settings: TreatmentSettings) -> pl.DataFrame:
    """Return the steps of every profile with the moments of the settings filled in.

    Returns
    -------
    profile, action, from_day, until_day, level_from, level_to, min_amount, channels (in order), tone,
    condition (null when none).

    Notes
    -----
    A reminder or call comes never before first_reminder_after_days, a formal notice or legal review
    never before formal_notice_after_days.
    """
    moments = {
        Moment.FIRST_REMINDER: settings.first_reminder_after_days,
        Moment.FORMAL_NOTICE: settings.formal_notice_after_days,
    }
    floors = {
        Action.REMINDER: settings.first_reminder_after_days,
        Action.CALL: settings.first_reminder_after_days,
        Action.PAYMENT_PLAN_OFFER: settings.first_reminder_after_days,
        Action.FORMAL_NOTICE: settings.formal_notice_after_days,
        Action.LEGAL_REVIEW: settings.formal_notice_after_days,
    }
    rows = []
    for profile in scenario.profiles:
        for step in profile.steps:
            start = moments[step.from_day] if isinstance(step.from_day, Moment) else step.from_day
            rows.append(
                {
                    "profile": profile.profile,
                    "action": step.step.value,
                    "from_day": max(start, floors.get(step.step, start)),
                    "until_day": step.until_day,
                    "level_from": step.levels[0],
                    "level_to": step.levels[1],
                    "min_amount": float(step.min_amount),
                    "channels": [channel.value for channel in step.channels],
                    "tone": step.tone.value,
                    "condition": step.when.value if step.when else None,
                }
            )
    return pl.DataFrame(
        rows,
        schema={
            "profile": pl.String,
            "action": pl.String,
            "from_day": pl.Int64,
            "until_day": pl.Int64,
            "level_from": pl.Int64,
            "level_to": pl.Int64,
            "min_amount": pl.Float64,
            "channels": pl.List(pl.String),
            "tone": pl.String,
            "condition": pl.String,
        },
    )
