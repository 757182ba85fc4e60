"""Looking up rows gives what a join gives, also where two identifiers share a hash."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.domain.row_lookup import find_rows, is_known

_TEXTS = st.lists(st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "I-1", "Ω" * 20]), st.text()))


def look_up(ids: list[str | None], keys: list[str | None]) -> list[int | None]:
    return find_rows(pl.Series(ids, dtype=pl.String), pl.Series(keys, dtype=pl.String)).to_list()


@given(_TEXTS, _TEXTS)
def test_rows_are_those_of_the_first_equal_key(ids, keys):
    expected = [None if name is None or name not in keys else keys.index(name) for name in ids]
    assert look_up(ids, keys) == expected


def test_many_rows_are_found():
    keys = pl.Series([f"I{number * 7919 % 100_003:06d}" for number in range(100_003)])
    rows = find_rows(keys.reverse(), keys)
    assert rows.to_list() == list(range(100_002, -1, -1))


def test_what_is_not_there_is_not_known():
    assert is_known(pl.Series(["a", None, "c"]), pl.Series(["c", "d"])).to_list() == [False, False, True]


@pytest.mark.parametrize("keys", [["a", "b"], ["b", "a"], ["a", "a", "b"]])
def test_identifiers_that_share_a_hash_are_told_apart(monkeypatch, keys):
    monkeypatch.setattr(pl.Series, "hash", lambda self: pl.Series([7] * len(self), dtype=pl.UInt64))
    assert look_up(["b", "a", "x", None], keys) == [keys.index("b"), keys.index("a"), None, None]
