"""Values as the reader's country writes them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from dashboards.formats import Formats, find_locale, find_zone

BRITISH = Formats(find_locale("en-GB"), find_zone("Europe/Brussels"))
DUTCH = Formats(find_locale("nl-NL"), find_zone("Europe/Amsterdam"))


def test_money_has_marks_and_currency():
    assert BRITISH.money(Decimal("1234.500"), "EUR") == "€1,234.50"
    assert DUTCH.money(Decimal("1234.5"), "EUR") == "€\xa01.234,50"
    assert BRITISH.money(Decimal(1234), "JPY") == "JP¥1,234"
    assert BRITISH.money(None, "EUR") == "–"


def test_long_amounts_are_shortened_for_tiles_only_when_long():
    assert BRITISH.money_short(9_999.5, "EUR") == "€9,999.50"
    assert BRITISH.money_short(1_234_567.0, "EUR") == "€1.2M"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.999, "> 99%"),
        (0.0004, "< 1%"),
        (0.5, "50%"),
        (None, "–"),
        (0.994, "99%"),
    ],
)
def test_a_probability_is_never_rounded_to_certainty(value, text):
    assert BRITISH.share(value) == text


def test_days_have_a_unit_and_one_is_one():
    assert BRITISH.days(1) == "1 day"
    assert BRITISH.days(12.34, 1) == "12.3 days"
    assert BRITISH.days(None) == "–"


def test_window_on_one_day_names_the_day_once_and_in_the_customers_time():
    start, end = datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert BRITISH.window(start, end) == "Mon 2 Mar 2026, 09:00–17:00"
    assert BRITISH.window(start, end, find_zone("Europe/Helsinki")) == "Mon 2 Mar 2026, 10:00–18:00"


def test_window_over_the_change_of_clocks_is_right_on_both_ends():
    start, end = datetime(2026, 3, 28, 8, tzinfo=UTC), datetime(2026, 3, 30, 8, tzinfo=UTC)
    assert BRITISH.window(start, end) == "Sat 28 Mar 2026, 09:00 to Mon 30 Mar 2026, 10:00"


def test_half_open_windows_say_from_or_until():
    moment = datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert BRITISH.window(moment, None).startswith("from ")
    assert BRITISH.window(None, moment).startswith("until ")
    assert BRITISH.window(None, None) == "–"


def test_dates_follow_the_locale():
    assert DUTCH.day(date(2026, 3, 2)) == "ma 2 mrt 2026"


@pytest.mark.parametrize("name", ["", None, "xx-nowhere", "../../etc/passwd", "nl_BE_!"])
def test_unknown_locale_or_zone_falls_back(name):
    assert find_locale(name).language in {"en", "nl"}
    assert find_zone(name, None).key == "Europe/Brussels"
