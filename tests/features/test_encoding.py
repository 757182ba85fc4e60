"""The same customer has the same number wherever it turns up."""

import datetime as dt

import polars as pl
import pytest

from segmentation.features.encoding import Calendar, number_ledger, number_names
from tests.features.ledgers import random_ledger


def test_names_become_places_in_alphabetical_order_in_every_column():
    names = [f"C{i:05d}" for i in range(5_000)]
    columns = [
        pl.Series(part, dtype=pl.String) for part in (names[::-1], names[:7], [], [*names[1::3], None])
    ]
    found, numbers = number_names(columns)
    assert found.to_list() == names
    for column, places in zip(columns, numbers, strict=True):
        assert places.dtype == pl.Int32
        assert found.gather(places).to_list() == column.to_list()


@pytest.mark.parametrize("columns", [[], [[]], [[], [None]]])
def test_no_names_at_all(columns):
    found, numbers = number_names([pl.Series(part, dtype=pl.String) for part in columns])
    assert found.to_list() == []
    assert [places.to_list() for places in numbers] == columns


def test_a_ledger_is_numbered_throughout():
    ledger = random_ledger(4, invoices=80, customers=5)
    numbered = number_ledger(ledger)
    for name, frame in ledger.items():
        if "customer_id" in frame.columns:
            found = numbered.customers.gather(numbered.frames[name]["customer_id"])
            assert found.to_list() == frame["customer_id"].to_list(), name
    balance = numbered.frames["core_instalment_balance"]
    assert numbered.currencies.gather(balance["currency"]).to_list() == (
        ledger["core_instalment_balance"]["currency"].to_list()
    )


def test_the_calendar_knows_weekdays_and_months():
    base = (dt.date(2024, 2, 1) - dt.date(1970, 1, 1)).days
    calendar = Calendar.since(base)
    for offset in range(800):
        day = dt.date(2024, 2, 1) + dt.timedelta(days=offset)
        last = (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
        found = (calendar.weekday[offset], calendar.month_day[offset], calendar.month_length[offset])
        assert found == (day.weekday(), day.day, last.day)
