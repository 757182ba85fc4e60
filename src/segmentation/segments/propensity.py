"""The customer's underlying share of late instalments, with its uncertainty.

Belongs here: the empirical-Bayes beta-binomial and what follows from it. Does not belong here: which
instalments count (observations), or what a probability is called (rules).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

Floats: TypeAlias = npt.NDArray[np.float64]

INTERVAL = 0.9
_HYPER_MEAN_LOGIT = float(np.log(0.3 / 0.7))
_HYPER_STRENGTH_LOG = float(np.log(2.0))
_HYPER_SD = 1.5
_CELLS_ABOVE = 20_000
_CELLS_PER_UNIT = 16.0


@dataclass(frozen=True, slots=True)
class LatePrior:
    """How late propensities are spread over customers: Beta(alpha, beta), with the fit's uncertainty.

    Parameters
    ----------
    alpha, beta : parameters; their sum is what the prior counts for, in instalments.
    alpha_variance, beta_variance, covariance : of the fit, from the curvature of its likelihood.
    customer_count : customers behind the fit.
    """

    alpha: float
    beta: float
    alpha_variance: float
    beta_variance: float
    covariance: float
    customer_count: int

    @property
    def mean(self) -> float:
        """Expected late propensity of a customer about whom nothing is known."""
        return self.alpha / (self.alpha + self.beta)


def fit_prior(late_weight: Floats, prompt_weight: Floats) -> LatePrior:
    """Return how late propensities are spread over customers.

    Parameters
    ----------
    late_weight, prompt_weight : discounted counts per customer, in any order.

    Notes
    -----
    Maximises the beta-binomial marginal likelihood Σ log B(α + aᵢ, β + bᵢ) − log B(α, β) over the
    prior's mean and strength (empirical Bayes; Robbins 1956, Casella 1985), with a weak hyperprior
    (logit mean around 0.3, log strength around 2 instalments, standard deviation 1.5 each). The
    hyperprior is what speaks when there are few customers, and it keeps the fit finite when all
    behave alike. Books of more than 20,000 customers are fitted on cells of similar counts.
    """
    from scipy.optimize import minimize
    from scipy.special import betaln, expit

    a, b, repeats = _group_counts(late_weight, prompt_weight)

    def loss(point: Floats) -> float:
        mean, strength = float(expit(point[0])), float(np.exp(point[1]))
        alpha, beta = mean * strength, (1.0 - mean) * strength
        # Summed by NumPy itself: the order in which a dot product adds depends on the number of threads.
        fit = float((repeats * (betaln(alpha + a, beta + b) - betaln(alpha, beta))).sum())
        hyper = (point[0] - _HYPER_MEAN_LOGIT) ** 2 + (point[1] - _HYPER_STRENGTH_LOG) ** 2
        return float(-fit + hyper / (2.0 * _HYPER_SD**2))

    start = np.array([_HYPER_MEAN_LOGIT, _HYPER_STRENGTH_LOG])
    bounds = [(-7.0, 7.0), (np.log(0.05), np.log(500.0))]
    best: Floats = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    covariance = np.linalg.inv(_curvature(loss, best))
    mean, strength = float(expit(best[0])), float(np.exp(best[1]))
    slope = strength * mean * (1.0 - mean)
    jacobian = np.array([[slope, mean * strength], [-slope, (1.0 - mean) * strength]])
    spread = jacobian @ covariance @ jacobian.T
    return LatePrior(
        alpha=mean * strength,
        beta=(1.0 - mean) * strength,
        alpha_variance=float(spread[0, 0]),
        beta_variance=float(spread[1, 1]),
        covariance=float(spread[0, 1]),
        customer_count=int(np.count_nonzero(late_weight + prompt_weight)),
    )


def estimate_propensity(counts: pl.DataFrame, prior: LatePrior) -> pl.DataFrame:
    """Return the late propensity of each customer and the probability that it is above one half.

    Parameters
    ----------
    counts : those of ``observations.observe_customers``.
    prior : spread of propensities over customers.

    Returns
    -------
    ``counts`` with ``late_propensity`` (posterior mean), ``late_propensity_p05`` and ``_p95``
    (posterior quantiles), ``structural_prob`` and ``structural_prob_p05`` and ``_p95``; all null for
    a customer without any known instalment.

    Notes
    -----
    θ ~ Beta(A, B) with A = α + late weight and B = β + prompt weight; structural_prob = P(θ > ½).

    Its 90 % interval answers how far that probability itself could have been otherwise, had other
    instalments of the same customer been seen, or other customers been in the book. Late and prompt
    weight vary as in a Poisson bootstrap of the customer's instalments (variance Σ weight²), α and β
    as the fit of the prior says. With z = Φ⁻¹(structural_prob), the interval is
    Φ(z ± 1.645 · sd(z)), where var(z) = g'·V·g, g the gradient of z in (A, B) and V the sum of both
    covariances (delta method on the probit scale). It always contains structural_prob and stays
    within 0 and 1.
    """
    from scipy.special import betaincinv, ndtr, ndtri

    seen = counts["settled_count"].to_numpy() > 0
    a_data, b_data = counts["late_weight"].to_numpy(), counts["prompt_weight"].to_numpy()
    a, b = prior.alpha + a_data, prior.beta + b_data
    z = _probit_above_half(a, b)
    in_a, in_b = _probit_gradient(a, b)
    variance = (
        in_a**2 * (counts["late_weight_squares"].to_numpy() + prior.alpha_variance)
        + in_b**2 * (counts["prompt_weight_squares"].to_numpy() + prior.beta_variance)
        + 2.0 * in_a * in_b * prior.covariance
    )
    reach = ndtri(0.5 + INTERVAL / 2.0) * np.sqrt(np.maximum(variance, 0.0))
    tail = (1.0 - INTERVAL) / 2.0
    columns = {
        "late_propensity": a / (a + b),
        "late_propensity_p05": betaincinv(a, b, tail),
        "late_propensity_p95": betaincinv(a, b, 1.0 - tail),
        "structural_prob": ndtr(z),
        "structural_prob_p05": ndtr(z - reach),
        "structural_prob_p95": ndtr(z + reach),
    }
    known = pl.Series(seen)
    return counts.with_columns(
        pl.when(known).then(pl.Series(name, np.clip(values, 0.0, 1.0))).alias(name)
        for name, values in columns.items()
    )


def _group_counts(late: Floats, prompt: Floats) -> tuple[Floats, Floats, Floats]:
    """Counts worth fitting on, in an order that does not depend on the customers', with repeats."""
    frame = pl.DataFrame({"a": late, "b": prompt}).filter(pl.col("a") + pl.col("b") > 0)
    if frame.height > _CELLS_ABOVE:
        cells = (pl.col(name).sqrt().mul(_CELLS_PER_UNIT).round() / _CELLS_PER_UNIT for name in ("a", "b"))
        frame = frame.with_columns(cell.pow(2) for cell in cells)
    grouped = frame.group_by("a", "b").agg(pl.len().cast(pl.Float64).alias("repeats")).sort("a", "b")
    return grouped["a"].to_numpy(), grouped["b"].to_numpy(), grouped["repeats"].to_numpy()


