"""Leak alarms: signs that something knew the outcome before it happened.

Belongs here: alarms on features and on results. Does not belong here: preventing leaks (features, ledger).
"""

from collections.abc import Mapping

import numpy as np

from segmentation.domain.settings import RiskSettings
from segmentation.risk import metrics
from segmentation.risk.cohort import Cohort
from segmentation.risk.grid import FloatArray
from segmentation.risk.heads import fit_past_rate, fit_tree_head

LEAK_AUC = 0.97
"""No honest figure known at issue separates late from prompt payment this well; on real ledgers the best
single one reaches 0.88."""

_MIN_PER_CLASS = 25
_MAX_GAIN = 0.03


def find_leaking_features(cohort: Cohort, is_late: FloatArray) -> list[str]:
    """Return the features that alone separate late from prompt instalments implausibly well.

    A missing value counts as a value below all others, so that a column that is filled in only once
    the outcome is known is found as well.
    """
    known = np.isfinite(is_late)
    outcome = is_late[known]
    if min(outcome.sum(), len(outcome) - outcome.sum()) < _MIN_PER_CLASS:
        return []
    suspects = []
    for name in cohort.feature_names:
        values = cohort.feature(name)[known]
        score = np.where(np.isfinite(values), values, -1e300)
        area = metrics.auc(outcome, score)
        if area is not None and max(area, 1.0 - area) >= LEAK_AUC:
            suspects.append(name)
    return suspects


def random_split_auc(cohort: Cohort, is_late: FloatArray, settings: RiskSettings, seed: int) -> float | None:
    """Return the AUC of boosted trees when 30 % of the instalments are held out at random.

    Notes
    -----
    A random split lets a model see the future of the same customers, so it flatters; a result out of time
    that is clearly better than this is a sign of a leak, not of skill.
    """
    known = np.flatnonzero(np.isfinite(is_late))
    held_out = np.random.default_rng(seed).random(len(known)) < 0.3  # noqa: PLR2004
    train, test = known[~held_out], known[held_out]
    if not len(train) or not len(test):
        return None
    rows = cohort.features[train]
    start = fit_past_rate(rows, cohort.feature_names, is_late[train])
    head = fit_tree_head(rows, is_late[train], settings, seed, start)
    return metrics.auc(is_late[test], head.log_odds(cohort.features[test]))


def leak_warnings(
    backtest_auc: Mapping[str, float | None], split_auc: float | None, suspects: list[str]
) -> list[str]:
    """Return what is suspicious, in words; empty when nothing is.

    Parameters
    ----------
    backtest_auc : value and low end of the interval of the area under the curve out of time.
    split_auc : of a random split; an area is suspicious when it is clearly higher and its interval is above as well.
    suspects : features that separate late from prompt payment almost perfectly.
    """
    warnings = [
        f"feature {name} alone separates late from prompt payment almost perfectly: does it know the outcome?"
        for name in suspects
    ]
    value, low = backtest_auc["value"], backtest_auc["low"]
    if value is None or low is None or split_auc is None:
        return warnings
    if value > split_auc + _MAX_GAIN and low > split_auc:
        warnings.append(
            f"the area under the curve out of time ({value:.3f}, from {low:.3f}) is above that of a random split "
            f"({split_auc:.3f}): the future is rarely easier to predict than the past"
        )
    return warnings
