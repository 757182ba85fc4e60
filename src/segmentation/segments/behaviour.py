"""How customers pay: the two models of it, fitted to a book, of which one is published.

Belongs here: fitting both, and scoring with the published one. Does not belong here: the
models (propensity, habit), or choosing between them (comparison).
"""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from segmentation.domain.settings import SegmentSettings
from segmentation.segments.habit import HabitModel, fit_habits, follow_habits
from segmentation.segments.histories import Histories, lay_out_histories
from segmentation.segments.observations import count_lateness
from segmentation.segments.propensity import LatePrior, estimate_propensity, fit_prior

_COUNTS = ("settled_count", "late_count", "excluded_count")
_WEIGHTS = ("late_weight", "prompt_weight", "late_weight_squares", "prompt_weight_squares")


class ModelName(StrEnum):
    """Models of paying behaviour."""

    BETA_BINOMIAL = "beta_binomial"
    HIDDEN_MARKOV = "hidden_markov"


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known of every customer, row for row.

    Parameters
    ----------
    counts : result of ``observations.count_lateness``, nil for customers of whom nothing is known.
    histories : the same instalments by period.
    """

    counts: pl.DataFrame
    histories: Histories


@dataclass(frozen=True, slots=True)
class BehaviourModel:
    """Both models, fitted to one book.

    Parameters
    ----------
    published : whose propensity and probability are published.
    prior : of the beta-binomial.
    habits : the hidden Markov model, which gives ``turning_prob`` in any case.
    """

    published: ModelName
    prior: LatePrior
    habits: HabitModel


def observe_customers(known: pl.DataFrame, customer_id: pl.Series, settings: SegmentSettings) -> Observed:
    """Return what is known of customers.

    Parameters
    ----------
    known : result of ``observations.classify_instalments``.
    customer_id : customers, each once; rows come in this order, others are left out.
    settings : ``half_life_days``.
    """
    counts = (
        customer_id.to_frame("customer_id")
        .join(count_lateness(known, settings), "customer_id", "left", maintain_order="left")
        .with_columns(
            *(pl.col(name).fill_null(0) for name in _COUNTS),
            *(pl.col(name).fill_null(0.0) for name in _WEIGHTS),
        )
    )
    return Observed(counts, lay_out_histories(known, customer_id))


def fit_behaviour(observed: Observed, published: ModelName) -> BehaviourModel:
    """Return both models, fitted to what is known."""
    weights = (observed.counts[name].to_numpy() for name in ("late_weight", "prompt_weight"))
    return BehaviourModel(published, fit_prior(*weights), fit_habits(observed.histories))


def judge_behaviour(observed: Observed, model: BehaviourModel) -> pl.DataFrame:
    """Return the counts of every customer with propensity, probability, their intervals, and ``turning_prob``.

    What the columns mean: ``propensity.estimate_propensity``, ``habit.follow_habits``.
    """
    followed = follow_habits(observed.counts, observed.histories, model.habits)
    if model.published is ModelName.HIDDEN_MARKOV:
        return followed
    return estimate_propensity(observed.counts, model.prior).with_columns(followed["turning_prob"])