def _curvature(loss: Callable[[Floats], float], point: Floats) -> Floats:
    """Second derivatives of ``loss`` at ``point`` by central differences."""
    step = 1e-3
    hessian = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            e_i, e_j = step * np.eye(2)[i], step * np.eye(2)[j]
            hessian[i, j] = (
                loss(point + e_i + e_j)
                - loss(point + e_i - e_j)
                - loss(point - e_i + e_j)
                + loss(point - e_i - e_j)
            ) / (4.0 * step**2)
    return hessian + 1e-9 * np.eye(2)


def _probit_above_half(a: Floats, b: Floats) -> Floats:
    """Φ⁻¹(P(θ > ½)), computed from the smaller tail so that it does not saturate."""
    from scipy.special import betainc, betaincc, ndtri

    below, above = betainc(a, b, 0.5), betaincc(a, b, 0.5)
    tail = np.maximum(np.minimum(below, above), 1e-300)
    probit: Floats = np.where(above < below, 1.0, -1.0) * ndtri(tail)
    return probit


def _probit_gradient(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Slopes of ``_probit_above_half`` in a and in b, by central differences on a relative step."""
    step_a, step_b = 1e-3 * a, 1e-3 * b
    in_a = (_probit_above_half(a + step_a, b) - _probit_above_half(a - step_a, b)) / (2.0 * step_a)
    in_b = (_probit_above_half(a, b + step_b) - _probit_above_half(a, b - step_b)) / (2.0 * step_b)
    return in_a, in_b
