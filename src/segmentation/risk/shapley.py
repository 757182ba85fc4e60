"""Exact Shapley values of boosted trees: what each feature adds to a score, compared with its mean.

Belongs here: the sum over the leaves, compiled. Does not belong here: reading trees (forest), reason
groups (explanation).

For a leaf with value v, a feature j on its path multiplies the weight of the leaf by 1 or 0 where its value is
known (whether it follows the path, o) and by the share p of training rows that follow where it is not. The game
is a sum over leaves of products, whose Shapley values are integrals of derivatives along the diagonal (Owen 1972):

    φ_j = v · (o_j − p_j) · ∫₀¹ Π_{k≠j} (p_k (1 − t) + o_k t) dt

The integrand is a polynomial of degree d − 1 for d features on the path, so that ⌈d/2⌉ Gauss-Legendre nodes give
the integral exactly. These are the values of path-dependent TreeSHAP (Lundberg et al. 2020).
"""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from segmentation.domain.compilation import compiled
from segmentation.risk.cohort import FeatureMatrix
from segmentation.risk.forest import Bytes, Forest
from segmentation.risk.grid import FloatArray, IntArray

BLOCK = 128
"""Rows that go through the trees together: enough for vector instructions, few enough for the cache."""

_NIL_GOES_DEFAULT, _MISSING_GOES_DEFAULT = 1, 2
_ZERO = 1e-35
_BATCH = 4096

_ints, _bytes, _reals = numba.int64[::1], numba.uint8[::1], numba.float64[::1]
_SIGNATURE = numba.void(
    numba.float32[:, ::1],
    *(_ints, _ints, _reals, _ints, _bytes),
    *(_ints, _reals, _ints, _ints, _reals, _ints, _ints, _bytes),
    *(numba.float64[:, ::1], numba.float64[:, ::1], numba.int64),
    numba.float64[:, ::1],
)


def sum_contributions(forest: Forest, features: FeatureMatrix, threads: int = 1) -> FloatArray:
    """Return rows × (features + 1) parts of the score; they add up to it, the last being its mean.

    Parameters
    ----------
    forest : trees of the model.
    features : rows × features, 32-bit; missing is NaN.
    threads : rows are shared among so many; the result does not depend on their number.
    """
    rows = np.ascontiguousarray(features, dtype=np.float32)
    result = np.zeros((len(rows), forest.feature_count + 1))
    result[:, -1] = forest.expected_value
    nodes, weights = _quadrature(forest.max_slots)

    def add(start: int) -> None:
        part = slice(start, start + _BATCH)
        _add_contributions(
            rows[part],
            forest.tree_start,
            forest.feature,
            forest.threshold,
            forest.missing,
            forest.is_default_left,
            forest.leaf_start,
            forest.leaf_value,
            forest.slot_start,
            forest.slot_feature,
            forest.slot_share,
            forest.step_start,
            forest.step_split,
            forest.step_is_left,
            nodes,
            weights,
            forest.max_splits,
            result[part],
        )

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(add, range(0, len(rows), _BATCH)))
    return result


def _quadrature(max_slots: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on [0, 1]; row m holds those of the rule with m nodes."""
    most = max((max_slots + 1) // 2, 1)
    nodes, weights = np.zeros((most + 1, most)), np.zeros((most + 1, most))
    for count in range(1, most + 1):
        at, weight = np.polynomial.legendre.leggauss(count)
        nodes[count, :count], weights[count, :count] = (at + 1) / 2, weight / 2
    return nodes, weights


@compiled(_SIGNATURE)
def _add_contributions(  # noqa: C901, PLR0912, PLR0917  one pass that keeps all in the cache
    rows: FeatureMatrix,
    tree_start: IntArray,
    split_feature: IntArray,
    threshold: FloatArray,
    missing: IntArray,
    is_default_left: Bytes,
    leaf_start: IntArray,
    leaf_value: FloatArray,
    slot_start: IntArray,
    slot_feature: IntArray,
    slot_share: FloatArray,
    step_start: IntArray,
    step_split: IntArray,
    step_is_left: Bytes,
    nodes: FloatArray,
    weights: FloatArray,
    max_splits: int,
    result: FloatArray,
) -> None:
    width = rows.shape[1]
    most = nodes.shape[1]
    slots_most = 2 * most
    values = np.empty((width, BLOCK))
    parts = np.empty((width, BLOCK))
    goes_left = np.empty((max(max_splits, 1), BLOCK), dtype=np.uint8)
    follows = np.empty((slots_most, BLOCK))
    product = np.empty((most, BLOCK))
    for first in range(0, rows.shape[0], BLOCK):
        size = min(BLOCK, rows.shape[0] - first)
        for row in range(size):
            for column in range(width):
                values[column, row] = rows[first + row, column]
        parts[:, :] = 0.0
        for tree in range(tree_start.shape[0] - 1):
            root = tree_start[tree]
            for split in range(root, tree_start[tree + 1]):
                kind, bound, default = missing[split], threshold[split], is_default_left[split]
                column = values[split_feature[split]]
                way = goes_left[split - root]
                if kind == _MISSING_GOES_DEFAULT:
                    for row in range(size):
                        is_missing = np.isnan(column[row])
                        way[row] = default if is_missing else column[row] <= bound
                else:
                    for row in range(size):
                        value = 0.0 if np.isnan(column[row]) else column[row]
                        is_nil = kind == _NIL_GOES_DEFAULT and abs(value) <= _ZERO
                        way[row] = default if is_nil else value <= bound
            for leaf in range(leaf_start[tree], leaf_start[tree + 1]):
                start = slot_start[leaf]
                count = slot_start[leaf + 1] - start
                if count == 0:
                    continue
                for slot in range(count):
                    here = follows[slot]
                    here[:size] = 1.0
                    for step in range(step_start[start + slot], step_start[start + slot + 1]):
                        way, wanted = goes_left[step_split[step]], step_is_left[step]
                        for row in range(size):
                            here[row] = here[row] if way[row] == wanted else 0.0
                rule = (count + 1) // 2
                for node in range(rule):
                    at = nodes[rule, node]
                    line = product[node]
                    line[:size] = weights[rule, node] * leaf_value[leaf]
                    for slot in range(count):
                        without = slot_share[start + slot] * (1.0 - at)
                        here = follows[slot]
                        for row in range(size):
                            line[row] *= without + here[row] * at
                for slot in range(count):
                    share = slot_share[start + slot]
                    here, into = follows[slot], parts[slot_feature[start + slot]]
                    for node in range(rule):
                        at = nodes[rule, node]
                        # (o - p) over the factor that the product has too much, where o is 0 and 1
                        astray = -1.0 / (1.0 - at)
                        more = (1.0 - share) / (share * (1.0 - at) + at) - astray
                        line = product[node]
                        for row in range(size):
                            into[row] += line[row] * (astray + here[row] * more)
        for row in range(size):
            for column in range(width):
                result[first + row, column] += parts[column, row]
