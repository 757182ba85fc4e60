"""What past contacts brought, read from the ledger: only what was there to be paid, in one currency at a time."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from segmentation.treatment.answers import list_answers
from segmentation.treatment.scenario import load_scenario
from tests.treatment.conftest import AS_OF, Book

CONTACT_DAYS_AGO = 40
RESPONSE_DAYS = 14


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def answers(book: Book) -> pl.DataFrame:
    people = pl.DataFrame({"customer_id": ["C"], "segment": ["prompt"]})
    return list_answers(book.ledger, people, AS_OF, load_scenario())


def contacted(covered_on: date | None = None, covered_by: str | None = None) -> Book:
    """A customer who was reminded of an invoice that was covered in some way since, beside one that is open."""
    book = Book().customer().invoice("I", days_late=60).invoice("J", days_late=55)
    book.contact(CONTACT_DAYS_AGO)
    balance = book.rows["core_instalment_balance"][0]
    balance |= {"covered_date": covered_on, "covered_by": covered_by, "is_open": covered_on is None}
    return book


@pytest.mark.parametrize("covered_by", ["credit_note", "write_off"])
@pytest.mark.parametrize("days_after", [RESPONSE_DAYS + 1, RESPONSE_DAYS + 20])
def test_what_is_credited_after_the_response_days_was_open_until_then(covered_by, days_after):
    found = answers(contacted(ago(CONTACT_DAYS_AGO - days_after), covered_by))
    still_open = answers(contacted())
    told = ["contact_id", "paid_share", "paid", "band", "amount", "days"]
    assert found.select(told).equals(still_open.select(told))
    assert found["amount"].item() == 2000


@pytest.mark.parametrize("days_after", [0, RESPONSE_DAYS])
def test_what_is_credited_within_the_response_days_was_not_there_to_be_paid(days_after):
    found = answers(contacted(ago(CONTACT_DAYS_AGO - days_after), "credit_note"))
    assert found["amount"].item() == 1000  # the other invoice


def test_without_contact_too_only_what_was_open_through_the_days_is_counted():
    def baseline(covered_on, covered_by):
        book = contacted().customer("D").customer("E").invoice("K", "D", days_late=60, paid_on=ago(35))
        book.invoice("L", "E", days_late=60)
        balance = book.rows["core_instalment_balance"][-1]
        balance |= {"covered_date": covered_on, "covered_by": covered_by, "is_open": covered_on is None}
        return answers(book)["baseline"].item()

    assert baseline(ago(2), "credit_note") == baseline(None, None)
    assert baseline(ago(57), "credit_note") > baseline(None, None)


def test_amounts_of_several_currencies_have_no_sum():
    book = contacted()
    assert answers(book)["amount"].item() == Decimal(2000)
    book.rows["core_instalment_balance"][1]["currency"] = "USD"
    assert answers(book)["amount"].item() is None
