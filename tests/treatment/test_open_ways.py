"""What a person who chooses another step must keep to is written beside the recommendation."""

from datetime import timedelta

import pytest

from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import FORMAL_ACTIONS, Action
from segmentation.publish.decision_bounds import CLOSE_HOUR, OPEN_HOUR
from segmentation.treatment.jurisdiction import load_pack
from tests.treatment.conftest import AS_OF


def test_without_any_address_the_channels_of_the_scenario_are_open(book):
    assert book.risk().advice()["open_channels"] == ["email", "phone", "letter", "registered_letter"]


def test_a_refused_channel_and_one_without_address_are_not_open(book):
    for channel in ("email", "phone", "sms"):
        book.point(channel)
    book.add(
        "contact_permission",
        customer_id="C",
        channel="phone",
        status="opt_out",
        valid_from=AS_OF.replace(month=1),
    )
    assert book.risk().advice()["open_channels"] == ["email", "sms"]


@pytest.mark.parametrize(
    ("days_late", "amount", "levels", "formal"),
    [
        (1, "5.00", (), set()),
        (60, "1000.00", (), set()),  # nobody reminded them
        (60, "1000.00", (1,), set()),
        (60, "99.00", (1, 2), set()),  # too small
        (20, "1000.00", (1, 2), set()),  # too early
        (60, "1000.00", (1, 2), {"formal_notice"}),
        (60, "1000.00", (1, 2, 3), {"formal_notice"}),
        (120, "1000.00", (1, 2, 3), {"formal_notice", "legal_review"}),
        (120, "499.00", (1, 2, 3), {"formal_notice"}),
    ],
)
@pytest.mark.parametrize("cause", ["unclear", "cannot_pay"])
def test_a_formal_step_may_be_chosen_only_after_what_has_to_come_before(
    empty_book, days_late, amount, levels, formal, cause
):
    book = empty_book.customer().invoice(days_late=days_late, amount=amount).segment(cause=cause)
    for place, level in enumerate(levels):
        book.contact(19 - place, dunning_level=level)
    offered = book.risk().advice()["open_actions"]
    assert set(offered) & FORMAL_ACTIONS == formal
    assert set(offered) | FORMAL_ACTIONS == set(Action)


def test_hours_and_closed_days_are_those_of_the_place(book):
    advice = book.risk().advice()
    assert (advice["contact_timezone"], advice["open_hour"], advice["close_hour"]) == (
        "Europe/Brussels",
        8,
        20,
    )
    assert "2026-03-08" in advice["closed_days"]  # a Sunday
    assert AS_OF.isoformat() not in advice["closed_days"]


def test_hours_of_the_settings_narrow_them(book):
    advice = book.risk().advice(settings=TreatmentSettings(open_hour=10, close_hour=16))
    assert (advice["open_hour"], advice["close_hour"]) == (10, 16)


def test_what_a_decision_assumes_is_never_wider_than_the_packs():
    for name in ("be_consumer", "nl_consumer", "eu_business", "strictest"):
        hours = load_pack(name).hours
        assert hours.open_hour <= OPEN_HOUR
        assert hours.close_hour >= CLOSE_HOUR


@pytest.mark.parametrize(
    ("party_type", "hours"), [("legal_person", (9, 17)), ("consumer", (8, 20)), (None, (8, 20))]
)
def test_hours_of_calls_are_those_of_an_office_where_there_is_one(empty_book, party_type, hours):
    advice = empty_book.customer(party_type=party_type).invoice().risk().advice()
    assert (advice["call_open_hour"], advice["call_close_hour"]) == hours


def test_the_last_day_of_a_notice_is_the_first_due_date_that_no_gate_closes(empty_book):
    book = empty_book.customer()
    for name, ahead in (("A", 2), ("B", 4), ("C", 9)):
        book.invoice(name, days_late=-ahead)
    assert book.advice()["coming_due_date"] == AS_OF + timedelta(days=2)
    book.add("dispute", dispute_id="D", invoice_id="A", opened_at=AS_OF)
    assert book.advice()["coming_due_date"] == AS_OF + timedelta(days=4)
    book.add("dispute", dispute_id="E", invoice_id="B", opened_at=AS_OF)
    assert book.advice()["coming_due_date"] is None
