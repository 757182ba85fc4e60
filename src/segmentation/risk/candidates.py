"""All models and baselines, fitted to what was known on one day.

Belongs here: who takes part and what each is fitted to. Does not belong here: who wins (comparison).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from segmentation.domain.settings import RiskSettings
from segmentation.risk.baselines import CustomerMedian, PastLateRate, Prevalence, TermsAreTruth
from segmentation.risk.cohort import Cohort, FeatureMatrix
from segmentation.risk.distribution import anchor_survival
from segmentation.risk.grid import FloatArray, Grid, build_episodes
from segmentation.risk.hazards import (
    Hazard,
    MeanHazard,
    PooledHazard,
    fit_logistic_hazard,
    fit_pooled_hazard,
    fit_residual_hazard,
    fit_tree_hazard,
)
from segmentation.risk.heads import LateHead, fit_linear_head, fit_past_rate, fit_tree_head
from segmentation.risk.inputs import linear_form
from segmentation.risk.metrics import expit
from segmentation.risk.mitigation import Mitigation

MODELS = ("lightgbm_hazard", "logistic_hazard", "hazard_blend", "cautious_blend")
BASELINES = ("prevalence", "past_late_rate", "customer_median", "terms_are_truth")
PROBABILITY_BASELINES = ("prevalence", "past_late_rate")
"""Baselines that give a usable probability; the others name a day as if it were certain."""


class Candidate(Protocol):
    """Anything that can draw a survival curve for an instalment."""

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return instalments × bins: probability of being unpaid at the end of the bin, at issue."""
        ...


@dataclass(frozen=True)
class HeadedHazard:
    """A hazard whose curve passes through the late heads' probability at the due date.

    Notes
    -----
    Several heads are averaged on the log-odds scale, so the log-odds of being late stay a sum of parts.
    """

    grid: Grid
    heads: tuple[LateHead, ...]
    hazard: Hazard

    def log_odds(self, features: FeatureMatrix) -> FloatArray:
        """Return the log-odds of being late."""
        return np.asarray(np.mean([head.log_odds(features) for head in self.heads], axis=0))

    def contributions(self, features: FeatureMatrix) -> FloatArray:
        """Return the parts of the log-odds by feature, the last being the average."""
        return np.asarray(np.mean([head.contributions(features) for head in self.heads], axis=0))

    def survival(self, cohort: Cohort) -> FloatArray:
        """Return the hazard's curve through the heads' probability."""
        late = expit(self.log_odds(cohort.features))
        return anchor_survival(self.grid, self.hazard.survival(cohort), late)


@dataclass(frozen=True)
class FittedCandidates:
    """Every candidate that the data allow, by name, and what they share."""

    candidates: Mapping[str, Candidate]
    pooled: PooledHazard
    training_count: int
    late_count: int

    @property
    def tail_hazard(self) -> float:
        """Daily probability of payment beyond the last bin."""
        return self.pooled.tail_hazard


def fit_candidates(
    cohort: Cohort,
    day: int,
    grid: Grid,
    settings: RiskSettings,
    seed: int,
    *,
    with_models: bool = True,
    mitigation: Mitigation | None = None,
) -> FittedCandidates:
    """Return all candidates fitted to what was known at the start of ``day``.

    Notes
    -----
    With a mitigation, the boosted model is the only one: the others do not know it.
    Heads are trained on instalments that were due before ``day``, paid or not: a cohort taken by its
    due date holds quick and slow payers alike. Hazards use all, censored at ``day``.
    """
    known = cohort.take(cohort.known_before(day) & ~cohort.is_supplier_caused)
    outcome = known.outcome_before(day)
    late = outcome.late_after(0)
    matured = (known.due < day) & np.isfinite(late)
    training_count, late_count = int(matured.sum()), int(late[matured].sum())
    late_rate = (late_count + 0.5) / (training_count + 1.0)
    pooled = fit_pooled_hazard(
        grid, build_episodes(grid, known.start_day, outcome.event_day, outcome.last_open_day)
    )
    paid_days = outcome.event_day[outcome.is_paid]
    candidates: dict[str, Candidate] = {
        "prevalence": Prevalence(pooled, late_rate),
        "past_late_rate": PastLateRate(pooled, late_rate),
        "customer_median": CustomerMedian(grid, float(np.median(paid_days)) if len(paid_days) else 0.0),
        "terms_are_truth": TermsAreTruth(grid),
    }
    enough = (
        training_count >= settings.min_training_instalments and late_count >= settings.min_late_instalments
    )
    if with_models and enough and known.features.shape[1]:
        rows = known.features[matured]
        rate = fit_past_rate(rows, known.feature_names, late[matured])
        customer_id = known.key["customer_id"].filter(matured)
        tree = fit_tree_head(rows, late[matured], settings, seed, rate, mitigation, customer_id)
        boosted = fit_tree_hazard(pooled, known, outcome, settings, seed)
        candidates["lightgbm_hazard"] = HeadedHazard(grid, (tree,), boosted)
        if mitigation is None:
            linear = fit_linear_head(rows, late[matured], *linear_form(known.feature_names))
            logistic = fit_logistic_hazard(known, outcome, pooled)
            around = fit_residual_hazard(grid, known, outcome, boosted.location)
            together = MeanHazard((boosted, logistic, around))
            candidates |= {
                "logistic_hazard": HeadedHazard(grid, (linear,), logistic),
                "hazard_blend": HeadedHazard(grid, (tree, linear), together),
            }
            if rate is not None:
                candidates["cautious_blend"] = HeadedHazard(grid, (tree, linear, rate), together)
    return FittedCandidates(candidates, pooled, training_count, late_count)
