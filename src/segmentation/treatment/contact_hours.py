"""When a customer may be contacted: hours, weekdays and public holidays in the customer's own time.

Belongs here: lawful windows and working days. Does not belong here: which days are holidays (public_holidays),
which hours a jurisdiction allows (jurisdictions/*.yaml) or which hour works best (nothing here claims to know).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

from segmentation.domain.errors import UsageError
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import PartyType
from segmentation.treatment.jurisdiction import Weekday, load_pack
from segmentation.treatment.public_holidays import holiday_place, list_holidays

SLOT_HOURS: dict[str, tuple[int, int]] = {
    "morning": (0, 12),
    "midday": (12, 15),
    "afternoon": (15, 18),
    "evening": (18, 24),
}
"""Parts of the day in the customer's own time, end excluded."""

PLACE = ("jurisdiction", "country", "region", "timezone")
"""Columns that say when a customer may be contacted."""

_SEARCH_DAYS = 60
_WEEKDAY_NUMBER = {day: number for number, day in enumerate(Weekday)}
_HOURS_IN_DAY = 24
_WITH_OFFICES = (PartyType.LEGAL_PERSON.value, PartyType.PUBLIC_BODY.value)


@dataclass(frozen=True, slots=True)
class OpenHours:
    """Lawful hours in a customer's own time, end excluded, and the days that are closed.

    Parameters
    ----------
    timezone : IANA name.
    open_hour, close_hour : contact from the first, none from the second on.
    closed_weekdays : 0 for Monday ... 6 for Sunday.
    holiday_places : countries, or their regions, whose public holidays are closed.
    """

    timezone: str
    open_hour: int
    close_hour: int
    closed_weekdays: frozenset[int]
    holiday_places: tuple[str, ...]

    @property
    def zone(self) -> ZoneInfo:
        """The customer's time zone."""
        return ZoneInfo(self.timezone)


def is_open_day(hours: OpenHours, day: date) -> bool:
    """Return whether the customer may be contacted at all on that day of their calendar."""
    if day.weekday() in hours.closed_weekdays:
        return False
    return not any(day in list_holidays(place, day.year) for place in hours.holiday_places)


@cache
def next_window(hours: OpenHours, not_before: datetime, first_day: date) -> tuple[datetime, datetime]:
    """Return the first lawful window (start, end excluded; both UTC) on or after a moment and a local day.

    Parameters
    ----------
    hours : lawful hours.
    not_before : moment before which the window may not start, UTC.
    first_day : first day of the customer's calendar that counts. Without it, a customer whose clock
        lags would get the evening before the as-of day, when nobody has read the advice yet.

    Raises
    ------
    UsageError
        When no day within two months is open, which only settings can cause.

    Notes
    -----
    Local times are turned into UTC day by day, so a change of the clock moves the window with it. A
    local time that the change skips counts as the moment of the change; a day that a country left
    out altogether has no window.
    """
    zone = hours.zone
    for offset in range(_SEARCH_DAYS):
        day = first_day + timedelta(days=offset)
        if not is_open_day(hours, day):
            continue
        opens = datetime.combine(day, time(hours.open_hour), zone).astimezone(UTC)
        if hours.close_hour == _HOURS_IN_DAY:
            closes = datetime.combine(day + timedelta(days=1), time(0), zone).astimezone(UTC)
        else:
            closes = datetime.combine(day, time(hours.close_hour), zone).astimezone(UTC)
        start = max(opens, not_before)
        if start < closes and start.astimezone(zone).date() == day:
            return start, closes
    raise UsageError(
        f"No day within {_SEARCH_DAYS} days is open for contact in {hours.timezone}",
        where="settings.treatment.open_hour, close_hour",
        remedy="Choose an opening hour before the closing hour.",
    )


def is_lawful(hours: OpenHours, moment: datetime) -> bool:
    """Return whether contact is lawful at that moment (UTC)."""
    local = moment.astimezone(hours.zone)
    return is_open_day(hours, local.date()) and hours.open_hour <= local.hour < hours.close_hour


def add_working_days(day: date, count: int, holiday_places: Iterable[str]) -> date:
    """Return the ``count``-th working day after ``day``: not a Saturday, Sunday or public holiday."""
    hours = OpenHours("UTC", 0, _HOURS_IN_DAY, frozenset({5, 6}), tuple(holiday_places))
    while count > 0:
        day += timedelta(days=1)
        count -= is_open_day(hours, day)
    return day


@cache
def known_zones() -> frozenset[str]:
    """Return the names of all IANA time zones."""
    return frozenset(available_timezones())


def to_local_time(frame: pl.DataFrame, moments: Sequence[str], settings: TreatmentSettings) -> pl.DataFrame:
    """Return the rows, in any order, with moments (UTC) turned into the clock of each row's ``timezone``.

    Parameters
    ----------
    frame : ``timezone`` and the moments; a zone that is null or unknown counts as the one in settings.
    moments : columns to turn; null stays null.
    settings : default time zone.
    """
    parts = [
        rows.with_columns(
            pl.col(moments)
            .dt.convert_time_zone(str(zone) if zone in known_zones() else settings.default_timezone)
            .dt.replace_time_zone(None)
        )
        for (zone,), rows in frame.group_by("timezone", maintain_order=True)
    ]
    naive = pl.col(moments).dt.replace_time_zone(None)
    return pl.concat(parts) if parts else frame.with_columns(naive)


