"""The same rows give the same hash; any other value gives another."""

import datetime as dt
from decimal import Decimal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from segmentation.domain.hashing import hash_frame, hash_rows, hash_text

SCHEMA = {
    "id": pl.String(),
    "amount": pl.Decimal(18, 3),
    "share": pl.Float64(),
    "day": pl.Date(),
    "at": pl.Datetime("us", "UTC"),
    "codes": pl.List(pl.String()),
}
ROW = st.fixed_dictionaries(
    {
        "id": st.text(max_size=5),
        "amount": st.none() | st.decimals(-1000, 1000, places=3),
        "share": st.none() | st.floats(0, 1),
        "day": st.none() | st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)),
        "at": st.none()
        | st.integers(0, 4_000_000_000).map(lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC)),
        "codes": st.lists(st.text(max_size=3), max_size=3),
    }
)


@given(st.lists(ROW, max_size=8), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_count(rows, random):
    shuffled = rows.copy()
    random.shuffle(shuffled)
    assert hash_frame(pl.DataFrame(rows, SCHEMA)) == hash_frame(pl.DataFrame(shuffled, SCHEMA))


@given(st.lists(ROW, min_size=1, max_size=5), st.data())
def test_any_changed_value_counts(rows, data):
    column = data.draw(st.sampled_from(list(SCHEMA)))
    changed = [dict(row) for row in rows]
    new = data.draw(ROW)[column]
    old = changed[0][column]
    changed[0][column] = new
    before, after = hash_frame(pl.DataFrame(rows, SCHEMA)), hash_frame(pl.DataFrame(changed, SCHEMA))
    assert (before == after) == (old == new)


def test_known_differences():
    base = pl.DataFrame([{"id": "1", "amount": Decimal("1.000"), "codes": ["a", "b"]}], SCHEMA)
    assert hash_frame(base) != hash_frame(base.with_columns(amount=pl.lit(Decimal("1.001"))))
    assert hash_frame(base) != hash_frame(base.with_columns(codes=pl.lit(["ab"])))
    assert hash_frame(base.with_columns(codes=pl.lit([""]))) != hash_frame(
        base.with_columns(codes=pl.lit([], pl.List(pl.String)))
    )
    assert hash_frame(base.with_columns(share=pl.lit(0.0))) == hash_frame(
        base.with_columns(share=pl.lit(-0.0))
    )
    assert hash_frame(base) != hash_frame(base.rename({"id": "key"}))
    assert hash_frame(base) != hash_frame(pl.concat([base, base]))
    assert hash_frame(base, ignore=["id"]) == hash_frame(base.with_columns(id=pl.lit("2")), ignore=["id"])


def test_parts_of_a_text_do_not_run_together():
    assert hash_text("ab", "c") != hash_text("a", "bc")


def test_rows_are_hashed_as_their_texts_are():
    frame = pl.DataFrame({"a": ["x", "", "é:1"], "b": ["yz", "xyz", "long " * 20]})
    assert hash_rows(frame) == [hash_text(*row) for row in frame.iter_rows()]
