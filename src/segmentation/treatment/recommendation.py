"""The next step for every customer with something open: one lawful step, or to wait, with reasons.

Belongs here: putting gates, scenario, value and calendar together into one row per customer. Does not
belong here: each of these (gates, scenario, value, choice, contact_hours), judgement over groups.
"""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from segmentation.domain.hashing import hash_text
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import Action, Cause, PartyType, Segment
from segmentation.treatment.alternatives import list_vetoes, tell_changes
from segmentation.treatment.arms import estimate_arms
from segmentation.treatment.candidates import add_effects, list_candidates, list_channels, pick_channels
from segmentation.treatment.choice import choose_steps, rank_candidates
from segmentation.treatment.contact_hours import find_windows
from segmentation.treatment.exploration import draw_arms
from segmentation.treatment.exposure import find_circumstances, list_instalments, measure_exposure
from segmentation.treatment.gates import list_customers
from segmentation.treatment.jurisdiction import assign_packs
from segmentation.treatment.messages import write_messages
from segmentation.treatment.open_ways import add_contact_hours, list_open_channels
from segmentation.treatment.payment_plan import propose_plans, write_schedules
from segmentation.treatment.reasons import write_reasons
from segmentation.treatment.response import list_answers
from segmentation.treatment.scenario import Scenario, list_steps, load_scenario, match_profiles
from segmentation.treatment.stages import FORMAL_LEVEL, JUDICIAL_LEVEL, find_departments, find_stage
from segmentation.treatment.standstill import collect_gates, find_blocks, wait_code, waits_for_matching
from segmentation.treatment.value import to_money, value_steps
from segmentation.treatment.wording import amount_text

RECOMMENDATION = ROOM_TABLES["act_recommendation"]
HARSH = (Action.FORMAL_NOTICE.value, Action.LEGAL_REVIEW.value)
_NATURAL_PERSONS = (PartyType.CONSUMER.value, PartyType.SOLE_TRADER.value)
_ID_LENGTH = 32
BECAUSE_OF_GATE = (Action.DISPUTE_FOLLOW_UP.value, Action.MATCH_CREDIT.value)
"""Steps within the own organisation that a closed gate calls for."""


def _describe(  # noqa: PLR0917  frames travel as arguments
    ledger: Frames,
    instalments: pl.DataFrame,
    segment: pl.DataFrame,
    as_of: date,
    settings: TreatmentSettings,
    scenario: Scenario,
) -> pl.DataFrame:
    """Return one row per customer with something open: exposure, circumstances, profile, place."""
    exposure = measure_exposure(instalments)
    customers = list_customers(ledger).select("customer_id", "party_type", "country", "timezone")
    packs = assign_packs(customers, as_of, settings.jurisdiction)
    return (
        exposure.join(find_circumstances(ledger, exposure, as_of, scenario), on="customer_id", how="left")
        .join(customers, on="customer_id", how="left")
        .join(packs, on="customer_id", how="left")
        .join(segment.select("customer_id", "segment", "cause"), on="customer_id", how="left")
        .join(find_departments(ledger, as_of, scenario), on="customer_id", how="left")
        .with_columns(
            pl.col("segment").fill_null(Segment.INSUFFICIENT_HISTORY.value),
            pl.col("cause").fill_null(Cause.UNCLEAR.value),
        )
        .with_columns(match_profiles(scenario).alias("profile"))
        .sort("customer_id")
    )


def _add_contact_day(situation: pl.DataFrame, as_of: date, settings: TreatmentSettings) -> pl.DataFrame:
    """Return the situation with the next day on which each customer may be contacted."""
    places = situation.select("jurisdiction", "country", "timezone", "party_type").with_columns(
        pl.lit(False).alias("is_call"), pl.lit(as_of).alias("not_before_date")
    )
    return situation.with_columns(find_windows(places, settings)["window_day"].alias("contact_day"))


