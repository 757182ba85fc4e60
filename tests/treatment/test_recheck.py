"""Between advice and approval the ledger may move: the same gates decide again."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
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
    assert recheck(book, advice) == ["debt_changed", "nothing_open"]


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
    assert recheck(book, advice) == ["open_dispute"], "the message asks for the one in dispute"
    by_hand = choose(advice, "reminder", "letter")
    assert recheck(book, by_hand) == [], "a message of one's own may be about another overdue invoice"


def pay(book, invoice_id, amount=Decimal(1000)):
    (balance,) = (b for b in book.rows["core_instalment_balance"] if b["invoice_id"] == invoice_id)
    rest = balance["open_amount"] - amount
    balance |= {"open_amount": rest, "is_open": rest > 0, "paid_amount": amount}


def test_an_invoice_that_was_paid_forbids_a_message_that_asks_for_it(book):
    advice = book.invoice("J").invoice("L", days_late=-30).risk().recommend()
    assert recheck(book, advice) == []
    pay(book, "J")
    assert recheck(book, advice) == ["debt_changed"], "one of the two that it asks for"
    pay(book, "I")
    assert recheck(book, advice) == ["debt_changed"] * 2, "another open invoice does not keep it alive"


@pytest.mark.parametrize("change", [{"open_amount": Decimal(400)}, {"due_date": AS_OF - timedelta(days=1)}])
def test_another_amount_or_due_date_forbids_the_message_that_names_the_old_one(book, advice, change):
    book.rows["core_instalment_balance"][0] |= change
    assert recheck(book, advice) == ["debt_changed"]


def choose(advice, action, channel):
    """The step that a person chose instead of the one recommended; no message was written for it."""
    step = {"action": action, "channel": channel, "asked_invoices": None}
    return advice.with_columns(pl.lit(value, dtype=pl.String).alias(name) for name, value in step.items())


@pytest.mark.parametrize(("action", "channel"), [("call", "phone"), ("legal_review", None)])
def test_a_step_chosen_by_a_person_needs_something_overdue(book, action, channel):
    chosen = choose(book.invoice("L", days_late=-30).risk().recommend(), action, channel)
    assert recheck(book, chosen) == []
    pay(book, "I")
    assert recheck(book, chosen) == ["debt_changed"]


@pytest.fixture
def notice(empty_book):
    """A notice before the due date of I, two days ahead, with another invoice due in a month."""
    book = empty_book.customer().invoice(days_late=-2, amount="9000.00").invoice("L", days_late=-30)
    advice = book.segment().risk().recommend()
    assert advice["action"].to_list() == ["pre_due_notice"]
    assert recheck(book, advice) == []
    return book, advice


def test_a_notice_before_the_due_date_of_a_paid_invoice_is_held_back(notice):
    book, advice = notice
    pay(book, "I", Decimal(9000))
    assert recheck(book, advice) == ["debt_changed"]


def test_a_notice_before_the_due_date_of_a_disputed_invoice_is_held_back(notice):
    book, advice = notice
    book.add("dispute", dispute_id="D", invoice_id="I", opened_at=AS_OF)
    assert recheck(book, advice) == ["open_dispute"]


def test_a_notice_before_the_due_date_ends_with_that_day(notice):
    book, advice = notice
    assert recheck(book, advice, NOW + timedelta(days=2)) == []
    assert recheck(book, advice, NOW + timedelta(days=3)) == ["debt_changed"]


def test_one_moment_has_one_answer_in_whatever_zone_it_is_written(book, advice):
    book.add("dispute", dispute_id="D", invoice_id="I", opened_at=AS_OF + timedelta(days=1))
    for zone in ("UTC", "Pacific/Auckland", "America/Los_Angeles"):
        moment = datetime(2026, 3, 2, 18, 30, tzinfo=UTC).astimezone(ZoneInfo(zone))
        assert recheck(book, advice, moment) == [], zone


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


@pytest.mark.parametrize(
    ("action", "channel"), [("call", "email"), ("formal_notice", "email"), ("reminder", "phone")]
)
def test_a_step_by_a_channel_that_is_not_its_own_is_held_back(book, advice, action, channel):
    assert recheck(book, choose(advice, action, channel)) == ["channel_not_permitted"]


@pytest.mark.parametrize(
    ("party_type", "hour", "held"),
    [
        ("legal_person", 17, ["closed_hours"]),
        ("public_body", 7, ["closed_hours"]),
        ("legal_person", 15, []),
        ("consumer", 17, []),
    ],
)
def test_a_call_to_an_office_keeps_to_its_hours(empty_book, party_type, hour, held):
    book = empty_book.customer(party_type=party_type).invoice().risk()
    call = choose(book.recommend(), "call", "phone")
    assert recheck(book, call, NOW.replace(hour=hour, minute=30)) == held
