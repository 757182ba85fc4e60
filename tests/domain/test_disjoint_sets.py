"""Sets that are joined pair by pair are those that following the pairs finds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segmentation.domain.disjoint_sets import DisjointSets

_HASHES = st.integers(0, 20).map(lambda number: number * 2**59 % 2**64)  # high bits only: places collide


def join(pairs):
    sets = DisjointSets()
    for left, right in pairs:
        sets.join(np.array([left], dtype=np.uint64), np.array([right], dtype=np.uint64))
    return sets


@given(st.lists(st.tuples(_HASHES, _HASHES)))
def test_hashes_share_a_group_when_pairs_lead_from_one_to_the_other(pairs):
    groups = {hash_: {hash_} for pair in pairs for hash_ in pair} | {1: {1}}  # 1 was never joined
    for left, right in pairs:
        merged = groups[left] | groups[right]
        groups |= dict.fromkeys(merged, merged)
    hashes = sorted(groups)
    found = join(pairs).find_groups(np.array(hashes, dtype=np.uint64)).tolist()
    for one, of_one in zip(hashes, found, strict=True):
        assert {other for other, of_other in zip(hashes, found, strict=True) if of_other == of_one} == groups[
            one
        ]


def test_many_hashes_are_held():
    sets, hashes = DisjointSets(), np.random.default_rng(1).integers(2, 2**64, 300_000, dtype=np.uint64)
    sets.join(hashes, np.resize(hashes[:1_000], len(hashes)))
    groups = sets.find_groups(hashes)
    assert len(np.unique(groups)) == 1_000
    assert (groups == np.resize(groups[:1_000], len(hashes))).all()
