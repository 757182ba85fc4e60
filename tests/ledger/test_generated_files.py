"""Generated ledgers: written in any dialect they are read to the cent, and damaged they are never read wrong."""

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from segmentation.ledger.dialect import Dialect
from tests.ledger.generated_files import check_delivery, draw_delivery
from tests.ledger.slow_reader import FileText, read_amount, read_day

SOURCES = st.randoms(use_true_random=False)
CAREFUL = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@hypothesis_settings(max_examples=180, **CAREFUL)
@given(SOURCES)
def test_a_damaged_file_is_never_read_wrong(rng):
    check_delivery(draw_delivery(rng, is_damaged=True))


@hypothesis_settings(max_examples=50, **CAREFUL)
@given(SOURCES)
def test_what_was_written_in_a_dialect_is_read_back(rng):
    delivery = draw_delivery(rng, is_damaged=False)
    outcome = check_delivery(delivery)
    assert outcome.loaded == sum(len(rows) for rows in delivery.rows.values())
    assert not outcome.quarantined


@hypothesis_settings(max_examples=8, **CAREFUL)
@given(SOURCES)
def test_a_damaged_file_never_stops_the_whole_load(rng):
    check_delivery(draw_delivery(rng), whole=True)


def test_a_wrong_number_would_be_noticed():
    delivery = next(
        found
        for number in range(100)
        if (found := draw_delivery(random.Random(number), is_damaged=False)) and len(found.files) > 1
    )
    wrong = {column: list(rows) for column, rows in delivery.rows.items()}
    wrong["invoice"][0] = wrong["invoice"][0] | {"amount": wrong["invoice"][0]["amount"] + Decimal("0.001")}
    check_delivery(delivery)
    with pytest.raises(AssertionError):
        check_delivery(replace(delivery, rows=wrong))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,50", Decimal("1234.5")),
        ("1234,5-", Decimal("-1234.5")),
        ("12.34", None),
        ("1,2345", None),
        ("1e5", None),
        ("", None),
    ],
)
def test_the_slow_reader_reads_amounts(text, expected):
    dialect = Dialect(decimal_mark=",", thousands_mark=".", negative=("trailing_minus",), delimiter=";")
    assert read_amount(text, dialect) == expected


def test_the_slow_reader_reads_days_and_records():
    dialect = Dialect(date_format=("%d/%m/%y", "excel_serial"), two_digit_years_from=1990)
    assert read_day("05/01/26", dialect) == date(2026, 1, 5)
    assert read_day("46027", dialect) == date(2026, 1, 5)
    assert read_day("30/02/26", dialect) is None
    text = FileText(b'a,b\n"x\n""y""", 2 \n', dialect)
    assert text.read_record(2) == (['x\n"y"', "2"], 2)
    assert text.read_row(2) == {"a": 'x\n"y"', "b": "2"}
