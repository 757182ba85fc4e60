"""What each step that is in question would be worth, customer by customer: gates first, then candidates, then values.

Belongs here: the way from situation to ranked candidates. Does not belong here: its parts (candidates, value,
choice, exploration), what is chosen in the end (advice).
"""

from dataclasses import dataclass

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import Action
from segmentation.treatment.arms import Arms
from segmentation.treatment.candidates import add_effects, list_candidates, list_channels, pick_channels
from segmentation.treatment.choice import CHOICE_COLUMNS, rank_candidates
from segmentation.treatment.exploration import draw_arms
from segmentation.treatment.response import Response
from segmentation.treatment.scenario import Condition
from segmentation.treatment.situation import Accounts, Terms
from segmentation.treatment.standstill import collect_gates
from segmentation.treatment.value import value_steps

_WEIGHED = (
    *("customer_id", "currency", "coming_amount", "coming_count", "coming_expected_late_days"),
    *("act_amount", "act_count", "act_paid_prob", "act_remaining_days"),
    *("dispute_amount", "dispute_count", "dispute_paid_prob", "dispute_remaining_days"),
)
"""What a candidate is weighed by; the rest of the situation is not repeated for each of them."""

_ONLY_FOR_CANDIDATES = (
    *(
        "profile",
        "is_blocked",
        "past_level",
        "reached_level",
        "reminder_count",
        "contact_day",
        "overdue_count",
    ),
    *("act_days_late", "coming_days_late", "coming_due_date", "dispute_days_late"),
    *(condition.value for condition in Condition),
)
"""What says which steps are candidates."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Candidate steps of some customers.

    Parameters
    ----------
    ranked : of ``choice.rank_candidates``: those that a gate leaves open, best first within each customer.
    unheard : customer_id, action and the first channel of steps without an open channel.
    mute_blocks : of ``standstill.collect_gates``: the gates of customers all of whose steps are such.
    has_step : customer_id of those for whom something would be done if no gate were closed.
    """

    ranked: pl.DataFrame
    unheard: pl.DataFrame
    mute_blocks: pl.DataFrame
    has_step: pl.DataFrame


def weigh_steps(part: Frames, accounts: Accounts, response: Response, arms: Arms, terms: Terms) -> Weighed:
    """Return the candidate steps of a portion with their values.

    Parameters
    ----------
    part : core tables and act_gate of the portion.
    accounts : of ``situation.describe_accounts``.
    response, arms : learned from the whole book.
    terms : of the run.

    Notes
    -----
    Where nothing is overdue, steps are weighed behind closed gates too: the gate is only the reason for waiting
    when something would be done without it.
    """
    settings, scenario, gate = terms.settings, terms.scenario, part["act_gate"]
    weighed = accounts.situation.select(*_WEIGHED, *_ONLY_FOR_CANDIDATES).with_columns(
        pl.col("is_blocked").alias("is_account_closed"),
        (pl.col("is_blocked") & (pl.col("overdue_count") > 0)).alias("is_blocked"),
    )
    wanted = list_candidates(weighed, accounts.rounds, scenario, settings).drop(_ONLY_FOR_CANDIDATES)
    open_to = list_channels(wanted, part, gate, terms.as_of, terms.ways)
    mute = (
        wanted.join(open_to, on="customer_id", how="anti")
        .select("customer_id", "channels")
        .explode("channels")
    )
    mute_blocks = collect_gates(
        gate.join(mute, left_on=["customer_id", "channel"], right_on=["customer_id", "channels"], how="semi")
    )
    people = accounts.situation.select("customer_id", "segment", "act_days_late")
    effects = add_effects(open_to, response.tell(people), arms.tell(people), scenario)
    by_channel = value_steps(effects, scenario, settings)
    drawn = draw_arms(
        by_channel, part, terms.as_of, settings.exploration, terms.seed, response_days=scenario.response_days
    )
    valued = pick_channels(by_channel, drawn)
    has_step = pl.concat(
        [valued.filter(pl.col("value_low") > 0).select("customer_id"), mute.select("customer_id")]
    ).unique()
    is_open = ~pl.col("is_account_closed") | (pl.col("action") == Action.MATCH_CREDIT)
    return Weighed(
        ranked=rank_candidates(valued.filter(is_open).select("customer_id", "currency", *CHOICE_COLUMNS)),
        unheard=wanted.join(open_to, on=["customer_id", "action"], how="anti").select(
            "customer_id", "action", pl.col("channels").list.first().alias("channel")
        ),
        mute_blocks=mute_blocks,
        has_step=has_step,
    )
