"""Between advice and approval the ledger may move: the same gates decide again."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from segmentation.domain.settings import TreatmentSettings
from segmentation.treatment.recheck import recheck_recommendations

AS_OF = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def recheck(book, advice, now=NOW):
    found = recheck_recommendations(advice, book.ledger, book.decision_frame, now, TreatmentSettings())
    return found["gate"].to_list()


@pytest.fixture
def advice(book):
    return book.risk().recommend()


def test_nothing_changed_nothing_forbids(book, advice):
    assert recheck(book, advice) == []


def test_a_payment_that_arrived_meanwhile_forbids(book, advice):
    book.rows["core_instalment_balance"][0] |= {
        "open_amount": Decimal(0),
        "is_open": False,
        "covered_date": AS_OF,
    }
    assert recheck(book, advice) == ["nothing_open"]


def test_money_that_came_in_today_and_is_not_matched_forbids(book, advice):
    book.add(
        "unallocated_cash",
        customer_id="C",
        currency="EUR",
        unmatched_cash_amount=Decimal(1000),
        credit_amount=Decimal(0),
    )
    assert recheck(book, advice) == ["unmatched_cash"]


def test_a_dispute_raised_today_forbids(book, advice):
    book.add("dispute", dispute_id="D", invoice_id="I", opened_at=AS_OF)
    assert recheck(book, advice) == ["open_dispute"]
    book.invoice("J")
    assert recheck(book, advice) == [], "another overdue invoice is still free"


def test_another_contact_of_today_forbids(book, advice):
    book.contact(0, dunning_level=2)
    assert recheck(book, advice) == ["cool_down"]


def test_an_opt_out_of_the_channel_forbids(book, advice):
    book.add("contact_permission", customer_id="C", channel="email", status="opt_out", valid_from=AS_OF)
    assert recheck(book, advice) == ["channel_not_permitted"]


@pytest.mark.parametrize("now", [datetime(2026, 3, 2, 20, tzinfo=UTC), datetime(2026, 3, 7, 9, tzinfo=UTC)])
def test_outside_opening_hours_nothing_is_sent(book, advice, now):
    assert recheck(book, advice, now) == ["closed_hours"]


def test_the_decision_itself_does_not_forbid_what_it_approves(book, advice):
    book.decision(AS_OF, recommendation_id=advice["recommendation_id"][0])
    assert recheck(book, advice, NOW + timedelta(days=1)) == []
    book.decision(AS_OF, recommendation_id="another")
    assert recheck(book, advice, NOW + timedelta(days=1)) == ["awaiting_decision_effect"]


def test_a_stale_ledger_forbids(book, advice):
    assert recheck(book, advice, NOW + timedelta(days=9)) == ["stale_source"]
