"""Steps that could be taken with each customer now, each with its channel and its effect.

Belongs here: what the scenario allows, what the gates leave of it, through which channel. Does not
belong here: what a step is worth (value), which one is chosen (recommendation).
"""

from datetime import date

import polars as pl

from segmentation.domain.row_lookup import is_known, take_rows
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import Action, PermissionStatus
from segmentation.treatment.answers import APPROACH_OF
from segmentation.treatment.open_ways import Ways
from segmentation.treatment.response import EVIDENCE_SHARES
from segmentation.treatment.scenario import Condition, Scenario, list_steps

_MOST_MOVED = 0.9
"""No contact moves everybody, whatever thin data say."""


_BY_LEVEL = (Action.REMINDER.value, Action.FORMAL_NOTICE.value, Action.LEGAL_REVIEW.value)
"""Steps that say, or rest on, how often the customer was written to about the very invoices that they name."""


def list_candidates(
    situation: pl.DataFrame, rounds: pl.DataFrame, scenario: Scenario, settings: TreatmentSettings
) -> pl.DataFrame:
    """Return the steps that the scenario allows for every customer whose account no gate closes.

    Parameters
    ----------
    situation : one row per customer: profile, is_blocked, credit_to_match, exposure, circumstances and
        ``contact_day``, the next day on which the customer may be contacted.
    rounds : of ``exposure.measure_rounds``.
    scenario, settings : steps and their days.

    Returns
    -------
    situation's columns with action, channels, tone, condition and ``round_level``; one row per customer and step.

    Notes
    -----
    Where debts differ in their level, a reminder, formal notice or legal review is about those of one level,
    ``round_level``, the lowest one at which the scenario allows it; any other step is about all (null).
    """
    is_by_level = pl.col("action").is_in(_BY_LEVEL)
    alike = _match_steps(situation, scenario, settings)
    differs = is_known(alike["customer_id"], rounds["customer_id"])
    changed = [name for name in rounds.columns if name != "customer_id"]
    apart = (
        situation.drop(changed, strict=False)
        .join(rounds, on="customer_id", how="inner")
        .select(situation.columns)
    )
    by_level = (
        _match_steps(apart, scenario, settings)
        .filter(is_by_level)
        .sort("customer_id", "action", "past_level")
        .unique(["customer_id", "action"], keep="first", maintain_order=True)
    )
    return pl.concat(
        [
            alike.filter(~(differs & is_by_level)).with_columns(
                pl.lit(None, dtype=rounds.schema["past_level"]).alias("round_level")
            ),
            by_level.with_columns(pl.col("past_level").alias("round_level")),
        ]
    )


def _match_steps(situation: pl.DataFrame, scenario: Scenario, settings: TreatmentSettings) -> pl.DataFrame:
    """Return the rows with every step whose days, levels, amounts and condition they meet."""
    days = (
        pl.when(pl.col("action") == Action.PRE_DUE_NOTICE)
        .then(pl.when(pl.col("overdue_count") == 0).then("coming_days_late"))
        .when(pl.col("condition") == Condition.UNUSUAL_DEBIT)
        .then("coming_days_late")
        .when(pl.col("action") == Action.DISPUTE_FOLLOW_UP)
        .then("dispute_days_late")
        .when(pl.col("action") == Action.THANK_YOU)
        .then(pl.lit(0))
        .otherwise("act_days_late")
    )
    met = pl.col("condition").is_null()
    for condition in Condition:
        met = met | ((pl.col("condition") == condition.value) & pl.col(condition.value))
    return (
        situation.filter(~pl.col("is_blocked") | pl.col("credit_to_match"))
        .join(list_steps(scenario, settings), on="profile", how="inner")
        .with_columns(days.alias("step_days"))
        .filter(
            # Money that waits to be matched leaves one thing to do, and that reaches nobody.
            (pl.col("action") == Action.MATCH_CREDIT) | ~pl.col("is_blocked"),
            pl.col("step_days").is_between("from_day", "until_day"),
            pl.col("reached_level").is_between("level_from", "level_to"),
            (pl.col("action") != Action.REMINDER) | (pl.col("reminder_count") <= pl.col("level_to")),
            met,
            pl.col("act_amount").cast(pl.Float64) >= pl.col("min_amount"),
            # A notice that could only be sent after the due date is no notice before it.
            ~(
                (pl.col("action") == Action.PRE_DUE_NOTICE)
                | (pl.col("condition") == Condition.UNUSUAL_DEBIT).fill_null(value=False)
            )
            | (pl.col("contact_day") <= pl.col("coming_due_date")),
        )
        .select(*situation.columns, "action", "channels", "tone", "condition")
    )


