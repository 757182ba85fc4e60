"""Trying out, on purpose and within bounds, which gentle lawful channel a customer answers best.

Belongs here: who takes part, the draw, the probability with which each arm was drawn, the holdout. Does
not belong here: what the arms are worth (arms, value). Off unless settings switch it on.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.settings import ExplorationSettings
from segmentation.domain.vocabulary import Action, Channel, Tone
from segmentation.treatment.contact_gates import list_outbound

GENTLE = (Action.REMINDER.value, Action.PRE_DUE_NOTICE.value, Action.SELF_SERVICE_LINK.value)
_KEY = ["customer_id", "action"]


def draw_arms(
    candidates: pl.DataFrame, ledger: Frames, as_of: date, settings: ExplorationSettings, seed: int
) -> pl.DataFrame:
    """Return the channel drawn for every gentle step of those who take part, with its probability.

    Parameters
    ----------
    candidates : steps and open channels after every gate: customer_id, action, channel, tone,
        is_preferred, response_prob and spread (null where nothing was learned).
    ledger : core_contact_event; who was lately part of an experiment is left in peace.
    as_of, seed : the draw differs from day to day and is the same on a second run.
    settings : whether it is on, points within the best, holdout, days between.

    Returns
    -------
    customer_id, action, channel, ``propensity`` and ``is_held_out``; empty when it is off.

    Notes
    -----
    Thompson sampling (Thompson, 1933): an arm is drawn as often as it is best among draws from what is
    believed of each. Only arms within so many points of the best take part, never a phone call, never a
    formal tone, never where the customer stated a preference. The probability is what the draw gives after
    the gates, with one draw added for each arm so that none is nil.
    """
    if not settings.is_on:
        return _NONE
    lately = (
        list_outbound(ledger)
        .filter(pl.col("propensity") < 1, pl.col("sent_on") > as_of - timedelta(days=settings.days_between))
        .select("customer_id")
        .unique()
    )
    gentle = candidates.filter(
        pl.col("action").is_in(GENTLE),
        pl.col("channel") != Channel.PHONE,
        pl.col("tone") != Tone.FORMAL,
        pl.col("response_prob").is_not_null(),
    ).join(lately, on="customer_id", how="anti")
    stated = candidates.filter("is_preferred").select("customer_id").unique()
    best = pl.col("response_prob").max().over(_KEY)
    arms = (
        gentle.join(stated, on="customer_id", how="anti")
        .filter(pl.col("response_prob") >= best - settings.within_points)
        .sort(*_KEY, "channel")
        .with_columns(
            pl.int_range(pl.len()).over(_KEY).alias("place"),
            pl.struct(_KEY).rank("dense").alias("group"),
        )
    )
    if arms.is_empty():
        return _NONE
    return _draw(arms, as_of, settings, seed)


_NONE = pl.DataFrame(
    schema={
        "customer_id": pl.String,
        "action": pl.String,
        "channel": pl.String,
        "propensity": pl.Float64,
        "is_held_out": pl.Boolean,
    }
)


def _draw(arms: pl.DataFrame, as_of: date, settings: ExplorationSettings, seed: int) -> pl.DataFrame:
    random = np.random.default_rng([seed, as_of.toordinal()])
    group, place = arms["group"].to_numpy().astype(np.int64) - 1, arms["place"].to_numpy()
    count, width = int(group.max()) + 1, int(place.max()) + 1
    mean, spread = np.full((count, width), -np.inf), np.zeros((count, width))
    mean[group, place] = arms["response_prob"].to_numpy()
    spread[group, place] = arms["spread"].to_numpy()
    wins = np.isfinite(mean).astype(np.float64)
    for _ in range(settings.draws):
        drawn = np.where(np.isfinite(mean), mean + spread * random.standard_normal(mean.shape), -np.inf)
        wins[np.arange(count), drawn.argmax(axis=1)] += 1
    share = wins / wins.sum(axis=1, keepdims=True)
    picked = (np.cumsum(share, axis=1) <= random.random((count, 1))).sum(axis=1).clip(0, width - 1)
    # One customer is held out of every step or of none.
    names = arms.group_by("group", maintain_order=True).agg(pl.col("customer_id").first())["customer_id"]
    people = np.unique(names.to_numpy(), return_inverse=True)[1]
    held = (random.random(int(people.max()) + 1) < settings.holdout_share)[people]
    taken = arms.filter(pl.Series(picked[group] == place))
    return taken.select(
        *_KEY,
        "channel",
        pl.Series("share", share[np.arange(count), picked]),
        pl.Series("is_held_out", held),
    ).select(
        *_KEY,
        "channel",
        pl.when("is_held_out")
        .then(settings.holdout_share)
        .otherwise(pl.col("share") * (1 - settings.holdout_share))
        .round(6)
        .alias("propensity"),
        "is_held_out",
    )
