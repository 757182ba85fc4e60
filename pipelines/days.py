"""Days as people write them in options, and the day of the clock."""

import datetime as dt

from segmentation.domain.errors import UsageError


def find_today() -> dt.date:
    """Return the day of the clock, in UTC; asked for one thing: a fact of a day that has not come yet is a typing error."""
    return dt.datetime.now(dt.UTC).date()


def parse_day(text: str, option: str) -> dt.date:
    """Return the day written as YYYY-MM-DD; UsageError that names the option when it is none."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a date", where=option, remedy="Write it as YYYY-MM-DD, for example 2026-10-31."
        ) from error


def refuse_coming_day(as_of: dt.date | None, today: dt.date) -> None:
    """Refuse an as-of day after tomorrow, UTC: as of a year that was mistyped, all later deliveries would be of the past.

    Tomorrow is possible, since it has begun elsewhere, and is what follows a newest fact of today. None is never refused.
    """
    latest = today + dt.timedelta(days=1)
    if as_of is not None and as_of > latest:
        raise UsageError(
            f"{as_of} has not come yet",
            where="--as-of",
            remedy=f"Choose a day up to {latest}, or leave it out for the day after the newest fact.",
        )
