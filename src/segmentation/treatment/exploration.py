"""Trying out, on purpose and within bounds, which gentle lawful channel a customer answers best.

Belongs here: who takes part, the draw, the probability with which each arm was drawn, the holdout. Does
not belong here: what the arms are worth (arms, value). Off unless settings switch it on.
"""

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.hashing import hash_rows
from segmentation.domain.schema import Frames
from segmentation.domain.settings import ExplorationSettings
from segmentation.domain.vocabulary import Action, Channel, Tone
from segmentation.treatment.contact_gates import list_outbound

GENTLE = (Action.REMINDER.value, Action.PRE_DUE_NOTICE.value, Action.SELF_SERVICE_LINK.value)
_KEY = ["customer_id", "action"]


def draw_arms(
    candidates: pl.DataFrame,
    ledger: Frames,
    as_of: date,
    settings: ExplorationSettings,
    seed: int,
    *,
    response_days: int,
) -> pl.DataFrame:
    """Return the channel drawn for every gentle step of those who take part, with its probability.

    Parameters
    ----------
    candidates : steps and open channels: customer_id, action, channel, tone, is_preferred,
        is_account_closed, response_prob and spread (null where nothing was learned).
    ledger : core_contact_event; who was lately part of an experiment is left in peace.
    as_of, seed : the draw is the same on a second run, and on every day of a period.
    settings : whether it is on, points within the best, holdout, days between.
    response_days : days in which a contact is answered; a period is as long, or as ``days_between`` where that is
        longer.

    Returns
    -------
    customer_id, action, channel, ``propensity`` and ``is_held_out``; empty when it is off. Where one channel only is
    left there is nothing to draw, and the step takes no part.

    Notes
    -----
    Thompson sampling (Thompson, 1933): an arm is drawn as often as it is best among draws from what is
    believed of each. Only arms within so many points of the best take part, never a phone call, never a
    formal tone, never where the customer stated a preference. The probability is what the draw gives after
    the gates, with one draw added for each arm so that none is nil. Who is held out, and where everybody's wheel
    stops, is drawn once per period: drawn anew each day, nobody would be left alone long enough to compare with.
    Each customer's periods begin on a day of their own, so that no day releases all who are held out.
    """
    if not settings.is_on:
        return _NONE
    candidates = candidates.filter(~pl.col("is_account_closed"))
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
        .filter(pl.len().over(_KEY) > 1)
        .sort(*_KEY, "channel")
        .with_columns(pl.int_range(pl.len()).over(_KEY).alias("place"))
    )
    if arms.is_empty():
        return _NONE
    return _draw(arms, as_of, settings, seed, max(response_days, settings.days_between))


_NONE = pl.DataFrame(
    schema={
        "customer_id": pl.String,
        "action": pl.String,
        "channel": pl.String,
        "propensity": pl.Float64,
        "is_held_out": pl.Boolean,
    }
)


def _draw(
    arms: pl.DataFrame, as_of: date, settings: ExplorationSettings, seed: int, period_days: int
) -> pl.DataFrame:
    place = arms["place"].to_numpy()
    group = np.cumsum(place == 0) - 1
    count, width = int(group.max()) + 1, len(Channel)
    mean, spread = np.full((count, width), -np.inf), np.zeros((count, width))
    mean[group, place] = arms["response_prob"].to_numpy()
    spread[group, place] = arms["spread"].to_numpy()
    wins = np.isfinite(mean).astype(np.float64)
    # Everybody's beliefs are held against the same draws; what is drawn from the resulting probabilities is each
    # customer's own. So nobody's draw depends on who else is in the book.
    for noise in np.random.default_rng(seed).standard_normal((settings.draws, width)):
        wins[np.arange(count), (mean + spread * noise).argmax(axis=1)] += 1
    share = wins / wins.sum(axis=1, keepdims=True)
    names = arms.filter(pl.col("place") == 0)
    of_seed = pl.lit(str(seed)).alias("seed")
    first_day = (_spin(names.select(of_seed, "customer_id")) * period_days).astype(np.int64)
    period = pl.Series("period", (as_of.toordinal() + first_day) // period_days)
    names = names.with_columns(of_seed, period.cast(pl.String))
    spun = _spin(names.select("seed", "period", *_KEY))
    # Shares may add up to a hair less than one, and arms come first in each row.
    picked = np.minimum((np.cumsum(share, axis=1) <= spun[:, None]).sum(axis=1), (share > 0).sum(axis=1) - 1)
    # One customer is held out of every step or of none.
    held = _spin(names.select("seed", "period", "customer_id")) < settings.holdout_share
    return arms.filter(pl.Series(picked[group] == place)).select(
        *_KEY,
        "channel",
        pl.when(pl.Series(held))
        .then(settings.holdout_share)
        .otherwise(pl.Series(share[np.arange(count), picked]) * (1 - settings.holdout_share))
        .round(6)
        .alias("propensity"),
        pl.Series("is_held_out", held),
    )


def _spin(rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Return a number from 0 to below 1 for each row, which its text alone decides."""
    return np.array([int(text[:8], 16) for text in hash_rows(rows)]) / 2.0**32