def list_channels(
    candidates: pl.DataFrame, ledger: Frames, gate: pl.DataFrame, as_of: date, ways: Ways
) -> pl.DataFrame:
    """Return the candidates with every channel that is open for them.

    Parameters
    ----------
    candidates : of list_candidates.
    ledger : core_contact_permission (stated preference).
    gate : act_gate; channels behind a closed gate are left out.
    as_of : day on which a preference must be in force.
    ways : channels that can be used at all.

    Returns
    -------
    One row per candidate and open channel: ``channel`` (null for a step without contact),
    ``is_preferred``, ``is_unverified`` and ``place`` (in the scenario's order).
    """
    key = ["customer_id", "channel"]
    preferred = (
        ledger["core_contact_permission"]
        .filter(
            pl.col("is_preferred"),
            pl.col("status") == PermissionStatus.ALLOWED,
            pl.col("valid_from") <= as_of,
            pl.col("valid_until").is_null() | (pl.col("valid_until") >= as_of),
        )
        .select(key)
        .unique()
        .with_columns(pl.lit(True).alias("is_preferred"))
    )
    closed = gate.filter(pl.col("channel").is_not_null()).select(key).unique()
    silent = candidates.filter(pl.col("channels").list.len() == 0).with_columns(
        pl.lit(None, dtype=pl.String).alias("channel"),
        pl.lit(False).alias("is_preferred"),
        pl.lit(False).alias("is_unverified"),
        pl.lit(0, dtype=pl.Int64).alias("place"),
    )
    spoken = (
        candidates.filter(pl.col("channels").list.len() > 0)
        .with_columns(
            pl.col("channels").alias("channel"),
            pl.int_ranges(pl.col("channels").list.len()).alias("place"),
        )
        .explode("channel", "place")
        .join(closed, on=key, how="anti")
        .filter(pl.col("channel").is_in(ways.channels))
        .join(preferred, on=key, how="left")
        .with_columns(
            pl.col("is_preferred").fill_null(False), pl.lit(not ways.is_verified).alias("is_unverified")
        )
    )
    return pl.concat([silent, spoken.select(silent.columns)])


def pick_channels(valued: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """Return one row per candidate, with the channel to use.

    Parameters
    ----------
    valued : candidates by channel, with their value.
    drawn : of ``exploration.draw_arms``; a channel that was drawn is taken.

    Returns
    -------
    The candidates with propensity, is_exploration and is_held_out. The customer's stated preference comes
    first, then the channel worth most where history speaks of it, then the scenario's order.
    """
    key = ["customer_id", "action"]
    is_learned = pl.col("lift").is_not_null().any().over(key)
    chosen = (
        valued.select(*key, "channel", "is_preferred", "lift", "value", "place")
        .with_row_index("row")
        .join(drawn.with_columns(pl.lit(value=True).alias("is_drawn")), on=[*key, "channel"], how="left")
        .with_columns(
            pl.col("is_drawn", "is_held_out").fill_null(value=False),
            pl.when(is_learned).then(-pl.col("value")).otherwise(0.0).alias("_loss"),
        )
        .sort(
            *key,
            "is_drawn",
            "is_preferred",
            "_loss",
            "place",
            descending=[False, False, True, True, False, False],
        )
        .unique(key, keep="first", maintain_order=True)
        .select(
            "row",
            pl.col("propensity").fill_null(1.0),
            pl.col("is_drawn").alias("is_exploration"),
            "is_held_out",
        )
    )
    return take_rows(valued.drop("place"), chosen["row"]).hstack(chosen.drop("row"))


def add_effects(
    candidates: pl.DataFrame, response: pl.DataFrame, arms: pl.DataFrame, scenario: Scenario
) -> pl.DataFrame:
    """Return the candidates with the share of customers whom the step moves, and what that rests on.

    Parameters
    ----------
    candidates : with channel.
    response : of ``response.Response.tell``.
    arms : of ``arms.Arms.tell``; raises or lowers the share by how the channel is answered.
    scenario : effects that are assumed where nothing was learned.

    Returns
    -------
    The candidates with share, evidence, the three evidence shares (of the model of channels where it speaks,
    else of the share that a contact moves), own_count, own_paid_count,
    own_part_count, own_median_days and ``is_default`` (true when the scenario's assumption speaks, not history).
    """
    effects = pl.DataFrame(
        {
            "action": [action.value for action in scenario.effects],
            "default_share": [effect.share for effect in scenario.effects.values()],
            "default_evidence": [effect.evidence for effect in scenario.effects.values()],
        }
    )
    history = pl.col("has_history").fill_null(False)
    learned = candidates.with_columns(
        pl.col("action").replace_strict(APPROACH_OF, default=None, return_dtype=pl.String).alias("approach")
    )
    return (
        learned.join(response, on=["customer_id", "approach"], how="left")
        .join(effects, on="action", how="left")
        .join(arms, on=["customer_id", "channel"], how="left", suffix="_arm")
        .with_columns(
            *(
                pl.when(history & pl.col("approach").is_not_null()).then(name).alias(name)
                for name in ("lift", "slot", "response_prob", "spread")
            )
        )
        .with_columns(
            pl.when(history)
            .then((pl.col("share") * pl.col("lift").fill_null(1.0)).clip(0.0, _MOST_MOVED))
            .otherwise("default_share")
            .alias("share"),
            pl.when(history).then("evidence").otherwise("default_evidence").alias("evidence"),
            *(
                pl.when(history)
                .then(pl.when(pl.col("lift").is_not_null()).then(f"{name}_arm").otherwise(name))
                .otherwise(1.0 if name == "evidence_global_share" else 0.0)
                .alias(name)
                for name in EVIDENCE_SHARES
            ),
            pl.col("own_count", "own_paid_count", "own_part_count").fill_null(0),
            (~history).alias("is_default"),
        )
    )
