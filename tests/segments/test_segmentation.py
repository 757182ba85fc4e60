from datetime import date

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.domain.core_tables import CUSTOMER
from segmentation.domain.room_tables import SEGMENT
from segmentation.domain.settings import SegmentSettings
from segmentation.domain.validation import find_violations
from segmentation.segments.behaviour import BehaviourModel, ModelName
from segmentation.segments.habit import LEVELS, HabitModel
from segmentation.segments.propensity import LatePrior
from segmentation.segments.segment_model import SegmentModel
from segmentation.segments.segmentation import segment_book, segment_customers

AS_OF = date(2026, 1, 1)
behaviours = st.lists(st.sampled_from([-5, 0, 1, 20]), min_size=1, max_size=30)
books = st.lists(behaviours, min_size=1, max_size=12).map(
    lambda rows: {f"C{i:02d}": r for i, r in enumerate(rows)}
)


@pytest.fixture(params=list(ModelName))
def segment(request):
    """Segments of a ledger that is too short to compare models on, by each model in turn."""

    prior = LatePrior(1.0, 1.0, 0.0, 0.0, 0.0, 10)
    before = BehaviourModel(request.param, prior, HabitModel((1 / LEVELS,) * LEVELS, 0.01, 0.01))

    def judge(ledger, **kwargs) -> pl.DataFrame:
        model = SegmentModel(before, SegmentSettings())
        book = segment_book(ledger, AS_OF, previous_model=model, **kwargs)
        assert book.comparison.filter("is_published")["model"].to_list() == [request.param]
        return book.customers

    return judge


def _segments(ledger, **kwargs) -> dict[str, str]:
    return dict(segment_customers(ledger, AS_OF, **kwargs).select("customer_id", "segment").iter_rows())


def test_clear_cases_get_the_segment_that_a_credit_manager_would_give(make_ledger, mixed_book):
    book = mixed_book | {
        "always": [12] * 12,
        "never": [-1] * 20,
        "sometimes": [9 if k % 4 == 0 else 0 for k in range(24)],
        "half": [9 if k % 2 == 0 else 0 for k in range(12)],
        "new": [30, 30],
    }
    found = _segments(make_ledger(book))
    assert found["always"] == "structural"
    assert found["never"] == "prompt"
    assert found["sometimes"] == "incidental"
    assert found["half"] == "undecided"
    assert found["new"] == "insufficient_history"


def test_every_customer_gets_a_row_even_without_invoices(make_ledger):
    customers = pl.DataFrame({"customer_id": ["A", "Z"]})
    result = segment_customers(make_ledger({"A": [0, 0, 0]}, core_customer=customers), AS_OF)
    assert result["customer_id"].to_list() == ["A", "Z"]
    silent = result.row(1, named=True)
    assert silent["segment"] == "insufficient_history"
    assert silent["structural_prob"] is None
    assert silent["settled_count"] == 0
    assert silent["evidence"] == ["no instalment has fallen due or been paid yet"]


def test_an_empty_ledger_gives_an_empty_valid_table(make_ledger):
    result = segment_customers(make_ledger({}), AS_OF)
    assert result.height == 0
    assert result.schema == SEGMENT.empty().schema


def test_the_result_keeps_its_definition(make_ledger, mixed_book):
    assert find_violations(segment_customers(make_ledger(mixed_book), AS_OF), SEGMENT) == []


@pytest.mark.parametrize("has_previous", [False, True])
@pytest.mark.parametrize("days_late", [1, 25, 400])
def test_one_more_late_invoice_moves_no_customer_with_twenty_prompt_ones(
    make_ledger, mixed_book, segment, has_previous, days_late
):
    before = segment(make_ledger(mixed_book | {"good": [-3] * 20}))
    after = segment(
        make_ledger(mixed_book | {"good": [days_late] + [-3] * 20}),
        previous=before if has_previous else None,
    )
    moved = after.join(before, "customer_id").filter(pl.col("segment") != pl.col("segment_right"))
    if not has_previous:
        moved = moved.filter(pl.col("settled_count_right") - pl.col("late_count_right") >= 20)
    assert "prompt" in set(before.filter(pl.col("customer_id") == "good")["segment"])
    assert moved.height == 0, moved["customer_id"].to_list()


