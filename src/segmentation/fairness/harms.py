"""What may go wrong for a customer, as it can be observed in a ledger without knowing the truth.

Belongs here: who is concerned by a harm, and to whom it happens. Does not belong here: groups, or
comparing them.

Notes
-----
The harm that matters most is that a customer who is late by incident is labelled a structural late
payer, or treated like one. Who that is in truth is not recorded anywhere. What can be observed is
how late a customer really was: somebody who was hardly ever more than ``clear_late_days`` beyond
terms has given little cause for harshness, however often a payment was a few days over. It is there
that booking delays, bank transit, pay-runs, short terms and models decide about the label, and it
is there that they may fall on one group more than on another. So the population of the primary
family is *customers who are seldom clearly late*: fewer than half of their known instalments were
more than ``clear_late_days`` beyond terms, what is open and overdue counted as late so far.

Limits, to be kept in mind when reading a verdict. (1) If payments of a group are recorded more than
``clear_late_days`` late, the record itself is wrong in a way that no comparison of treatment can see.
(2) A group that really pays a few days late more often is reported as treated worse, which it is; the
gate then asks a person to decide whether that is justified. (3) Customers with fewer than the
minimum of known instalments are not labelled and not in the label's population.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from segmentation.domain.reachability import is_bounced
from segmentation.domain.schema import Frames
from segmentation.domain.settings import FairnessSettings, SegmentSettings
from segmentation.domain.vocabulary import (
    ACTIONS_WITHOUT_CONTACT,
    FORMAL_ACTIONS,
    Action,
    BlockCode,
    Cause,
    Channel,
    Direction,
    ScoreStatus,
    Segment,
    Tone,
)
from segmentation.segments.observations import EXCLUDED, classify_instalments

FREQUENT_CONTACT_COUNT = 3
FREQUENT_CONTACT_DAYS = 30
_EASY_CHANNELS = tuple(
    channel.value for channel in Channel if channel not in {Channel.LETTER, Channel.REGISTERED_LETTER}
)
_PERMISSION_GATES = (BlockCode.DO_NOT_CONTACT.value, BlockCode.CHANNEL_NOT_PERMITTED.value)
# A word of thanks asks for nothing: it burdens nobody, and nobody would be called instead.
_ASKS_NOTHING = (*ACTIONS_WITHOUT_CONTACT, Action.THANK_YOU)


@dataclass(frozen=True, slots=True)
class Harm:
    """One rate that is compared between groups; a higher rate is worse for the customer.

    Parameters
    ----------
    concerned : who the rate is about, in words.
    suffered : what happens to those who are counted, in words.
    population, is_harmed : both over the columns of ``describe_customers``.
    needs : table without whose rows the harm cannot be observed; None when it always can.
    """

    concerned: str
    suffered: str
    population: pl.Expr
    is_harmed: pl.Expr
    needs: str | None = None


_SELDOM = "customers who are seldom clearly late"
_OVERDUE = "customers with something overdue"
_MILD_OVERDUE = pl.col("is_seldom_clearly_late") & pl.col("is_overdue")
HIGH_SCORE_PROB = 0.5

HARMS: Mapping[str, Harm] = {
    "structural_label_rate": Harm(
        concerned=_SELDOM,
        suffered="are labelled structural late payers or thought not to be willing to pay",
        population=pl.col("is_seldom_clearly_late") & pl.col("is_labelled"),
        is_harmed=pl.col("is_called_structural"),
    ),
    "harsh_step_rate": Harm(
        concerned=f"{_SELDOM} and have something overdue",
        suffered="are to get a formal notice, a legal review or a call in a formal tone",
        population=_MILD_OVERDUE,
        is_harmed=pl.col("has_harsh_step"),
    ),
    "high_score_rate": Harm(
        concerned=f"{_SELDOM} and have something open that is not due yet",
        suffered=f"are expected to pay it more than 30 days late (probability {HIGH_SCORE_PROB:.0%} or more)",
        population=pl.col("is_seldom_clearly_late") & pl.col("has_score"),
        is_harmed=pl.col("has_high_score"),
    ),
    "unwilling_cause_rate": Harm(
        concerned=_SELDOM,
        suffered="are thought not to be willing to pay",
        population=pl.col("is_seldom_clearly_late") & pl.col("is_labelled"),
        is_harmed=pl.col("is_thought_unwilling"),
    ),
    "contact_step_rate": Harm(
        concerned=f"{_SELDOM} and have something overdue",
        suffered="are to be contacted",
        population=_MILD_OVERDUE,
        is_harmed=pl.col("has_contact_step"),
    ),
    "frequent_contact_rate": Harm(
        concerned=_OVERDUE,
        suffered=f"were contacted {FREQUENT_CONTACT_COUNT} times or more in {FREQUENT_CONTACT_DAYS} days",
        population=pl.col("is_overdue"),
        is_harmed=pl.col("is_contacted_often"),
        needs="core_contact_event",
    ),
    "no_call_rate": Harm(
        concerned="customers who are to be contacted",
        suffered="are not to be called by a person",
        population=pl.col("has_contact_step"),
        is_harmed=~pl.col("has_call_step"),
    ),
    "no_plan_rate": Harm(
        concerned="customers with something overdue who probably cannot pay",
        suffered="are not offered a payment plan",
        population=pl.col("is_overdue") & pl.col("is_thought_unable"),
        is_harmed=~pl.col("has_plan_step"),
    ),
    "letter_only_rate": Harm(
        concerned="customers",
        suffered="can be reached by letter only, or not at all",
        population=pl.lit(value=True),
        is_harmed=~pl.col("has_easy_channel"),
        needs="core_contact_point",
    ),
}
"""Every rate that is compared, by metric; those in ``primary_metrics`` gate, the others are reported."""


def observe_harms(ledger: Frames, decided: Frames, settings: FairnessSettings, as_of: date) -> pl.DataFrame:
    """Return for every harm the customers it could happen to, and whether it did.

    Parameters
    ----------
    ledger : all ``core_`` tables as known on the as-of day.
    decided : ``pred_instalment_risk``, ``pred_segment``, ``act_gate``, ``act_recommendation``.
    settings : ``clear_late_days``.
    as_of : end of what is known, and of the window in which contacts are counted.

    Returns
    -------
    Rows of ``metric``, ``customer_id``, ``is_harmed``. A harm whose table is empty has no rows.
    """
    customers = describe_customers(ledger, decided, settings, as_of)
    parts = [
        customers.filter(harm.population).select(
            pl.lit(metric).alias("metric"), "customer_id", harm.is_harmed.alias("is_harmed")
        )
        for metric, harm in HARMS.items()
        if harm.needs is None or ledger[harm.needs].height
    ]
    return pl.concat(parts)


def describe_customers(
    ledger: Frames, decided: Frames, settings: FairnessSettings, as_of: date
) -> pl.DataFrame:
    """Return one row per customer of ``pred_segment`` with every fact that a harm is defined by.

    Notes
    -----
    All facts are true or false; what the ledger does not know of a customer is false.
    """
    labels = decided["pred_segment"].select(
        "customer_id",
        (pl.col("segment") != Segment.INSUFFICIENT_HISTORY.value).alias("is_labelled"),
        (
            (pl.col("segment") == Segment.STRUCTURAL.value) | (pl.col("cause") == Cause.WILL_NOT_PAY.value)
        ).alias("is_called_structural"),
        (pl.col("cause") == Cause.WILL_NOT_PAY.value).alias("is_thought_unwilling"),
        (pl.col("cause") == Cause.CANNOT_PAY.value).alias("is_thought_unable"),
    )
    joined = labels
    for part in (
        _read_punctuality(ledger, settings, as_of),
        _read_scores(decided["pred_instalment_risk"]),
        _read_steps(decided["act_recommendation"]),
        _read_contacts(ledger, as_of),
        _read_channels(ledger, decided["act_gate"]),
    ):
        joined = joined.join(part, "customer_id", "left")
    facts = [name for name in joined.columns if name != "customer_id"]
    return joined.with_columns(pl.col(facts).fill_null(False)).sort("customer_id")


def _read_punctuality(ledger: Frames, settings: FairnessSettings, as_of: date) -> pl.DataFrame:
    balance = ledger["core_instalment_balance"]
    # No grace here: clear_late_days is the measure, and every day beyond terms makes lateness known.
    known = classify_instalments(balance, as_of, SegmentSettings(grace_days=0)).filter(~pl.col(EXCLUDED))
    is_clear = pl.col("days_late") > settings.clear_late_days
    counts = known.group_by("customer_id").agg(
        pl.len().cast(pl.Int64).alias("known"), is_clear.sum().cast(pl.Int64).alias("clear")
    )
    overdue = balance.group_by("customer_id").agg(
        (pl.col("is_open") & (pl.col("days_late") > 0)).any().alias("is_overdue")
    )
    return overdue.join(counts, "customer_id", "left").select(
        "customer_id",
        "is_overdue",
        (2 * pl.col("clear") < pl.col("known")).fill_null(value=False).alias("is_seldom_clearly_late"),
    )


def _read_scores(risk: pl.DataFrame) -> pl.DataFrame:
    # What is overdue already is known to be late: only what is not due yet is a matter of the score.
    return (
        risk.filter((pl.col("score_status") == ScoreStatus.SCORED.value) & (pl.col("days_late") <= 0))
        .group_by("customer_id")
        .agg(
            pl.lit(value=True).alias("has_score"),
            (pl.col("late_30_prob") >= HIGH_SCORE_PROB).any().alias("has_high_score"),
        )
    )


def _read_steps(recommendation: pl.DataFrame) -> pl.DataFrame:
    action = pl.col("action")
    is_pressing_call = (action == Action.CALL.value) & (pl.col("tone") == Tone.FORMAL.value).fill_null(False)
    facts: Mapping[str, pl.Expr] = {
        "has_harsh_step": action.is_in(list(FORMAL_ACTIONS)) | is_pressing_call,
        "has_contact_step": ~action.is_in(_ASKS_NOTHING),
        "has_call_step": action == Action.CALL.value,
        "has_plan_step": action == Action.PAYMENT_PLAN_OFFER.value,
    }
    return recommendation.group_by("customer_id").agg(fact.any().alias(name) for name, fact in facts.items())


def _read_contacts(ledger: Frames, as_of: date) -> pl.DataFrame:
    age = (pl.lit(as_of) - pl.col("sent_at").dt.date()).dt.total_days()
    is_recent = (pl.col("direction") == Direction.OUTBOUND.value) & (age <= FREQUENT_CONTACT_DAYS)
    recent = ledger["core_contact_event"].filter(is_recent)
    return recent.group_by("customer_id").agg(
        (pl.len() >= FREQUENT_CONTACT_COUNT).alias("is_contacted_often")
    )


def _read_channels(ledger: Frames, gate: pl.DataFrame) -> pl.DataFrame:
    # An address may not be used without consent, nor where the customer opted out: it reaches nobody.
    closed = gate.filter(pl.col("gate").is_in(_PERMISSION_GATES)).select("customer_id", "channel")
    open_ = ledger["core_contact_point"].join(closed, ["customer_id", "channel"], "anti")
    is_easy = pl.col("channel").is_in(_EASY_CHANNELS) & ~is_bounced()
    return open_.group_by("customer_id").agg(is_easy.any().alias("has_easy_channel"))
