"""The trees of a LightGBM model as flat arrays, read from its text form.

Belongs here: reading the text, and the paths to the leaves. Does not belong here: training (heads,
hazards), sums over the trees (shapley).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmentation.domain.errors import IntegrityError
from segmentation.risk.grid import FloatArray, IntArray

Bytes = npt.NDArray[np.uint8]
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_SHIFT = 2


@dataclass(frozen=True)
class Forest:
    """Splits of all trees, one after the other, and the path to every leaf.

    Parameters
    ----------
    feature_count : columns that the model was trained on.
    expected_value : mean score over the training rows.
    tree_start : first split of each tree, and the number of splits at the end.
    feature, threshold : of each split; a value up to the threshold goes left.
    missing : of each split: 0 a missing value counts as nil, 1 nil and missing go the default way, 2 missing does.
    is_default_left : of each split.
    left, right : of each split: the next split, counted from the tree's first, or −1 − leaf.
    leaf_start : first leaf of each tree, and the number of leaves at the end.
    leaf_value : of each leaf.
    slot_start : first slot of each leaf, and the number of slots at the end. A slot is a feature on a path.
    slot_feature : the feature of each slot.
    slot_share : share of the training rows that follow the path at all its splits by that feature.
    step_start : first step of each slot, and the number of steps at the end. A step is a split on a path.
    step_split, step_is_left : the split, counted from the tree's first, and the way that the path takes.
    """

    feature_count: int
    expected_value: float
    tree_start: IntArray
    feature: IntArray
    threshold: FloatArray
    missing: IntArray
    is_default_left: Bytes
    left: IntArray
    right: IntArray
    leaf_start: IntArray
    leaf_value: FloatArray
    slot_start: IntArray
    slot_feature: IntArray
    slot_share: FloatArray
    step_start: IntArray
    step_split: IntArray
    step_is_left: Bytes

    @property
    def max_slots(self) -> int:
        """Most features on one path."""
        return int(np.diff(self.slot_start).max(initial=0))

    @property
    def max_splits(self) -> int:
        """Most splits of one tree."""
        return int(np.diff(self.tree_start).max(initial=0))


@dataclass(frozen=True)
class _Tree:
    feature: list[int]
    threshold: list[float]
    decision: list[int]
    left: list[int]
    right: list[int]
    split_count: list[float]
    leaf_value: list[float]
    leaf_count: list[float]

    def count(self, child: int) -> float:
        return self.split_count[child] if child >= 0 else self.leaf_count[~child]

    @property
    def mean(self) -> float:
        if not self.feature:
            return self.leaf_value[0]
        weighted = sum(v * n for v, n in zip(self.leaf_value, self.leaf_count, strict=True))
        return weighted / self.split_count[0]

    def walk(self) -> Iterator[tuple[int, list[tuple[int, bool]]]]:
        """Yield every leaf with the splits on its path and whether it goes left there."""
        waiting: list[tuple[int, list[tuple[int, bool]]]] = [(0 if self.feature else ~0, [])]
        while waiting:
            node, path = waiting.pop()
            if node < 0:
                yield ~node, path
                continue
            waiting.append((self.right[node], [*path, (node, False)]))
            waiting.append((self.left[node], [*path, (node, True)]))


def parse_forest(text: str) -> Forest:
    """Return the trees of a LightGBM model.

    Parameters
    ----------
    text : what ``Booster.model_to_string`` gives or ``save_model`` writes.

    Raises
    ------
    IntegrityError
        When the model has what is not summed here (categorical splits, linear leaves, averaged trees, several
        classes), or its text is damaged.
    """
    try:
        head, *blocks = re.split(r"^Tree=\d+$", text.split("end of trees", maxsplit=1)[0], flags=re.MULTILINE)
        header = _read_fields(head)
        if "average_output" in head or header.get("num_class", "1") != "1":
            raise _not_supported("averaged trees or several classes")
        trees = [_read_tree(_read_fields(block)) for block in blocks]
        return _join(int(header["max_feature_idx"]) + 1, trees)
    except (KeyError, ValueError, IndexError) as error:
        raise IntegrityError(
            f"The text of the model is damaged: {error}", remedy="Train the model again with a new run."
        ) from error


def _not_supported(what: str) -> IntegrityError:
    return IntegrityError(
        f"The model has {what}, which cannot be explained",
        remedy="Train with numeric features and plain trees; words enter as numbers.",
    )


def _read_fields(block: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in block.splitlines() if "=" in line)
    return {pair[0]: pair[1] for pair in pairs}


def _read_tree(fields: Mapping[str, str]) -> _Tree:
    if int(fields.get("num_cat", "0")) or int(fields.get("is_linear", "0")):
        raise _not_supported("categorical splits or linear leaves")

    def whole(name: str) -> list[int]:
        return [int(word) for word in fields.get(name, "").split()]

    def real(name: str) -> list[float]:
        return [float(word) for word in fields.get(name, "").split()]

    tree = _Tree(
        whole("split_feature"),
        real("threshold"),
        whole("decision_type"),
        whole("left_child"),
        whole("right_child"),
        real("internal_count"),
        real("leaf_value"),
        real("leaf_count") or [1.0],
    )
    leaves, splits = int(fields["num_leaves"]), len(tree.feature)
    lengths = (tree.threshold, tree.decision, tree.left, tree.right, tree.split_count)
    if splits != leaves - 1 or len(tree.leaf_value) != leaves or any(len(part) != splits for part in lengths):
        raise ValueError("a tree lacks splits or leaves")
    if any(kind & _CATEGORICAL for kind in tree.decision):
        raise _not_supported("categorical splits")
    if splits and min(*tree.split_count, *tree.leaf_count) <= 0:
        raise _not_supported("leaves that no training row reached")
    return tree


def _join(feature_count: int, trees: list[_Tree]) -> Forest:
    leaf_value: list[float] = []
    slots: list[tuple[int, float]] = []
    steps: list[tuple[int, bool]] = []
    slot_start, step_start = [0], [0]
    for tree in trees:
        leaf_value.extend(tree.leaf_value)
        for _, path in sorted(tree.walk()):
            on_path: dict[int, tuple[float, list[tuple[int, bool]]]] = {}
            for node, is_left in path:
                child = tree.left[node] if is_left else tree.right[node]
                share, taken = on_path.get(tree.feature[node], (1.0, []))
                share *= tree.count(child) / tree.split_count[node]
                on_path[tree.feature[node]] = (share, [*taken, (node, is_left)])
            for feature, (share, taken) in on_path.items():
                slots.append((feature, share))
                steps.extend(taken)
                step_start.append(len(steps))
            slot_start.append(len(slots))
    decision = np.array([kind for tree in trees for kind in tree.decision], dtype=np.int64)
    return Forest(
        feature_count=feature_count,
        expected_value=float(sum(tree.mean for tree in trees)),
        tree_start=_starts([len(tree.feature) for tree in trees]),
        feature=np.array([name for tree in trees for name in tree.feature], dtype=np.int64),
        threshold=np.array([value for tree in trees for value in tree.threshold], dtype=np.float64),
        missing=decision >> _MISSING_SHIFT & 3,
        is_default_left=(decision & _DEFAULT_LEFT > 0).astype(np.uint8),
        left=np.array([child for tree in trees for child in tree.left], dtype=np.int64),
        right=np.array([child for tree in trees for child in tree.right], dtype=np.int64),
        leaf_start=_starts([len(tree.leaf_value) for tree in trees]),
        leaf_value=np.array(leaf_value, dtype=np.float64),
        slot_start=np.array(slot_start, dtype=np.int64),
        slot_feature=np.array([feature for feature, _ in slots], dtype=np.int64),
        slot_share=np.array([share for _, share in slots], dtype=np.float64),
        step_start=np.array(step_start, dtype=np.int64),
        step_split=np.array([node for node, _ in steps], dtype=np.int64),
        step_is_left=np.array([is_left for _, is_left in steps], dtype=np.uint8),
    )


def _starts(lengths: list[int]) -> IntArray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