def test_one_bad_fortnight_is_not_a_habit(make_ledger, mixed_book):
    burst = make_ledger(mixed_book | {"burst": [30] * 8})
    balance = burst["core_instalment_balance"]
    same_day = pl.when(pl.col("customer_id") == "burst").then(date(2025, 10, 1)).otherwise("due_date")
    burst["core_instalment_balance"] = balance.with_columns(due_date=same_day)
    assert _segments(burst)["burst"] == "undecided"


def test_a_structural_customer_stays_so_until_clearly_past_the_bound(make_ledger, mixed_book):
    ledger = make_ledger(mixed_book | {"edge": [9] * 8 + [0] * 4})
    result = segment_customers(ledger, AS_OF)
    prob = result.filter(pl.col("customer_id") == "edge")["structural_prob"][0]
    bound = SegmentSettings(structural_prob=prob + 0.03)
    previous = pl.DataFrame({"customer_id": ["edge"], "segment": ["structural"]})
    assert _segments(ledger, settings=bound)["edge"] == "undecided"
    assert _segments(ledger, settings=bound, previous=previous)["edge"] == "structural"
    far = SegmentSettings(structural_prob=min(prob + 0.06, 0.999))
    assert _segments(ledger, settings=far, previous=previous)["edge"] == "undecided"


def test_an_unknown_or_repeated_previous_row_changes_nothing(make_ledger, mixed_book):
    ledger = make_ledger(mixed_book)
    previous = pl.DataFrame({"customer_id": ["gone", "C01", "C01"], "segment": ["prompt"] * 3})
    assert set(_segments(ledger, previous=previous)) == set(_segments(ledger))


unchanging = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@unchanging
@given(book=books, seed=st.integers(0, 99))
def test_shuffled_rows_move_no_customer(make_ledger, segment, book, seed):
    ledger = make_ledger(book)
    shuffled = {name: frame.sample(fraction=1.0, shuffle=True, seed=seed) for name, frame in ledger.items()}
    assert segment(ledger).equals(segment(shuffled))


@unchanging
@given(book=books)
def test_renamed_customers_keep_their_segment(make_ledger, segment, book):
    names = {name: f"{(37 * i) % 97:02d}-{99 - i}" for i, name in enumerate(book)}
    before = segment(make_ledger(book))
    after = segment(make_ledger({names[name]: row for name, row in book.items()}))
    renamed = before.with_columns(pl.col("customer_id").replace_strict(names)).sort("customer_id")
    assert renamed.equals(after)


@unchanging
@given(book=books, factor=st.sampled_from([100, 1000]))
def test_another_currency_unit_moves_no_customer(make_ledger, segment, book, factor):
    ledger = make_ledger(book)
    balance = ledger["core_instalment_balance"]
    amounts = [name for name in balance.columns if name.endswith("amount")]
    scaled = balance.with_columns(
        *((pl.col(name) * factor).cast(balance.schema[name]) for name in amounts),
        pl.lit("XXX").alias("currency"),
    )
    assert segment(ledger).equals(segment(ledger | {"core_instalment_balance": scaled}))


def test_sensitive_and_group_attributes_do_not_enter(make_ledger, mixed_book):
    plain = make_ledger(mixed_book)
    customers = CUSTOMER.conform(
        pl.DataFrame({"customer_id": list(mixed_book), "party_type": ["consumer"] * len(mixed_book)})
    ).with_columns(language=pl.lit("fr"), region=pl.lit("north"), size_band=pl.lit("small"))
    assert segment_customers(plain, AS_OF).equals(
        segment_customers(plain | {"core_customer": customers}, AS_OF)
    )
