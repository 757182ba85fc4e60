"""What a policy would have brought, told from contacts that another policy made.

Belongs here: doubly robust estimates with their intervals, when to refuse one, when a new policy may be
published. Does not belong here: fitting responses (response_model), choosing steps.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from segmentation.treatment.response_cells import Ints, Reals

_LEAST_ESS = 50.0
_LEAST_CUSTOMERS = 30
_MOST_UNSUPPORTED = {True: 0.05, False: 0.02}
_LEAST_SUPPORT = {True: 1, False: 5}
"""By whether propensities were logged: known ones need only that an arm was tried at all."""

_SURE_SHARE = 0.98
_SURE = 0.99
_WEIGHT_TOLERANCE = 0.2
_WEIGHT_ERRORS = 4.0
_PROPENSITY_FLOOR = 0.02
_PRIOR_CONTACTS = 10.0
FOLDS = 5


class Basis(StrEnum):
    """Where the propensities come from."""

    LOGGED = "logged"
    OBSERVATIONAL = "observational"


@dataclass(frozen=True, slots=True)
class Log:
    """Contacts, holdouts included, as aligned arrays.

    Parameters
    ----------
    customer, stratum, arm : who, in which context, what was done (no contact is an arm).
    reward : what it brought, its cost taken off.
    propensity : probability with which the arm was chosen; None when it was not logged.
    """

    customer: Ints
    stratum: Ints
    arm: Ints
    reward: Reals
    propensity: Reals | None

    @property
    def count(self) -> int:
        """Number of contacts."""
        return len(self.reward)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Value of a policy per contact; figures are None where the log cannot tell.

    Parameters
    ----------
    value, low, high : doubly robust estimate with its interval, clustered by customer.
    snips : self-normalised importance sampling beside it.
    effective_count : contacts that the weights leave (Kish, 1965).
    basis : logged propensities, or estimated ones, which make it observational.
    refused_because : why there is no figure; None when there is one.
    influence : per contact, for paired comparisons.
    """

    value: float | None
    low: float | None
    high: float | None
    snips: float | None
    effective_count: float
    basis: Basis
    refused_because: str | None
    influence: Reals


def evaluate_policy(log: Log, policy: Reals, *, level: float = 0.95) -> Estimate:
    """Return what a policy would have brought per contact, or why the log cannot tell.

    Parameters
    ----------
    log : of the policy in force.
    policy : rows × arms, probabilities of the new policy in the context of every logged contact.
    level : of the interval.

    Notes
    -----
    Doubly robust (Dudík, Langford & Li, 2011) with outcomes cross-fitted by customer (Chernozhukov et al.,
    2018): Σ π(a) q(a) + w (r − q), w = π / propensity. Propensities that were not logged are estimated by
    stratum and cut off at 2 %; the estimate is then observational, since whoever chose may have known more.
    Refused when the policy does what was hardly ever logged, the log is deterministic, weights do not
    average one, or too few contacts carry the estimate.
    """
    rows = np.arange(log.count)
    basis = Basis.OBSERVATIONAL if log.propensity is None else Basis.LOGGED
    propensity = _estimate_propensity(log, policy.shape[1]) if log.propensity is None else log.propensity
    chosen = policy[rows, log.arm]
    weight = chosen / propensity
    effective = float(weight.sum() ** 2 / max((weight**2).sum(), 1e-12))
    refusal = _find_refusal(log, policy, propensity, weight, effective)
    if refusal:
        return Estimate(None, None, None, None, effective, basis, refusal, np.zeros(log.count))
    outcome = _fit_outcomes(log, policy.shape[1])
    influence = (policy * outcome).sum(axis=1) + weight * (log.reward - outcome[rows, log.arm])
    value, low, high = _interval(influence, log.customer, level)
    snips = float((weight * log.reward).sum() / weight.sum())
    return Estimate(value, low, high, snips, effective, basis, None, influence)


def compare_policies(log: Log, new: Reals, incumbent: Reals, *, level: float = 0.90) -> tuple[Estimate, bool]:
    """Return the paired difference (new − incumbent) and whether the new policy may be published.

    Parameters
    ----------
    log : contacts to judge by.
    new, incumbent : rows × arms, their probabilities.
    level : of the two-sided interval; a lower bound of 90 % leaves 5 % on its side.

    Notes
    -----
    It may be published when the lower bound is above nil, both can be told from the log, and propensities
    were logged: an observational difference is shown, never acted on.
    """
    first, second = evaluate_policy(log, new), evaluate_policy(log, incumbent)
    refusal = first.refused_because or second.refused_because
    effective = min(first.effective_count, second.effective_count)
    if refusal:
        none = Estimate(None, None, None, None, effective, first.basis, refusal, first.influence)
        return none, False
    influence = first.influence - second.influence
    value, low, high = _interval(influence, log.customer, level)
    snips = (first.snips or 0.0) - (second.snips or 0.0)
    gain = Estimate(value, low, high, snips, effective, first.basis, None, influence)
    return gain, low > 0 and first.basis is Basis.LOGGED


