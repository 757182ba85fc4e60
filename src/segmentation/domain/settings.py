"""Settings: every number that a user may want to change, with its default and its reason.

Frozen; unknown names are refused. Read from YAML by the command line (``--settings FILE``); the
library itself never reads the environment.
"""

from decimal import Decimal
from functools import cache
from typing import Literal, Self, TypeAlias
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from segmentation.domain.promises import PROMISE_GRACE_DAYS

GroupAttribute: TypeAlias = Literal[
    "party_type", "age_band", "sex", "language", "region", "country", "sector", "size_band"
]
"""Attributes by which the bias audit can form groups."""


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LedgerSettings(_Settings):
    """What a delivery must look like to be trusted."""

    earliest_year: int = Field(1990, description="dates before this year are quarantined as typing errors")
    latest_year: int = Field(2100, description="dates after this year are quarantined as typing errors")
    max_quarantined_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="refuse the delivery when more of a file's rows than this are quarantined; e-invoices are judged together",
    )
    min_refused_rows: int = Field(
        10, ge=1, description="fewer quarantined rows than this refuse a file only when they are most of it"
    )
    max_gap_days: int = Field(
        180,
        ge=1,
        description="when no as-of day is given, the last few facts are typing errors when they lie further than this after the others; a payment valued or booked further than this after it was learned always is",
    )
    max_share_after_gap: float = Field(
        0.01, ge=0, lt=1, description="fewer than this share of all facts are a few"
    )
    max_shrunk_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="refuse the delivery when more than this share of what the previous one had is gone",
    )
    balance_list: Literal["net", "gross"] = Field(
        "net",
        description="what a stated balance list counts: net takes money and credit on account off, gross does not",
    )


class RiskSettings(_Settings):
    """How payment dates are predicted."""

    horizon_days: int = Field(
        180, ge=30, description="days beyond the due date up to which the date is modelled"
    )
    min_training_instalments: int = Field(
        300, description="below this no model is trained; a baseline speaks"
    )
    min_late_instalments: int = Field(30, description="below this many late ones no model is trained")
    calibration_share: float = Field(
        0.15,
        gt=0,
        lt=0.5,
        description="share of the matured rows in each test block before the as-of day; three blocks leave more than half for the first training",
    )
    validation_folds: int = Field(3, ge=1, description="rolling origins on which models are compared")
    bootstrap_replicates: int = Field(
        500, ge=100, description="replicates of the paired bootstrap over customers"
    )
    trees: int = Field(300, ge=10)
    leaves: int = Field(15, ge=2)
    learning_rate: float = Field(
        0.02, gt=0, description="step of the trees, which start from the past late rate and need small ones"
    )
    threads: int = Field(
        2, ge=1, description="threads of LightGBM; the result does not depend on their number"
    )
    hazard_trees: int = Field(100, ge=10, description="trees of the model of the payment day")
    hazard_learning_rate: float = Field(0.12, gt=0)
    forecast_days: int = Field(60, ge=1, description="days ahead of the cash forecast")
    forecast_draws: int = Field(1000, ge=100, description="simulated futures behind the cash forecast")
    monitoring_days: int = Field(
        30, ge=7, description="instalments issued in so many days are compared with those learned from"
    )
    loss_after_days: int = Field(
        180, ge=30, description="an instalment unpaid so long after its due date counts as doubtful"
    )
    loss_share: float = Field(
        0.5, ge=0, le=1, description="share of a doubtful amount that is not expected to come back"
    )
    annual_cost_of_capital: float = Field(
        0.08, ge=0, description="yearly cost of money tied up in receivables; the same as in treatment"
    )


class SegmentSettings(_Settings):
    """When a customer is called structural or incidental."""

    grace_days: int = Field(0, ge=0, description="days beyond terms that still count as on time")
    half_life_days: int = Field(365, ge=30, description="age at which an observation counts for half")
    min_settled: int = Field(3, ge=1, description="fewer known instalments than this: insufficient_history")
    structural_prob: float = Field(0.9, gt=0.5, lt=1, description="structural at or above this probability")
    incidental_prob: float = Field(
        0.1, gt=0, lt=0.5, description="incidental or prompt at or below this probability"
    )
    hysteresis: float = Field(
        0.05, ge=0, lt=0.4, description="a customer leaves a segment only when past its bound by this"
    )
    persistence_days: int = Field(
        14, ge=0, description="structural only when late instalments fell due at least this far apart"
    )
    prompt_late_share: float = Field(
        0.1, gt=0, lt=0.5, description="prompt when the late propensity's mean is below this"
    )
    min_cause_prob: float = Field(0.5, gt=0, lt=1, description="below this the cause is unclear")
    promise_grace_days: int = Field(
        PROMISE_GRACE_DAYS, ge=0, description="days after a promised date before the promise counts as broken"
    )


