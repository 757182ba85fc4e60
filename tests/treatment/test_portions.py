"""Advice is the same however many customers are worked on at a time."""

from datetime import date, timedelta

import polars as pl
import pytest

from segmentation.domain.room_tables import INSTALMENT_RISK, SEGMENT
from segmentation.domain.settings import ExplorationSettings, TreatmentSettings
from segmentation.treatment import inputs
from segmentation.treatment.gates import close_gates
from segmentation.treatment.portions import Portions
from segmentation.treatment.recommendation import recommend_steps
from tests.treatment.conftest import Book
from tests.treatment.random_book import RandomBook
from tests.treatment.test_exploration import pay_after_contact

AS_OF = date(2026, 3, 2)
SEED, CUSTOMERS = 23, 90
ALL = 10_000


@pytest.fixture(scope="module")
def settings():
    """Fewer calls than customers worth one, and channels tried out."""
    return TreatmentSettings(
        exploration=ExplorationSettings(is_on=True, holdout_share=0.1, within_points=0.2),
        calls_per_day=1,
        cool_down_days=3,
        max_contacts_per_week=99,
        max_contacts_per_month=99,
    )


@pytest.fixture(scope="module")
def drawn():
    """A book with a long contact history, in which parents reach across customers."""
    book = RandomBook(SEED, CUSTOMERS, AS_OF, per_customer=12)
    ledger = book.draw()
    for name in ("core_payment_plan", "core_dunning_block", "core_quarantine", "core_dispute"):
        ledger[name] = ledger[name].clear()
    event = ledger["core_contact_event"]
    earlier = [
        event.with_columns(
            pl.format("{}-{}", "contact_id", pl.lit(days)).alias("contact_id"),
            pl.col("sent_at") - timedelta(days=days),
        )
        for days in range(9, 160, 9)
    ]
    ledger["core_contact_event"] = pl.concat([event, *earlier]).sort("contact_id")
    holder = ledger["core_unallocated_cash"].filter(pl.col("unmatched_cash_amount") > 0)["customer_id"][0]
    is_child = pl.int_range(pl.len()) % 9 == 0
    ledger["core_customer"] = ledger["core_customer"].with_columns(
        pl.when(is_child).then(pl.lit(holder)).alias("parent_customer_id")
    )
    ledger = pay_after_contact(ledger)
    return ledger, book.decisions(), book.risks(ledger), book.segments()


def advise(drawn, settings, size):
    ledger, decisions, risks, segments = drawn
    gate = close_gates(ledger, decisions, AS_OF, settings, size)
    return gate, recommend_steps(ledger, risks, segments, gate, AS_OF, settings, 7, size)


@pytest.fixture(scope="module")
def at_once(drawn, settings):
    return advise(drawn, settings, ALL)


@pytest.mark.parametrize("size", [4, 31])
def test_portions_of_any_size_give_the_same_gates_and_the_same_advice(drawn, settings, at_once, size):
    for whole, found in zip(at_once, advise(drawn, settings, size), strict=True):
        assert found.equals(whole)
        assert found.schema == whole.schema


def test_the_book_has_what_is_joint_between_customers(settings, at_once):
    """Else the test above would show nothing: calls that fall away, draws, a parent who holds money."""
    gate, advice = at_once
    codes = advice["reason_codes"].explode()
    assert (advice["action"] == "call").sum() == settings.calls_per_day
    assert (codes == "calls_used_up").any()
    assert advice["is_exploration"].sum() > 4
    assert (codes == "held_out").any()
    assert gate["detail"].str.contains("the account of parent").any()


def advise_pair(book, settings, size):
    gate = close_gates(book.ledger, book.decision_frame, AS_OF, settings, size)
    found = recommend_steps(
        book.ledger, INSTALMENT_RISK.empty(), SEGMENT.empty(), gate, AS_OF, settings, 0, size
    )
    return {row["customer_id"]: row for row in found.iter_rows(named=True)}


@pytest.mark.parametrize("size", [1, ALL])
class TestWhatReachesAcrossCustomers:
    def test_a_reminder_about_somebody_elses_invoice_closes_it(self, settings, size):
        book = Book().customer("A").invoice("I", "A").customer("B").invoice("J", "B")
        assert advise_pair(book, settings, size)["B"]["action"] == "reminder"
        book.contact(5, customer_id="A", invoice_id="J")
        assert advise_pair(book, settings, size)["B"]["action"] == "wait"

    def test_a_reminder_counts_for_the_invoice_it_was_about_whoever_got_it(self, settings, size):
        book = Book().customer("A").invoice("I", "A", days_late=90)
        book.customer("B").invoice("J", "B", days_late=90).contact(60, customer_id="A", invoice_id="J")
        advice = advise_pair(book, settings, size)
        assert (advice["A"]["past_level"], advice["B"]["past_level"]) == (0, 1)

    def test_addresses_of_some_put_the_others_out_of_reach(self, settings, size):
        book = Book().customer("A").invoice("I", "A").customer("B").invoice("J", "B").point("email", "A")
        advice = advise_pair(book, settings, size)
        assert (advice["A"]["open_channels"], advice["B"]["open_channels"]) == (["email"], [])
        assert advice["B"]["channel"] is None


def test_every_row_is_in_one_portion_and_keeps_its_place():
    names = pl.Series("customer_id", ["b", "a", "d", "c", "é", "b", "z", "aa"])
    frame = pl.DataFrame({"customer_id": names, "row": range(len(names))})
    for size in (1, 2, 3, 100):
        parts = Portions({"t": frame}, names.head(5), size)
        cut = [part["t"] for part in parts]
        assert pl.concat(cut).sort("row").equals(frame)
        assert all(part["row"].is_sorted() for part in cut)
        starts = [part["customer_id"].min() for part in cut if part.height]
        assert starts == sorted(starts)


def test_the_room_reads_no_more_than_it_says(drawn, settings, at_once):
    ledger, decisions, risks, segments = drawn
    narrow = {name: table.align(ledger[name]) for name, table in inputs.LEDGER.items()}
    few = narrow, decisions, inputs.RISK.align(risks), inputs.SEGMENTS.align(segments)
    for whole, found in zip(at_once, advise(few, settings, ALL), strict=True):
        assert found.equals(whole)
