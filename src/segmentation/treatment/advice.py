"""One row of advice per customer: the step that was chosen, or to wait, with its reasons, window and message.

Belongs here: putting choice, gates, calendar and words together. Does not belong here: each of these, what the
steps are worth (weighing).
"""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from segmentation.domain.dunning_levels import dunning_level
from segmentation.domain.hashing import hash_rows
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import ACTIONS_BECAUSE_OF_GATE, FORMAL_ACTIONS, Action, Cause, PartyType
from segmentation.treatment.alternatives import list_vetoes, tell_changes
from segmentation.treatment.choice import choose_steps, mark_beyond_capacity
from segmentation.treatment.contact_hours import find_windows
from segmentation.treatment.messages import write_messages
from segmentation.treatment.open_ways import add_contact_hours, list_open_actions, list_open_channels
from segmentation.treatment.payment_plan import propose_plans, write_schedules
from segmentation.treatment.reasons import write_reasons
from segmentation.treatment.scenario import list_steps
from segmentation.treatment.situation import Accounts, Terms
from segmentation.treatment.stages import find_stage
from segmentation.treatment.standstill import wait_code
from segmentation.treatment.value import to_money
from segmentation.treatment.weighing import Weighed
from segmentation.treatment.wording import amount_text

RECOMMENDATION = ROOM_TABLES["act_recommendation"]
_NATURAL_PERSONS = (PartyType.CONSUMER.value, PartyType.SOLE_TRADER.value)
_ID_LENGTH = 32


def advise(
    part: Frames, accounts: Accounts, weighed: Weighed, beyond: pl.DataFrame, terms: Terms
) -> pl.DataFrame:
    """Return act_recommendation of a portion's customers.

    Parameters
    ----------
    part : core tables and act_gate of the portion.
    accounts, weighed : where its customers stand, and their ranked candidates.
    beyond : customer_id of those whose call falls away.
    terms : of the run.
    """
    as_of, settings, scenario = terms.as_of, terms.settings, terms.scenario
    ranked = mark_beyond_capacity(weighed.ranked, beyond)
    reminder_day = {
        profile: int(day)
        for profile, day in list_steps(scenario, settings)
        .filter(pl.col("action") == Action.REMINDER)
        .select("profile", "from_day")
        .iter_rows()
    }
    picked = _pick(accounts, ranked, weighed, as_of).with_columns(wait_code(reminder_day).alias("wait_code"))
    is_wait = pl.col("action") == Action.WAIT
    timed = find_windows(picked, settings).with_columns(
        pl.when(is_wait).then("window_start_at").alias("earliest_lawful_at")
    )
    planned = propose_plans(
        timed.filter(pl.col("action") == Action.PAYMENT_PLAN_OFFER), part, as_of, scenario
    )
    staged = timed.join(write_schedules(planned), on="customer_id", how="left").with_columns(
        find_stage().alias("stage"),
        pl.when(pl.col("action") == Action.DISPUTE_FOLLOW_UP)
        .then("dispute_department")
        .when(pl.col("action") == Action.MATCH_CREDIT)
        .then(pl.lit(scenario.credit_department))
        .alias("department"),
    )
    told = (
        write_messages(write_reasons(staged, scenario), accounts.instalments, planned, part, settings)
        .join(
            list_open_channels(accounts.situation, part["act_gate"], terms.ways), on="customer_id", how="left"
        )
        .join(
            list_open_actions(accounts.situation, accounts.rounds, scenario, settings),
            on="customer_id",
            how="left",
        )
        .join(list_vetoes(ranked, weighed.unheard, part["act_gate"]), on="customer_id", how="left")
        .with_columns(pl.col("vetoed").fill_null([]))
    )
    return _publish(add_contact_hours(_tell_changes(told, reminder_day), as_of, settings), as_of, settings)