class SenderSettings(_Settings):
    """Who writes to customers; what is left empty stands in brackets in every message until it is filled in."""

    name: str = Field("", description="name of your company, as customers know it")
    company_number: str = Field("", description="number in the register of companies")
    phone: str = Field("", description="number on which customers can call you back")
    email: str = Field("", description="address to which customers can write")
    iban: str = Field("", description="account to pay to")
    payment_link: str = Field(
        "", description="address of the page on which customers pay or change their bank"
    )
    delivery: dict[Literal["nl", "fr", "en", "de"], str] = Field(
        default={}, description="what you deliver, in a few words, by language"
    )
    language: Literal["nl", "fr", "en", "de"] = Field(
        "en", description="language of messages to customers whose own is not known or not written here"
    )
    charges_costs: bool = Field(
        default=False,
        description="whether your terms let you charge costs after an unpaid reminder; messages then name the ceiling",
    )


class ExplorationSettings(_Settings):
    """Trying out which gentle channel is answered best; off until there is a contact log to learn from."""

    is_on: bool = Field(
        default=False, description="whether gentle channels are drawn at random within bounds"
    )
    within_points: float = Field(
        0.08, ge=0, le=0.2, description="only channels whose response is this close to the best take part"
    )
    holdout_share: float = Field(
        0.08,
        ge=0.05,
        le=0.10,
        description="share of those who take part that is left alone for a period, to compare with",
    )
    days_between: int = Field(
        30, ge=1, description="days in which a customer takes part once at most; a period of the holdout, too"
    )
    draws: int = Field(400, ge=100, description="draws behind the probability of each channel")


class TreatmentSettings(_Settings):
    """What may be done, when, and what it is worth."""

    sender: SenderSettings = SenderSettings()
    exploration: ExplorationSettings = ExplorationSettings()

    policy_version: str = "rules-1"
    jurisdiction: str = Field(
        "strictest", min_length=1, description="pack of rules when country and party type name none"
    )
    default_timezone: str = Field(
        "Europe/Brussels", description="IANA name of the zone of customers whose own is not known"
    )
    open_hour: int = Field(8, ge=0, le=23, description="first hour of contact, customer's time")
    close_hour: int = Field(20, ge=1, le=24, description="no contact from this hour on, customer's time")
    business_call_open_hour: int = Field(
        9, ge=0, le=23, description="first hour of calls to legal persons and public bodies, their time"
    )
    business_call_close_hour: int = Field(
        17,
        ge=1,
        le=24,
        description="no calls to legal persons and public bodies from this hour on, their time",
    )
    max_contacts_per_week: int = Field(2, ge=0, description="outbound contacts in 7 days, all channels")
    max_contacts_per_month: int = Field(5, ge=0, description="outbound contacts in 30 days, all channels")
    cool_down_days: int = Field(7, ge=0, description="days between two outbound contacts")
    decision_cool_down_days: int = Field(
        7, ge=0, description="days after a decision without a new recommendation"
    )
    first_reminder_after_days: int = Field(3, ge=0, description="days beyond terms before the first reminder")
    waiting_period_days: int = Field(
        14, ge=0, description="calendar days after a first reminder before a further step"
    )
    formal_notice_after_days: int = Field(
        45, ge=0, description="days beyond terms before a formal notice may be proposed"
    )
    max_source_age_days: int = Field(
        7, ge=0, description="no dunning when the newest fact is older than this"
    )
    unmatched_tolerance_amount: Decimal = Field(
        Decimal("0.05"), ge=0, description="unmatched cash or credit up to this is rounding, in any currency"
    )
    promise_grace_days: int = Field(
        PROMISE_GRACE_DAYS, ge=0, description="days after a promised date before the promise counts as broken"
    )
    annual_cost_of_capital: float = Field(
        0.08, ge=0, description="yearly cost of money tied up in receivables"
    )
    contact_cost: dict[str, Decimal] = Field(
        default={
            "email": Decimal("0.05"),
            "sms": Decimal("0.10"),
            "whatsapp": Decimal("0.10"),
            "portal": Decimal("0.05"),
            "letter": Decimal("1.50"),
            "registered_letter": Decimal("8.00"),
            "phone": Decimal("6.00"),
        },
        description="cost of one contact, in the ledger's currency",
    )
    annoyance_cost: Decimal = Field(Decimal("0.50"), description="what one contact costs in goodwill")
    calls_per_day: int = Field(40, ge=0, description="calls that the team can make on a day")
    valid_days: int = Field(3, ge=1, description="days for which a recommendation may be carried out")

    @field_validator("default_timezone")
    @classmethod
    def _is_known_zone(cls, zone: str) -> str:
        if zone not in _known_zones():
            raise ValueError(f"{zone!r} is no IANA time zone; one is named like Europe/Brussels")
        return zone

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.open_hour >= self.close_hour:
            raise ValueError(
                f"open_hour ({self.open_hour}) must be before close_hour ({self.close_hour}), "
                "or nobody could ever be contacted"
            )
        first = max(self.open_hour, self.business_call_open_hour)
        last = min(self.close_hour, self.business_call_close_hour)
        if first >= last:
            raise ValueError(
                f"business_call_open_hour ({self.business_call_open_hour}) and business_call_close_hour "
                f"({self.business_call_close_hour}) leave no hour within {self.open_hour} to {self.close_hour}, "
                "or no company could ever be called"
            )
        return self


