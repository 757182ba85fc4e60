"""Two hidden states, punctual and late by habit: a hidden Markov model of every customer's instalments.

Belongs here: fitting it to a book, and what it says of each customer. Does not belong here: the recursions
(habit_filter), which instalments count (observations), or which model is published (comparison).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.segments.histories import MOST_PER_PERIOD, PERIOD_DAYS, Histories, pick_customers
from segmentation.segments.propensity import INTERVAL, Floats, LatePrior, fit_prior

TURNING_DAYS = 180
"""Days before the as-of day at which a turning customer was still punctual."""
WARNING_DAYS = 90
"""Days after the as-of day within which a turning customer will be late by habit."""

LEVELS = 24
"""Levels of the late propensity that are told apart; half of them are below one half."""
_SHARE = 20_000
_FIT_CUSTOMERS = 2_000
_FIT_ROUNDS = 60
_FIT_TOLERANCE = 1e-7
_SPREAD_STRENGTH = 20.0
_RATE_PER_YEAR = 0.1
_RATE_STRENGTH_YEARS = 20.0
_EDGE: Floats = np.sin(np.pi / 2.0 * np.arange(LEVELS + 1) / LEVELS) ** 2
_LEVEL: Floats = np.sin(np.pi / 2.0 * (np.arange(LEVELS) + 0.5) / LEVELS) ** 2


@dataclass(frozen=True, slots=True)
class HabitModel:
    """How late propensities are spread over customers in each state, and how often customers change state.

    Parameters
    ----------
    spread : probability of each of 24 levels of the late propensity, ascending; below one half is punctual.
    up, down : probability per period of becoming late by habit, and of recovering.
    """

    spread: tuple[float, ...]
    up: float
    down: float

    @property
    def becoming_rate(self) -> float:
        """Changes from punctual to late by habit per customer and year."""
        return self.up * 365.0 / PERIOD_DAYS

    @property
    def recovering_rate(self) -> float:
        """Changes from late by habit to punctual per customer and year."""
        return self.down * 365.0 / PERIOD_DAYS


def fit_habits(histories: Histories) -> HabitModel:
    """Return the model that makes the histories of the book likely.

    Parameters
    ----------
    histories : late and prompt instalments by customer and period, in any order of customers.

    Notes
    -----
    A customer draws a late propensity from the spread and keeps it until changing state; on a change a new one is
    drawn from the spread within the new state. Within a period instalments are independent given the propensity,
    so that many paid in one run say no more than their number. Changes of state come once a period at most.

    Fitted by expectation and maximisation (Baum et al. 1970; Dempster, Laird and Rubin 1977), with weak priors that
    speak where the book is small: the spread counts as 20 customers of the beta prior of the whole book, the rates
    as 20 years of customers who change once in ten years. The likelihood times the prior never falls. Books of more than 2,000 customers are fitted on so many
    of them (``histories.pick_customers``).
    """
    from segmentation.segments.habit_filter import expect_moves

    rows = pick_customers(histories, _FIT_CUSTOMERS)
    late, prompt = histories.late[rows], histories.prompt[rows]
    base = _spread_evenly(fit_prior(late.sum(axis=1).astype(float), prompt.sum(axis=1).astype(float)))
    rate, strength = _RATE_PER_YEAR * PERIOD_DAYS / 365.0, _RATE_STRENGTH_YEARS * 365.0 / PERIOD_DAYS
    usual_starts = _SPREAD_STRENGTH * base
    usual_moves = strength * np.array([1.0 - rate, rate, 1.0 - rate, rate])
    likelihoods = _likelihoods()
    spread, up, down, before = base, rate, rate, -np.inf
    for _ in range(_FIT_ROUNDS):
        total, starts, changes, moves = expect_moves(late, prompt, spread, up, down, likelihoods)
        total += float(usual_starts @ np.log(spread))
        total += float(usual_moves @ np.log([1.0 - up, up, 1.0 - down, down]))
        spread = _choose_spread(starts + usual_starts, changes)
        moves += usual_moves
        up, down = moves[1] / (moves[0] + moves[1]), moves[3] / (moves[2] + moves[3])
        if total - before < _FIT_TOLERANCE * abs(total):
            break
        before = total
    return HabitModel(tuple(spread.tolist()), float(up), float(down))


def _choose_spread(starts: Floats, changes: Floats) -> Floats:
    """Return the likeliest spread: starts alone say how many are in a state, all draws say where within it."""
    shape = (starts + changes).reshape(2, -1)
    share = starts.reshape(2, -1).sum(axis=1, keepdims=True) / starts.sum()
    spread: Floats = (share * shape / shape.sum(axis=1, keepdims=True)).ravel()
    return spread


def follow_habits(counts: pl.DataFrame, histories: Histories, model: HabitModel) -> pl.DataFrame:
    """Return the late propensity of each customer now, and the probability that it is above one half.

    Parameters
    ----------
    counts : those of ``observations.observe_customers``, row for row with ``histories``.
    histories : late and prompt instalments by customer and period.
    model : result of ``fit_habits``.

    Returns
    -------
    ``counts`` with ``late_propensity`` (mean), ``late_propensity_p05`` and ``_p95`` (quantiles), ``structural_prob``
    and its interval ``_p05`` and ``_p95``, and ``turning_prob``: the probability that the customer was punctual 180
    days ago (or at first, when known for less), and is late by habit now or will be within 90 days. All null for a
    customer without any known instalment.

    Notes
    -----
    The interval of structural_prob answers how far it could have been otherwise, had other instalments of the same
    customer been seen: on the log-odds L it is L ± 1.645 · sd, with variance (∂L/∂w_late)² / n_late + (∂L/∂w_prompt)²
    / n_prompt, where w scales the weight of all late (prompt) instalments and n is their effective number
    (Σ weight)² / Σ weight², as in a Poisson bootstrap.
    """
    from scipy.special import expit, ndtri

    found = _follow(histories, model)
    mean, p05, p95, punctual, habitual, *slopes, still, turned = found.T
    seen = punctual > 0
    punctual, habitual = np.where(seen, punctual, 0.5), np.where(seen, habitual, 0.5)
    odds = np.log(habitual) - np.log(punctual)
    variance = np.zeros(len(odds))
    for name, (below, above) in zip(("late", "prompt"), (slopes[:2], slopes[2:]), strict=True):
        weight, squares = (counts[f"{name}_{part}"].to_numpy() for part in ("weight", "weight_squares"))
        slope = above / habitual - below / punctual
        variance += slope**2 * squares / np.maximum(weight**2, 1e-12)
    reach = ndtri(0.5 + INTERVAL / 2.0) * np.sqrt(variance)
    soon = 1.0 - (1.0 - model.up) ** (WARNING_DAYS / PERIOD_DAYS)
    columns = {
        "late_propensity": mean,
        "late_propensity_p05": np.minimum(p05, mean),
        "late_propensity_p95": np.maximum(p95, mean),
        "structural_prob": expit(odds),
        "structural_prob_p05": expit(odds - reach),
        "structural_prob_p95": expit(odds + reach),
        "turning_prob": turned + soon * still,
    }
    known = pl.Series(seen)
    return counts.with_columns(
        pl.when(known).then(pl.Series(name, np.clip(values, 0.0, 1.0))).alias(name)
        for name, values in columns.items()
    )


def _follow(histories: Histories, model: HabitModel) -> Floats:
    """What ``habit_filter.follow_customers`` returns; customers are shared out to threads, which changes nothing."""
    from segmentation.segments.habit_filter import follow_customers

    spread, likelihoods, lag = np.array(model.spread), _likelihoods(), TURNING_DAYS // PERIOD_DAYS

    def follow(share: slice) -> Floats:
        late, prompt = histories.late[share], histories.prompt[share]
        found: Floats = follow_customers(
            late, prompt, spread, model.up, model.down, likelihoods, _LEVEL, _EDGE, lag
        )
        return found

    shares = [slice(first, first + _SHARE) for first in range(0, max(len(histories.late), 1), _SHARE)]
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        return np.concatenate(list(pool.map(follow, shares)))


def _likelihoods() -> Floats:
    """Probability of 0, 1, ... late, and prompt, instalments at every level."""
    count = np.arange(MOST_PER_PERIOD + 1)[:, None]
    both: Floats = np.stack([_LEVEL**count, (1.0 - _LEVEL) ** count])
    return both


def _spread_evenly(prior: LatePrior) -> Floats:
    """The beta prior as probabilities of levels, none of them nil."""
    from scipy.special import betainc

    share = np.diff(betainc(prior.alpha, prior.beta, _EDGE)) + 1e-4
    spread: Floats = share / share.sum()
    return spread
