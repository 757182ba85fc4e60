"""Scores of boosted trees for all day bins of an instalment at once.

Belongs here: one walk per instalment and tree instead of one per bin, compiled. Does not belong here:
what the bins see (hazards), reading trees (forest).

Most of what a tree asks is the same for all bins of an instalment. So a stretch of bins goes down the tree
together and is parted only at splits by something that differs between bins.
"""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from segmentation.domain.compilation import compiled
from segmentation.risk.cohort import FeatureMatrix
from segmentation.risk.forest import Bytes, Forest
from segmentation.risk.grid import FloatArray, IntArray

_NIL_GOES_DEFAULT, _MISSING_GOES_DEFAULT = 1, 2
_ZERO = 1e-35
_BATCH = 2048

_ints, _bytes, _reals = numba.int64[::1], numba.uint8[::1], numba.float64[::1]
_SIGNATURE = numba.void(
    *(numba.float32[:, :, ::1], numba.float32[:, ::1], _ints),
    *(_ints, _ints, _reals, _ints, _bytes, _ints, _ints, _ints, _reals),
    *(numba.int64, numba.float64[:, ::1]),
)


def score_bins(
    forest: Forest, of_bins: FeatureMatrix, of_rows: FeatureMatrix, first_bin: IntArray, threads: int = 1
) -> FloatArray:
    """Return instalments × bins: raw score of every bin from the first one on; nil before it.

    Parameters
    ----------
    forest : trees trained on rows of which the columns of ``of_bins`` come first, then those of ``of_rows``.
    of_bins : instalments × columns × bins, 32-bit: what differs between bins; missing is NaN.
    of_rows : instalments × columns, 32-bit: what is the same for all bins of an instalment.
    first_bin : first bin to be scored of each instalment.
    threads : instalments are shared among so many; the result does not depend on their number.

    Notes
    -----
    The trees are added up in their order, as LightGBM does, so that the scores are the same numbers.
    """
    result = np.zeros((of_bins.shape[0], of_bins.shape[2]))
    inner, outer = np.ascontiguousarray(of_bins), np.ascontiguousarray(of_rows)
    first = np.ascontiguousarray(first_bin)

    def add(start: int) -> None:
        part = slice(start, start + _BATCH)
        _add_scores(
            inner[part],
            outer[part],
            first[part],
            forest.tree_start,
            forest.feature,
            forest.threshold,
            forest.missing,
            forest.is_default_left,
            forest.left,
            forest.right,
            forest.leaf_start,
            forest.leaf_value,
            forest.max_splits,
            result[part],
        )

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(add, range(0, len(result), _BATCH)))
    return result


@compiled(numba.boolean(numba.float32, numba.float64, numba.int64, numba.uint8))
def _goes_left(value: float, bound: float, missing: int, default: int) -> bool:
    """Return the way of a value at a split, as LightGBM decides it."""
    is_missing = np.isnan(value)
    if missing == _MISSING_GOES_DEFAULT and is_missing:
        return default == 1
    at = 0.0 if is_missing else value
    if missing == _NIL_GOES_DEFAULT and abs(at) <= _ZERO:
        return default == 1
    return bool(at <= bound)


@compiled(_SIGNATURE)
def _add_scores(  # noqa: PLR0917  arrays of one forest
    of_bins: FeatureMatrix,
    of_rows: FeatureMatrix,
    first_bin: IntArray,
    tree_start: IntArray,
    split_feature: IntArray,
    threshold: FloatArray,
    missing: IntArray,
    is_default_left: Bytes,
    left: IntArray,
    right: IntArray,
    leaf_start: IntArray,
    leaf_value: FloatArray,
    max_splits: int,
    result: FloatArray,
) -> None:
    own = of_bins.shape[1]
    bins = of_bins.shape[2]
    waiting = np.empty(((max_splits + 1) * bins, 3), dtype=np.int64)
    for row in range(of_bins.shape[0]):
        scores = result[row]
        for tree in range(tree_start.shape[0] - 1):
            root, leaf = tree_start[tree], leaf_start[tree]
            waiting[0, 0] = 0 if tree_start[tree + 1] > root else -1
            waiting[0, 1], waiting[0, 2] = first_bin[row], bins
            count = 1
            while count:
                count -= 1
                node, begin, end = waiting[count, 0], waiting[count, 1], waiting[count, 2]
                while node >= 0:
                    split = root + node
                    column = split_feature[split]
                    bound, kind, default = threshold[split], missing[split], is_default_left[split]
                    if column >= own:
                        is_left = _goes_left(of_rows[row, column - own], bound, kind, default)
                    else:
                        values = of_bins[row, column]
                        is_left = _goes_left(values[begin], bound, kind, default)
                        stop = begin + 1
                        while stop < end and _goes_left(values[stop], bound, kind, default) == is_left:
                            stop += 1
                        if stop < end:
                            waiting[count, 0], waiting[count, 1], waiting[count, 2] = node, stop, end
                            count += 1
                            end = stop
                    node = left[split] if is_left else right[split]
                value = leaf_value[leaf - 1 - node]
                for at in range(begin, end):
                    scores[at] += value