class FairnessSettings(_Settings):
    """What is compared, and when it blocks."""

    attributes: tuple[GroupAttribute, ...] = Field(
        ("party_type", "age_band", "sex", "language", "region", "size_band"),
        min_length=1,
        description="attributes by which groups are compared, each once",
    )
    with_pairs: bool = Field(
        default=True, description="also compare groups formed by two attributes at once, such as sex and age"
    )
    primary_metrics: tuple[str, ...] = Field(
        ("structural_label_rate", "harsh_step_rate", "letter_only_rate"),
        min_length=1,
        description="rates that gate publication, registered before anything is seen",
    )
    clear_late_days: int = Field(
        14, ge=0, description="more days beyond terms than banks, booking or pay-runs explain"
    )
    min_count_report: int = Field(30, description="no figure for a group below this count")
    min_count_pass: int = Field(300, description="no pass for a group below this count")
    block_gap: float = Field(0.03, description="a significant gap above this blocks")
    pass_gap: float = Field(0.05, description="pass when the simultaneous upper bound is below this")
    alpha: float = Field(
        0.05, gt=0, lt=1, description="chance of any false alarm in one period, all runs and groups together"
    )
    alpha_period_days: int = Field(182, ge=1, description="days over which repeated runs share alpha")
    first_look_share: float = Field(
        0.75,
        gt=0,
        lt=1,
        description="share of alpha that the first audit spends; the rest is spent day by day",
    )
    pair_alpha_share: float = Field(
        0.1, gt=0, lt=1, description="share of a run's alpha that is spent on pairs of attributes"
    )
    bootstrap_replicates: int = Field(2000, ge=200)
    mitigation: tuple[Literal["penalty", "reweighing"], ...] = Field(
        (), description="methods by which the model of being late is mitigated; none when empty"
    )
    mitigation_strengths: tuple[float, ...] = Field(
        (0.3, 1.0, 3.0), min_length=1, description="strengths of the penalty that are tried"
    )
    max_auc_loss: float = Field(0.005, ge=0, lt=0.5, description="AUC that mitigation may cost at most")

    @field_validator("attributes")
    @classmethod
    def _names_each_once(cls, attributes: tuple[GroupAttribute, ...]) -> tuple[GroupAttribute, ...]:
        twice = sorted({name for name in attributes if attributes.count(name) > 1})
        if twice:
            raise ValueError(f"named more than once: {', '.join(twice)}")
        return attributes


class PublishSettings(_Settings):
    """How long a snapshot may be relied on."""

    valid_days: int = Field(7, ge=1, description="days after the as-of day during which consumers may use it")
    keep_snapshots: int = Field(
        30,
        ge=2,
        description="publications and as-of days of which snapshots are kept, never fewer than those that may still be used; "
        "as many runs stay in Dagster's history",
    )


class Settings(_Settings):
    """All settings of a run."""

    seed: int = 20260101
    ledger: LedgerSettings = LedgerSettings()
    risk: RiskSettings = RiskSettings()
    segments: SegmentSettings = SegmentSettings()
    treatment: TreatmentSettings = TreatmentSettings()
    fairness: FairnessSettings = FairnessSettings()
    publish: PublishSettings = PublishSettings()

    @model_validator(mode="after")
    def _prices_money_alike(self) -> Self:
        risk, treatment = self.risk.annual_cost_of_capital, self.treatment.annual_cost_of_capital
        if risk != treatment:
            raise ValueError(
                f"risk.annual_cost_of_capital ({risk}) and treatment.annual_cost_of_capital ({treatment}) "
                "must be the same: money costs what it costs; set both"
            )
        return self

    @model_validator(mode="after")
    def _judges_promises_alike(self) -> Self:
        segments, treatment = self.segments.promise_grace_days, self.treatment.promise_grace_days
        if segments != treatment:
            raise ValueError(
                f"segments.promise_grace_days ({segments}) and treatment.promise_grace_days ({treatment}) "
                "must be the same: a promise is broken or it is not; set both"
            )
        return self