def _pick(accounts: Accounts, ranked: pl.DataFrame, weighed: Weighed, as_of: date) -> pl.DataFrame:
    """Return the situation with the step that was chosen, or with wait and the gates that are its reason."""
    chosen, idle = choose_steps(ranked)
    picked = (
        accounts.situation.join(pl.concat([chosen, idle], how="diagonal"), on="customer_id", how="left")
        .join(weighed.mute_blocks, on="customer_id", how="left", suffix="_mute")
        .join(weighed.has_step.with_columns(pl.lit(True).alias("has_step")), on="customer_id", how="left")
    )
    is_wait = pl.col("action") == Action.WAIT
    is_idle = pl.col("action").is_null()
    is_held_out = pl.col("is_held_out").fill_null(value=False)
    is_mute = pl.col("blocked_by").is_null()
    picked = picked.with_columns(
        pl.when(~is_held_out).then("action").alias("action"),
        *(
            pl.when(~is_held_out).then(name).alias(name)
            for name in ("channel", "tone", "slot", "round_level")
        ),
        *(
            pl.when(is_held_out).then(0.0).otherwise(name).alias(name)
            for name in ("value", "value_low", "value_high")
        ),
        pl.when(is_held_out).then("action").otherwise("runner_up").alias("runner_up"),
    )
    picked = _narrow(picked, accounts.rounds)
    return picked.with_columns(
        pl.col("action").fill_null(Action.WAIT.value),
        *(
            pl.when(is_idle)
            .then(pl.when(is_mute).then(f"{name}_mute").otherwise(name))
            .otherwise(pl.when(pl.col("action").is_in(list(ACTIONS_BECAUSE_OF_GATE))).then(name))
            .alias(name)
            for name in ("blocked_by", "lifts_at", "block_detail")
        ),
    ).with_columns(
        pl.col("blocked_by").fill_null([]),
        pl.col(
            *("is_default", "is_preferred", "is_unverified", "is_over_capacity", "has_step"),
            *("is_exploration", "is_held_out"),
        ).fill_null(value=False),
        pl.col("propensity").fill_null(1.0),
        pl.col("own_count", "own_paid_count", "own_part_count").fill_null(0),
        pl.col("value", "value_low", "value_high").fill_null(0.0),
        (pl.col("action") == Action.CALL).alias("is_call"),
        pl.when(is_wait).then(pl.col("lifts_at").dt.date()).otherwise(pl.lit(as_of)).alias("not_before_date"),
        dunning_level().alias("dunning_level"),
    )


def _narrow(picked: pl.DataFrame, rounds: pl.DataFrame) -> pl.DataFrame:
    """Return the steps with what is overdue, and how far it has come, of the debts that each step is about.

    ``other_amount`` is what else is overdue behind no closed gate.
    """
    names = [name for name in rounds.columns if name != "customer_id"]
    own = rounds.with_columns(
        pl.col("past_level").alias("round_level"), pl.lit(value=True).alias("is_narrow")
    )
    key = ["customer_id", "round_level"]
    is_narrow = pl.col("is_narrow").is_not_null()
    return (
        picked.join(own, on=key, how="left", suffix="_round", maintain_order="left")
        .with_columns(
            pl.when(is_narrow)
            .then(pl.col("act_amount") - pl.col("act_amount_round"))
            .otherwise(0)
            .alias("other_amount"),
            *(pl.when(is_narrow).then(f"{name}_round").otherwise(name).alias(name) for name in names),
        )
        .drop("is_narrow", *(f"{name}_round" for name in names))
    )


def _tell_changes(frame: pl.DataFrame, reminder_day: dict[str, int]) -> pl.DataFrame:
    """Return the advice with what would change it."""
    first_day = pl.col("profile").replace_strict(reminder_day, return_dtype=pl.Int64)
    return (
        frame.with_columns(
            to_money("runner_value").alias("runner_amount"),
            pl.col("break_even_amount").round(0).cast(pl.Decimal(18, 3)),
            (pl.col("act_due_date") + pl.duration(days=first_day)).alias("first_step_day"),
        )
        .with_columns(
            amount_text("runner_amount", "currency").alias("runner_words"),
            amount_text("break_even_amount", "currency").alias("break_even_words"),
        )
        .with_columns(tell_changes().alias("would_change"))
    )


def _publish(frame: pl.DataFrame, as_of: date, settings: TreatmentSettings) -> pl.DataFrame:
    """Return the chosen steps as act_recommendation."""
    is_wait = pl.col("action") == Action.WAIT
    is_natural = pl.col("party_type").is_null() | pl.col("party_type").is_in(_NATURAL_PERSONS)
    needs_approval = ~is_wait & (
        is_natural
        | pl.col("action").is_in(
            [*FORMAL_ACTIONS, Action.PAYMENT_PLAN_OFFER.value, Action.MATCH_CREDIT.value]
        )
        | (pl.col("cause") == Cause.WILL_NOT_PAY)
    )
    expires = datetime.combine(as_of + timedelta(days=settings.valid_days), time(0), UTC)
    # SHA-256 rather than the engine's hash, which may change between versions while an id must not.
    named = frame.select(
        "customer_id",
        pl.lit(as_of.isoformat()).alias("day"),
        "action",
        pl.lit(settings.policy_version).alias("version"),
    )
    ids = [text[:_ID_LENGTH] for text in hash_rows(named)]
    return RECOMMENDATION.align(
        frame.with_columns(
            pl.Series("recommendation_id", ids, dtype=pl.String),
            pl.lit(as_of).alias("as_of_date"),
            to_money("value").alias("expected_value_amount"),
            to_money("value_low").alias("expected_value_p05_amount"),
            to_money("value_high").alias("expected_value_p95_amount"),
            needs_approval.alias("needs_approval"),
            pl.lit(settings.policy_version).alias("policy_version"),
            *(pl.when(~is_wait).then(name).alias(name) for name in ("window_start_at", "window_end_at")),
        ).with_columns(
            pl.max_horizontal(pl.lit(expires, dtype=pl.Datetime("us", "UTC")), "window_end_at").alias(
                "valid_until"
            )
        )
    )