def _dunning_level() -> pl.Expr:
    level = pl.col("past_level")
    return (
        pl.when(pl.col("action").is_in([Action.PRE_DUE_NOTICE, Action.THANK_YOU]))
        .then(0)
        .when(pl.col("action").is_in(BECAUSE_OF_GATE))
        .then(level)
        .when(pl.col("action") == Action.LEGAL_REVIEW)
        .then(pl.max_horizontal(level, pl.lit(JUDICIAL_LEVEL)))
        .when(pl.col("action") == Action.FORMAL_NOTICE)
        .then(pl.max_horizontal(level + 1, pl.lit(FORMAL_LEVEL)))
        .otherwise(level + 1)
    )


def recommend_steps(  # noqa: PLR0917  frames travel as arguments
    ledger: Frames,
    instalment_risk: pl.DataFrame,
    segment: pl.DataFrame,
    gate: pl.DataFrame,
    as_of: date,
    settings: TreatmentSettings,
    seed: int = 0,
) -> pl.DataFrame:
    """Return the next step for every customer with something open, waiting being one of the steps.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day; core_instalment_balance says what is open.
    instalment_risk : pred_instalment_risk; instalments without a score take documented defaults.
    segment : pred_segment; customers without one are treated as having insufficient history.
    gate : act_gate of the same day.
    as_of : as-of day; the recommended window starts on it or later.
    settings : costs, days, capacity, fallback jurisdiction, policy version, exploration.
    seed : of draws in exploration and of folds in the response model.

    Returns
    -------
    act_recommendation, one row per customer with something open, in one currency (exposure says
    which; amounts are never converted). ``expected_value_amount`` is 0 for wait. Evidence shares are
    null where no step was in question. ``blocked_by`` holds the gates that leave nothing to do; gates
    of single channels or invoices that leave a way are respected without being listed.
    ``earliest_lawful_at`` is the first lawful hour once the last of them has lifted. ``open_channels``
    and the contact hours say what a person who chooses another step must keep to.

    Notes
    -----
    Rules before values: a gate closed for the account always means wait. The scenario then says which
    steps are in question at these days beyond terms and this dunning level, the channel is the first
    open one (stated preference, then the scenario's order), and among the steps whose value has a
    lower end above nil the one worth most is taken, the gentler one on a tie. Formal notices and legal
    reviews need two and three earlier levels and a named person; natural persons, customers of unknown
    legal form, customers thought unwilling to pay and payment plans need approval for whatever step is
    recommended, and so does matching money that waits on the account; waiting needs none. Where enough
    contacts are on record, the channel is the one that the customer answers best for its cost, stated
    preferences still first. Without exploration nothing is random and propensity is 1.
    """
    scenario = load_scenario()
    instalments = list_instalments(ledger, instalment_risk, gate, as_of, scenario)
    situation = _describe(ledger, instalments, segment, as_of, settings, scenario)
    blocks = find_blocks(situation, gate)
    situation = situation.join(blocks, on="customer_id", how="left").with_columns(
        pl.col("is_blocked").fill_null(False), waits_for_matching().alias("credit_to_match")
    )
    situation = _add_contact_day(situation, as_of, settings)
    # Where nothing is overdue, steps are weighed behind closed gates too: the gate is only the reason for
    # waiting when something would be done without it.
    weighed = situation.with_columns(
        pl.col("is_blocked").alias("is_account_closed"),
        (pl.col("is_blocked") & (pl.col("overdue_count") > 0)).alias("is_blocked"),
    )
    wanted = list_candidates(weighed, scenario, settings)
    open_to = list_channels(wanted, ledger, gate, as_of, scenario)
    mute = (
        wanted.join(open_to, on="customer_id", how="anti")
        .select("customer_id", "channels")
        .explode("channels")
    )
    mute_blocks = collect_gates(
        gate.join(mute, left_on=["customer_id", "channel"], right_on=["customer_id", "channels"], how="semi")
    )
    people = situation.select("customer_id", "segment", "act_days_late")
    answers = list_answers(ledger, people.drop("act_days_late"), as_of, scenario)
    arms = estimate_arms(answers, ledger, people, settings, seed)
    by_channel = value_steps(
        add_effects(open_to, answers, people.drop("act_days_late"), scenario, arms), scenario, settings
    )
    is_reachable = by_channel.filter(~pl.col("is_account_closed"))
    drawn = draw_arms(is_reachable, ledger, as_of, settings.exploration, seed)
    valued = pick_channels(by_channel, drawn)
    has_step = pl.concat(
        [valued.filter(pl.col("value_low") > 0).select("customer_id"), mute.select("customer_id")]
    ).unique()
    is_open = ~pl.col("is_account_closed") | (pl.col("action") == Action.MATCH_CREDIT)
    ranked = rank_candidates(valued.filter(is_open), settings.calls_per_day)
    chosen, idle = choose_steps(ranked)
    reminder_day = {
        profile: int(day)
        for profile, day in list_steps(scenario, settings)
        .filter(pl.col("action") == Action.REMINDER)
        .select("profile", "from_day")
        .iter_rows()
    }
    picked = situation.join(pl.concat([chosen, idle], how="diagonal"), on="customer_id", how="left").join(
        mute_blocks, on="customer_id", how="left", suffix="_mute"
    )
    picked = picked.join(has_step.with_columns(pl.lit(True).alias("has_step")), on="customer_id", how="left")
    is_wait = pl.col("action") == Action.WAIT
    is_idle = pl.col("action").is_null()
    is_held_out = pl.col("is_held_out").fill_null(value=False)
    picked = picked.with_columns(
        pl.when(~is_held_out).then("action").alias("action"),
        *(pl.when(~is_held_out).then(name).alias(name) for name in ("channel", "tone", "slot")),
        *(
            pl.when(is_held_out).then(0.0).otherwise(name).alias(name)
            for name in ("value", "value_low", "value_high")
        ),
        pl.when(is_held_out).then("action").otherwise("runner_up").alias("runner_up"),
    )
    is_mute = pl.col("blocked_by").is_null()
    picked = picked.with_columns(
        pl.col("action").fill_null(Action.WAIT.value),
        *(
            pl.when(is_idle)
            .then(pl.when(is_mute).then(f"{name}_mute").otherwise(name))
            .otherwise(pl.when(pl.col("action").is_in(BECAUSE_OF_GATE)).then(name))
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
        pl.when(~is_wait).then(_dunning_level()).alias("dunning_level"),
    )
    picked = picked.with_columns(wait_code(reminder_day).alias("wait_code"))
    timed = find_windows(picked, settings).with_columns(
        pl.when(is_wait).then("window_start_at").alias("earliest_lawful_at")
    )
    planned = propose_plans(
        timed.filter(pl.col("action") == Action.PAYMENT_PLAN_OFFER), ledger, as_of, scenario
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
        write_messages(write_reasons(staged, scenario), instalments, planned, ledger, settings)
        .join(list_open_channels(situation, ledger, gate, scenario), on="customer_id", how="left")
        .join(list_vetoes(ranked, wanted, open_to, gate), on="customer_id", how="left")
        .with_columns(pl.col("vetoed").fill_null([]))
    )
    return _publish(add_contact_hours(_tell_changes(told, reminder_day), as_of, settings), as_of, settings)


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
        | pl.col("action").is_in([*HARSH, Action.PAYMENT_PLAN_OFFER.value, Action.MATCH_CREDIT.value])
        | (pl.col("cause") == Cause.WILL_NOT_PAY)
    )
    expires = datetime.combine(as_of + timedelta(days=settings.valid_days), time(0), UTC)
    # SHA-256 rather than the engine's hash, which may change between versions while an id must not.
    ids = [
        hash_text(customer, as_of.isoformat(), action, settings.policy_version)[:_ID_LENGTH]
        for customer, action in frame.select("customer_id", "action").iter_rows()
    ]
    return RECOMMENDATION.conform(
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