def has_offices(party_type: str | None) -> bool:
    """Return whether calls reach the customer during the hours of an office only (``business_call_*``)."""
    return party_type in _WITH_OFFICES


def resolve_hours(  # noqa: PLR0917  where a customer is takes four words
    jurisdiction: str,
    country: str | None,
    region: str | None,
    timezone: str | None,
    settings: TreatmentSettings,
    extra_closed: frozenset[Weekday] = frozenset(),
    *,
    is_business_call: bool = False,
) -> OpenHours:
    """Return the lawful hours of a customer: the narrowest of settings and jurisdiction.

    Parameters
    ----------
    jurisdiction : name of the pack.
    country, region, timezone : of the customer; an unknown country takes the holidays of the strictest pack, an
        unknown region those of ``list_holidays``, an unknown time zone the one in settings.
    settings : opening hours and default time zone.
    extra_closed : further closed weekdays, say those on which the team does not call.
    is_business_call : whether it is a call to a legal person or public body: the hours of their offices
        in settings then narrow the window further.
    """
    rules = load_pack(jurisdiction).hours
    own = holiday_place(country, region)
    countries = rules.holiday_countries or (() if own else load_pack("strictest").hours.holiday_countries)
    places = {place for place in countries if own is None or place != own[:2]} | ({own} if own else set())
    closed = {_WEEKDAY_NUMBER[day] for day in (*rules.closed_weekdays, *extra_closed)}
    open_hour, close_hour = (
        max(rules.open_hour, settings.open_hour),
        min(rules.close_hour, settings.close_hour),
    )
    if is_business_call:
        open_hour = max(open_hour, settings.business_call_open_hour)
        close_hour = min(close_hour, settings.business_call_close_hour)
    return OpenHours(
        timezone=timezone if timezone in known_zones() else settings.default_timezone,
        open_hour=open_hour,
        close_hour=close_hour,
        closed_weekdays=frozenset(closed),
        holiday_places=tuple(sorted(places)),
    )


def narrow_to_slot(hours: OpenHours, slot: str | None) -> OpenHours:
    """Return the lawful hours within a part of the day; all of them when it names none or leaves none."""
    first, end = SLOT_HOURS.get(slot or "", (0, _HOURS_IN_DAY))
    open_hour, close_hour = max(hours.open_hour, first), min(hours.close_hour, end)
    return replace(hours, open_hour=open_hour, close_hour=close_hour) if open_hour < close_hour else hours


def find_windows(frame: pl.DataFrame, settings: TreatmentSettings) -> pl.DataFrame:
    """Return ``frame`` with the next lawful window of every row.

    Parameters
    ----------
    frame : columns jurisdiction, country, region, timezone, party_type, ``slot`` (part of the day, may be left
        out), ``is_call`` (a person of the team must be at work) and ``not_before_date`` (day from which contact may be made; null gives no window).
    settings : opening hours, hours of calls to legal persons and public bodies, default time zone.

    Returns
    -------
    The frame with ``window_start_at`` and ``window_end_at`` (UTC, end excluded), and for readers
    ``window_day`` and ``window_hours`` in the customer's time; all null where not_before_date is.

    Notes
    -----
    Windows are found once per distinct place and day, then joined back.
    """
    key = [*PLACE, "party_type", "is_call", "not_before_date", "slot"]
    if "slot" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias("slot"))
    weekend = frozenset({Weekday.SATURDAY, Weekday.SUNDAY})
    rows = []
    for jurisdiction, country, region, timezone, party_type, is_call, day, slot in (
        frame.select(key).unique().iter_rows()
    ):
        hours = resolve_hours(
            jurisdiction,
            country,
            region,
            timezone,
            settings,
            weekend if is_call else frozenset(),
            is_business_call=is_call and has_offices(party_type),
        )
        hours = narrow_to_slot(hours, slot)
        start, end = (
            (None, None) if day is None else next_window(hours, datetime.combine(day, time(0), UTC), day)
        )
        local = (start.astimezone(hours.zone), end.astimezone(hours.zone)) if start and end else None
        rows.append(
            (
                jurisdiction,
                country,
                region,
                timezone,
                party_type,
                is_call,
                day,
                slot,
                start,
                end,
                local[0].date() if local else None,
                f"{local[0]:%H:%M} to {local[1]:%H:%M}" if local else None,
            )
        )
    stamp = pl.Datetime("us", "UTC")
    windows = pl.DataFrame(
        rows,
        orient="row",
        schema={name: frame.schema[name] for name in key}
        | {
            "window_start_at": stamp,
            "window_end_at": stamp,
            "window_day": pl.Date,
            "window_hours": pl.String,
        },
    )
    return frame.join(windows, on=key, how="left", nulls_equal=True, maintain_order="left")
