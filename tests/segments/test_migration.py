"""A model can be published and applied again, and tells changes of customers from its own."""

import polars as pl
import pytest

from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Segment
from segmentation.segments.segment_definitions import define_segments
from segmentation.segments.segment_model import describe_model, restore_model
from segmentation.segments.segmentation import segment_book
from tests.segments.conftest import AS_OF


def test_a_model_comes_back_from_its_table_as_it_was(make_ledger, mixed_book):
    settings = SegmentSettings(half_life_days=200, structural_prob=0.85)
    model = segment_book(make_ledger(mixed_book), AS_OF, settings).model
    assert restore_model(describe_model(model)) == model


@pytest.mark.parametrize("parameter", ["definitions_version", "alpha", "min_settled"])
def test_a_model_that_this_program_cannot_apply_is_not_applied(make_ledger, mixed_book, parameter):
    table = describe_model(segment_book(make_ledger(mixed_book), AS_OF).model)
    assert restore_model(table.filter(pl.col("parameter") != parameter)) is None
    newer = table.with_columns(
        pl.when(pl.col("parameter") == "definitions_version").then(99.0).otherwise("value").alias("value")
    )
    assert restore_model(newer) is None


def test_the_same_facts_under_the_same_model_give_the_same_segments(make_ledger, mixed_book):
    ledger = make_ledger(mixed_book)
    first = segment_book(ledger, AS_OF)
    again = segment_book(ledger, AS_OF, previous_model=first.model).customers
    assert again["segment_by_previous_model"].equals(again["segment"].rename("segment_by_previous_model"))
    assert first.customers["segment_by_previous_model"].null_count() == len(mixed_book)


def test_other_bounds_are_a_change_of_the_model_and_other_payments_are_not(make_ledger, mixed_book):
    strict = segment_book(make_ledger(mixed_book), AS_OF, SegmentSettings(structural_prob=0.97))
    was = dict(strict.customers.select("customer_id", "segment").iter_rows())
    eager = segment_book(
        make_ledger(mixed_book), AS_OF, SegmentSettings(structural_prob=0.6), previous_model=strict.model
    ).customers
    moved = eager.filter(pl.col("segment") != pl.col("customer_id").replace_strict(was))
    assert moved.height > 0
    assert (moved["segment_by_previous_model"] == moved["customer_id"].replace_strict(was)).all()
    turned = mixed_book | {"C02": [30] * 12}
    later = segment_book(
        make_ledger(turned), AS_OF, SegmentSettings(structural_prob=0.97), previous_model=strict.model
    ).customers.filter(customer_id="C02")
    assert was["C02"] != "structural"
    assert later.select("segment", "segment_by_previous_model").row(0) == ("structural", "structural")


def test_every_segment_is_defined_in_two_sentences_with_the_bounds_in_force():
    definitions = define_segments(SegmentSettings(structural_prob=0.85, min_settled=5))
    said = dict(definitions.select("segment", "definition").iter_rows())
    assert set(said) == {segment.value for segment in Segment}
    assert all(text.count(". ") == 1 and text.endswith(".") for text in said.values())
    assert "85 %" in said["structural"]
    assert "Fewer than 5" in said["insufficient_history"]
