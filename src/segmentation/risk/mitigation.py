"""Training that keeps groups apart by less: a penalty on gaps in false positives, and reweighing.

Belongs here: objective and weights from group codes that mean nothing here. Does not belong here: which
groups there are, and which strength is chosen (fairness).

Notes
-----
Groups are used in training only; a trained model needs none of them to score anybody.

Penalty. To the log-loss is added strength × rows × Σ gap², summed over groups, where a group's gap is the
mean predicted probability of its rows that did not turn out late, less that of all other such rows of the
attribute (a smooth form of the gap in false-positive rates). The gradient is exact; the curvature is that
of the log-loss, which keeps the steps small (Gauss-Newton on the part that does not depend on groups).

Reweighing (Kamiran and Calders 2012). A row counts P(group) P(outcome) / P(group, outcome), so that group
and outcome are independent in the weighted rows; over several attributes the factors are multiplied. The
strength is a power of the weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

from segmentation.risk.grid import FloatArray, IntArray

Method: TypeAlias = Literal["penalty", "reweighing"]
Objective: TypeAlias = Callable[[FloatArray, Any], tuple[FloatArray, FloatArray]]
_WEIGHT_RANGE = (0.2, 5.0)


@dataclass(frozen=True)
class Mitigation:
    """How the model of being late is kept from telling groups apart.

    Parameters
    ----------
    method : penalty or reweighing.
    strength : factor of the penalty, or power of the weights.
    codes_of : gives rows × attributes of group codes from 0 on, for customer ids; −1 where an attribute does not
        concern the customer.
    """

    method: Method
    strength: float
    codes_of: Callable[[pl.Series], IntArray]

    def prepare(
        self, customer_id: pl.Series, is_late: FloatArray
    ) -> tuple[Objective | None, FloatArray | None]:
        """Return LightGBM's objective and the weights of the rows; None where the usual ones hold."""
        codes = self.codes_of(customer_id)
        if self.method == "penalty":
            return penalise_gaps(is_late, codes, self.strength), None
        return None, reweigh_rows(is_late, codes, self.strength)


def penalise_gaps(is_late: FloatArray, codes: IntArray, strength: float) -> Objective:
    """Return the objective with the penalty on gaps between groups.

    Parameters
    ----------
    is_late : outcome per row, 1 or 0.
    codes : rows × attributes; −1 where an attribute does not concern the row.
    strength : of the penalty; 0 is the log-loss.
    """
    innocent = is_late == 0
    memberships = [_members(codes[:, column], innocent) for column in range(codes.shape[1])]
    memberships = [member for member in memberships if member.shape[1] > 1]
    rows = float(len(is_late))

    def objective(score: FloatArray, _data: Any) -> tuple[FloatArray, FloatArray]:
        prob = 1.0 / (1.0 + np.exp(-score))
        curvature = prob * (1.0 - prob)
        slope = np.zeros(len(prob))
        for member in memberships:
            inside, concerned = member.sum(axis=0), member.any(axis=1)
            outside = inside.sum() - inside
            total = prob @ member
            gap = total / inside - (total.sum() - total) / outside
            own, other = 2.0 * gap / inside, 2.0 * gap / outside
            slope += member @ (own + other) - concerned * other.sum()
        return prob - is_late + strength * rows * slope * curvature, curvature

    return objective


def reweigh_rows(is_late: FloatArray, codes: IntArray, strength: float) -> FloatArray:
    """Return weights under which the outcome does not depend on the group, to the power of ``strength``."""
    weights = np.ones(len(is_late))
    share_late = float(is_late.mean())
    for column in range(codes.shape[1]):
        for code in np.unique(codes[codes[:, column] >= 0, column]):
            inside = codes[:, column] == code
            late = np.clip(float(is_late[inside].mean()), 1e-6, 1 - 1e-6)
            weights[inside] *= np.where(
                is_late[inside] == 1, share_late / late, (1 - share_late) / (1 - late)
            )
    weights = np.clip(weights, *_WEIGHT_RANGE) ** strength
    return np.asarray(weights / weights.mean())


def _members(code: IntArray, innocent: np.ndarray[Any, np.dtype[np.bool_]]) -> FloatArray:
    """Rows × groups: 1 where a row without the outcome belongs to the group; groups without such rows left out."""
    kinds = np.unique(code[(code >= 0) & innocent])
    return np.asarray((code[:, None] == kinds[None, :]) & innocent[:, None], dtype=np.float64)
