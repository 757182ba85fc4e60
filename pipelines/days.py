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
