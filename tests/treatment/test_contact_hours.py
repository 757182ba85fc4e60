"""Windows of contact: lawful in the customer's own time, whatever the zone, the clock or the calendar."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.domain.errors import UsageError
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import PartyType
from segmentation.treatment.contact_hours import (
    OpenHours,
    add_working_days,
    find_windows,
    is_lawful,
    list_holidays,
    next_window,
    resolve_hours,
)
from segmentation.treatment.jurisdiction import pack_names

SETTINGS = TreatmentSettings()
ZONES = (
    "Europe/Brussels", "Europe/London", "America/New_York", "America/St_Johns", "America/Sao_Paulo",
    "America/Los_Angeles", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran", "Asia/Beirut", "Africa/Casablanca",
    "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Pacific/Kiritimati",
    "Pacific/Pago_Pago", "Etc/GMT+12", "UTC",
)  # fmt: skip


def window(
    day: date,
    jurisdiction="be_consumer",
    country="BE",
    timezone="Europe/Brussels",
    *,
    party_type=None,
    is_call=False,
):
    frame = pl.DataFrame(
        [
            {
                "jurisdiction": jurisdiction,
                "country": country,
                "region": None,
                "timezone": timezone,
                "party_type": party_type,
                "is_call": is_call,
                "not_before_date": day,
            }
        ],
        schema_overrides={
            "timezone": pl.String,
            "country": pl.String,
            "region": pl.String,
            "party_type": pl.String,
            "not_before_date": pl.Date,
        },
    )
    return find_windows(frame, SETTINGS).row(0, named=True)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "start", "end", "why"),
    [
        ("2026-03-02", "2026-03-02T07:00", "2026-03-02T19:00", "winter time: 08:00 is 07:00 UTC"),
        ("2026-03-29", "2026-03-30T06:00", "2026-03-30T18:00", "a Sunday, and summer time begins"),
        ("2026-10-24", "2026-10-24T06:00", "2026-10-24T18:00", "a Saturday is lawful for consumers"),
        ("2026-10-25", "2026-10-26T07:00", "2026-10-26T19:00", "a Sunday, and winter time begins"),
        ("2026-04-05", "2026-04-07T06:00", "2026-04-07T18:00", "Easter Sunday and Easter Monday"),
        ("2026-07-21", "2026-07-22T06:00", "2026-07-22T18:00", "Belgian national day"),
        ("2026-12-25", "2026-12-26T07:00", "2026-12-26T19:00", "Christmas; Boxing Day is none in Belgium"),
        ("2028-02-29", "2028-02-29T07:00", "2028-02-29T19:00", "a leap day is a day"),
    ],
)
def test_belgian_consumers(day, start, end, why):
    found = window(date.fromisoformat(day))
    assert (found["window_start_at"], found["window_end_at"]) == (utc(start), utc(end)), why


def test_dutch_liberation_day_counts_every_year():
    for year in range(2024, 2031):
        assert date(year, 5, 5) in list_holidays("NL", year), year
    assert window(date(2026, 5, 5), "nl_consumer", "NL", "Europe/Amsterdam")["window_day"] == date(2026, 5, 6)


@pytest.mark.parametrize(
    ("country", "region", "day", "is_closed"),
    [
        ("GB", "GB-ENG", "2026-08-31", True),
        ("GB", "GB-SCT", "2026-08-31", False),
        ("GB", None, "2026-08-31", True),
        ("DE", "DE-BY", "2026-06-04", True),
        ("DE", "BE", "2026-06-04", False),
        ("DE", "nowhere", "2026-06-04", True),
        ("ES", "ES-MD", "2026-04-02", True),
        ("FR", "FR-IDF", "2026-07-21", False),
        ("FR", "FR-971", "2026-07-21", True),
        ("IT", None, "2026-12-07", False),
    ],
)
def test_holidays_of_the_region_are_closed_and_where_it_is_not_known_those_widely_kept(
    country, region, day, is_closed
):
    hours = resolve_hours("eu_business", country, region, "Europe/Brussels", SETTINGS)
    assert is_lawful(hours, datetime.fromisoformat(f"{day}T10:00+00:00")) is not is_closed


def test_calls_and_offices_stay_closed_on_saturdays():
    saturday = date(2026, 3, 7)
    assert window(saturday)["window_day"] == saturday
    assert window(saturday, is_call=True)["window_day"] == date(2026, 3, 9)
    assert window(saturday, "eu_business")["window_day"] == date(2026, 3, 9)


def test_a_customer_whose_clock_lags_is_not_contacted_the_evening_before():
    found = window(date(2026, 3, 3), "strictest", "US", "America/New_York")
    assert found["window_start_at"] == utc("2026-03-03T13:00")


def test_a_customer_whose_clock_leads_gets_what_is_left_of_the_day():
    found = window(date(2026, 3, 3), "strictest", "NZ", "Pacific/Auckland")
    assert found["window_start_at"] == utc("2026-03-03T00:00"), "13:00 in Auckland"
    assert found["window_hours"] == "13:00 to 20:00"


def test_an_unknown_zone_or_country_takes_the_defaults():
    hours = resolve_hours("strictest", "391", None, "Mars/Olympus", SETTINGS)
    assert (hours.timezone, hours.holiday_places) == ("Europe/Brussels", ("BE", "NL"))


def test_no_day_to_start_from_gives_no_window():
    assert window(None)["window_start_at"] is None


def test_a_day_that_a_country_left_out_has_no_window():
    # Samoa went from 29 to 31 December 2011.
    hours = OpenHours("Pacific/Apia", 8, 20, frozenset(), ())
    start, _ = next_window(hours, datetime(2011, 12, 30, 12, tzinfo=UTC), date(2011, 12, 30))
    assert start.astimezone(ZoneInfo("Pacific/Apia")).date() == date(2011, 12, 31)


def test_hours_that_never_open_are_refused_with_a_remedy():
    with pytest.raises(UsageError, match="opening hour before the closing hour"):
        next_window(OpenHours("UTC", 20, 8, frozenset(), ()), utc("2026-03-02T00:00"), date(2026, 3, 2))


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2026-02-23", 3, "2026-02-26"),
        ("2026-02-20", 3, "2026-02-25"),
        ("2026-02-21", 1, "2026-02-23"),
        ("2026-04-03", 1, "2026-04-07"),
        ("2026-03-02", 0, "2026-03-02"),
    ],
)
def test_working_days_skip_weekends_and_holidays(day, count, expected):
    assert add_working_days(date.fromisoformat(day), count, ["BE"]) == date.fromisoformat(expected)


@settings(max_examples=400, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    country=st.sampled_from(["BE", "NL", "DE", "FR", "US", "NZ", "AU", "BR", "391", None]),
    jurisdiction=st.sampled_from(pack_names()),
    day=st.dates(date(2010, 1, 1), date(2035, 12, 31)),
    open_hour=st.integers(0, 12),
    close_hour=st.integers(13, 24),
    is_call=st.booleans(),
    party_type=st.sampled_from([*PartyType, None]),
)
def test_a_window_is_never_outside_lawful_hours(
    zone, country, jurisdiction, day, open_hour, close_hour, is_call, party_type
):
    chosen = TreatmentSettings(open_hour=open_hour, close_hour=close_hour)
    frame = pl.DataFrame(
        {
            "jurisdiction": [jurisdiction],
            "country": pl.Series([country], dtype=pl.String),
            "region": pl.Series([None], dtype=pl.String),
            "timezone": [zone],
            "party_type": pl.Series([party_type], dtype=pl.String),
            "is_call": [is_call],
            "not_before_date": [day],
        }
    )
    found = find_windows(frame, chosen).row(0, named=True)
    start, end = found["window_start_at"], found["window_end_at"]
    assert datetime.combine(day, time(0), UTC) <= start < end
    hours = resolve_hours(jurisdiction, country, None, zone, chosen)
    last = end - timedelta(seconds=1)
    inside = start + (end - start) / 2
    for moment in (start, inside, last):
        local = moment.astimezone(ZoneInfo(zone))
        assert max(8, open_hour) <= local.hour < min(20, close_hour)
        assert local.date() == found["window_day"] >= day
        assert is_lawful(hours, moment)
        assert local.weekday() != 6, "never on a Sunday"
        assert not any(local.date() in list_holidays(c, local.year) for c in hours.holiday_places)
    assert not is_call or found["window_day"].weekday() < 5


@settings(max_examples=100, deadline=None)
@given(zone=st.sampled_from(ZONES), day=st.dates(date(2015, 1, 1), date(2030, 12, 31)))
def test_no_earlier_moment_of_the_days_before_the_window_was_lawful(zone, day):
    hours = resolve_hours("be_consumer", "BE", None, zone, SETTINGS)
    not_before = datetime.combine(day, time(0), UTC)
    start, _ = next_window(hours, not_before, day)
    moment = not_before
    while moment < start:
        local = moment.astimezone(ZoneInfo(zone))
        assert not is_lawful(hours, moment) or local.date() < day
        moment += timedelta(minutes=30)


@pytest.mark.parametrize(
    ("party_type", "is_call", "hours"),
    [
        ("legal_person", True, "09:00 to 17:00"),
        ("public_body", True, "09:00 to 17:00"),
        ("legal_person", False, "08:00 to 20:00"),
        ("consumer", True, "08:00 to 20:00"),
        ("sole_trader", True, "08:00 to 20:00"),
        (None, True, "08:00 to 20:00"),
    ],
)
def test_only_calls_to_companies_and_public_bodies_keep_office_hours(party_type, is_call, hours):
    found = window(date(2026, 3, 2), "eu_business", party_type=party_type, is_call=is_call)
    assert found["window_hours"] == hours


def test_settings_that_would_leave_no_hour_for_calls_to_companies_are_refused():
    with pytest.raises(ValueError, match="no company could ever be called"):
        TreatmentSettings(open_hour=17)
    assert TreatmentSettings(open_hour=17, business_call_close_hour=19).open_hour == 17
