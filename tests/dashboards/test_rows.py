"""Rows: filtered, ordered and cut before anything is drawn."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from dashboards import rows
from tests.dashboards.published_book import build_book


@pytest.fixture(scope="module")
def worklist():
    tables = build_book(60)
    names = ("recommendations", "customers", "customer_segments")
    return rows.join_worklist(*(tables[f"out_{name}"] for name in names))


def test_days_of_the_table_are_those_of_the_customer():
    late_in_utc = datetime(2026, 3, 1, 23, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "contact_timezone": ["Asia/Tokyo", "Europe/Brussels", "America/New_York", None],
            "at": [late_in_utc] * 4,
        }
    )
    found = frame.select(rows.local_date(frame, "at")).to_series().to_list()
    assert found == [date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 1), date(2026, 3, 2)]


def test_best_expected_value_comes_first(worklist):
    assert worklist["expected_value_amount"].is_sorted(descending=True)


def test_order_of_the_input_does_not_matter(worklist):
    tables = build_book(60)
    names = ("recommendations", "customers", "customer_segments")
    shuffled = rows.join_worklist(
        *(tables[f"out_{name}"].sample(fraction=1, shuffle=True, seed=3) for name in names)
    )
    assert shuffled.equals(worklist)


def test_customer_without_name_is_called_by_number(worklist):
    nameless = worklist.filter(pl.col("name").is_null())
    assert nameless.height
    assert (nameless["customer"] == "Customer " + nameless["customer_id"]).all()


def test_recommendation_of_an_unknown_customer_stays_on_the_list():
    tables = build_book(3)
    empty = tables["out_customers"].clear()
    joined = rows.join_worklist(tables["out_recommendations"], empty, tables["out_customer_segments"].clear())
    assert joined.height == tables["out_recommendations"].height
    assert joined["customer"].null_count() == 0


def test_search_needs_every_word_in_any_order(worklist):
    row = worklist.filter(pl.col("name").is_not_null()).row(0, named=True)
    words = f"{row['customer_id'].lower()} {row['name'].split()[-1].upper()}"
    found = rows.filter_worklist(worklist, rows.WorklistFilter(search=words))
    assert set(found["customer_id"]) == {row["customer_id"]}


def test_search_takes_signs_as_they_are(worklist):
    assert rows.filter_worklist(worklist, rows.WorklistFilter(search=".*")).is_empty()


def test_filters_narrow_together(worklist):
    wanted = rows.WorklistFilter(actions=("reminder",), currencies=("EUR",), minimum_amount=500.0)
    found = rows.filter_worklist(worklist, wanted)
    assert found.height
    assert set(found["action"]) == {"reminder"}
    assert set(found["currency"]) == {"EUR"}
    assert found["open_amount"].min() >= 500


@pytest.mark.parametrize("column", rows.ORDERS)
def test_every_order_keeps_all_rows_and_puts_unknown_last(worklist, column):
    ordered = rows.order_worklist(worklist, column)
    assert ordered.height == worklist.height
    known = ordered[column].is_not_null().to_list()
    assert known == sorted(known, reverse=True)


def test_pages_cover_every_row_once(worklist):
    pages = rows.count_pages(worklist, 7)
    cut = pl.concat([rows.cut_page(worklist, page, 7) for page in range(1, pages + 1)])
    assert cut.equals(worklist)
    assert rows.cut_page(worklist, 10_000, 7).equals(rows.cut_page(worklist, pages, 7))
    assert rows.count_pages(worklist.clear(), 7) == 1


def test_currency_with_most_rows_comes_first():
    frame = pl.DataFrame({"currency": ["USD", "EUR", "EUR", None]})
    assert rows.currencies_of(frame) == ["EUR", "USD"]


def test_open_amount_by_segment_counts_one_currency_and_every_customer():
    tables = build_book(50)
    summed = rows.sum_segments(tables["out_customer_segments"], tables["out_invoice_scores"], "EUR")
    scores = tables["out_invoice_scores"].filter(pl.col("currency") == "EUR")
    assert summed["customer_count"].sum() == 50
    assert summed["open_amount"].sum() == pytest.approx(float(scores["open_amount"].sum()))


def test_overruled_steps_and_the_time_to_decide_are_told_by_snapshot():
    """What was taken back does not count; nor do hours on the clock of a sample, before publication."""
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    decided = [
        ("a", "accept", 1), ("a", "accept", 2), ("a", "adjust", 3), ("a", "ignore", 40), ("a", "withdraw", 5),
        ("b", "ignore", -9), ("gone", "accept", 1),
    ]  # fmt: skip
    latest = pl.DataFrame(
        [
            {"snapshot_id": name, "decision": what, "decided_at": at + timedelta(hours=n)}
            for name, what, n in decided
        ]
    )
    snapshots = pl.DataFrame({"snapshot": ["a", "b", "c"], "published_at": [at] * 3})
    found = rows.sum_up_decisions(latest, snapshots).sort("snapshot")
    assert found.rows() == [("a", 4, 0.5, 2.5), ("b", 1, 1.0, None)]


def test_a_contact_stands_on_the_day_that_its_customer_had():
    late = datetime(2026, 3, 1, 22, tzinfo=UTC)
    events = pl.DataFrame({"kind": ["contact", "reply", "invoice"], "event_at": [late] * 3})
    days = events.select(rows.event_day("Pacific/Auckland"))["event_at"].to_list()
    assert [day.day for day in days] == [2, 2, 1]