def compare_with_log(log: Log, new: Reals, *, level: float = 0.90) -> tuple[Estimate, Estimate, bool]:
    """Return the value of the policy that made the log, the paired gain of a new one, and whether it may be published.

    Parameters
    ----------
    log, new, level : see ``compare_policies``; the log's own policy is told by its rewards as they are.
    """
    told = evaluate_policy(log, new)
    value, low, high = _interval(log.reward, log.customer, 0.95)
    current = Estimate(value, low, high, value, float(log.count), told.basis, None, log.reward)
    if told.refused_because:
        return current, told, False
    influence = told.influence - log.reward
    value, low, high = _interval(influence, log.customer, level)
    snips = (told.snips or 0.0) - current.value if current.value is not None else None
    gain = Estimate(value, low, high, snips, told.effective_count, told.basis, None, influence)
    return current, gain, low > 0 and told.basis is Basis.LOGGED


def _find_refusal(log: Log, policy: Reals, propensity: Reals, weight: Reals, effective: float) -> str | None:
    arms = policy.shape[1]
    strata = int(log.stratum.max()) + 1
    support = np.bincount(log.stratum * arms + log.arm, minlength=strata * arms).reshape(strata, arms)
    is_logged = log.propensity is not None
    is_rare = support[log.stratum] < _LEAST_SUPPORT[is_logged]
    unsupported = float((policy * is_rare).sum(axis=1).mean())
    if unsupported > _MOST_UNSUPPORTED[is_logged]:
        return f"No overlap: {unsupported:.0%} of what the policy does was hardly ever done in its context."
    is_same = np.allclose(policy[np.arange(log.count), log.arm], propensity)
    if (propensity > _SURE).mean() > _SURE_SHARE and not is_same:
        return "No overlap: the log is deterministic, so nothing else was ever tried."
    error = float(weight.std() / np.sqrt(log.count))
    off = abs(float(weight.mean()) - 1)
    if off > max(_WEIGHT_TOLERANCE, _WEIGHT_ERRORS * error) or off > 0.5:  # noqa: PLR2004  half is missing
        return f"No overlap: the weights average {weight.mean():.2f} rather than 1."
    customers = len(np.unique(log.customer))
    if customers < _LEAST_CUSTOMERS:
        return f"Too few customers: {customers} were contacted, fewer than {_LEAST_CUSTOMERS}."
    if effective < _LEAST_ESS:
        return (
            f"Too little overlap: {effective:.0f} contacts carry the estimate, fewer than {_LEAST_ESS:.0f}."
        )
    return None


def _estimate_propensity(log: Log, arms: int) -> Reals:
    """Return the share of the logged arm among contacts of its stratum, cut off from below."""
    strata = int(log.stratum.max()) + 1
    place = log.stratum * arms + log.arm
    count = np.bincount(place, minlength=strata * arms)
    total = np.bincount(log.stratum, minlength=strata)
    share: Reals = np.maximum(count[place] / total[log.stratum], _PROPENSITY_FLOOR)
    return share


def _fit_outcomes(log: Log, arms: int) -> Reals:
    """Return rows × arms: the mean reward by stratum and arm among the customers of the other folds."""
    strata = int(log.stratum.max()) + 1
    size = strata * arms
    fold = log.customer % FOLDS
    place = log.stratum * arms + log.arm
    by_fold = fold * size + place
    count = np.bincount(by_fold, minlength=FOLDS * size).reshape(FOLDS, strata, arms).astype(np.float64)
    total = np.bincount(by_fold, log.reward, minlength=FOLDS * size).reshape(FOLDS, strata, arms)
    count, total = count.sum(axis=0) - count, total.sum(axis=0) - total
    arm_mean = total.sum(axis=1) / np.maximum(count.sum(axis=1), 1)
    mean = (total + _PRIOR_CONTACTS * arm_mean[:, None, :]) / (count + _PRIOR_CONTACTS)
    outcomes: Reals = mean[fold, log.stratum]
    return outcomes


def _interval(influence: Reals, customer: npt.NDArray[np.int64], level: float) -> tuple[float, float, float]:
    """Return the mean and its interval, clustered by customer (Liang & Zeger, 1986), by Student's t."""
    from scipy.stats import t

    value = float(influence.mean())
    code = np.unique(customer, return_inverse=True)[1]
    sums = np.bincount(code, influence - value)
    clusters = len(sums)
    error = float(np.sqrt((sums**2).sum() * clusters / max(clusters - 1, 1)) / len(influence))
    width = float(t.ppf(0.5 + level / 2, max(clusters - 1, 1))) * error
    return value, value - width, value + width
