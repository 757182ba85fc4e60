"""How customers pay: the two models of it, fitted to a book, of which one is published.

Belongs here: fitting both, and scoring with the published one. Does not belong here: the
models (propensity, habit), or choosing between them (comparison).
"""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from segmentation.segments.habit import HabitModel, fit_habits, follow_habits
from segmentation.segments.observations import Observed
from segmentation.segments.propensity import LatePrior, estimate_propensity, fit_prior


class ModelName(StrEnum):
    """Models of paying behaviour."""

    BETA_BINOMIAL = "beta_binomial"
    HIDDEN_MARKOV = "hidden_markov"


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
