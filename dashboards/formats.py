"""Money, numbers, shares and dates as the reader's country writes them.

Belongs here: values to text. Does not belong here: the words of the product (wording).
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_compact_currency, format_currency, format_decimal, format_percent

from segmentation.domain.settings import TreatmentSettings

UNKNOWN = "–"
DEFAULT_LOCALE = "en_GB"
DEFAULT_TIMEZONE = TreatmentSettings().default_timezone


def find_zone(*names: str | None) -> ZoneInfo:
    """Return the first of these time zones that exists, the default of the settings when none does."""
    for name in names:
        if not name:
            continue
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo(DEFAULT_TIMEZONE)


def find_locale(*names: str | None) -> Locale:
    """Return the first of these locales that exists (``nl-BE`` or ``nl_BE``), British English when none does."""
    for name in names:
        if not name:
            continue
        try:
            return Locale.parse(name.replace("-", "_"))
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(DEFAULT_LOCALE)


@dataclass(frozen=True)
class Formats:
    """Values as text for one reader.

    Parameters
    ----------
    locale : writes numbers and dates.
    zone : moments are shown in this time zone.
    """

    locale: Locale
    zone: ZoneInfo

    def money(self, amount: Decimal | float | None, currency: str | None) -> str:
        """Return an amount with its currency in full, as in ``€1,234.50``; a dash when there is none."""
        if amount is None:
            return UNKNOWN
        if not currency:
            return format_decimal(amount, format="#,##0.00", locale=self.locale)
        return format_currency(amount, currency, locale=self.locale)

    def money_short(self, amount: Decimal | float | None, currency: str | None) -> str:
        """Return an amount for a tile, as in ``€1.2M``; in full below ten thousand."""
        if amount is None or not currency or abs(float(amount)) < 10_000:  # noqa: PLR2004  five digits still fit
            return self.money(amount, currency)
        return format_compact_currency(amount, currency, locale=self.locale, fraction_digits=1)

    def number(self, value: float | Decimal | None, digits: int = 0) -> str:
        """Return a number with marks for thousands and this many decimals; a dash when there is none."""
        if value is None:
            return UNKNOWN
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return format_decimal(value, format=pattern, locale=self.locale)

    def share(self, value: float | None, digits: int = 0) -> str:
        """Return a share or probability in per cent; never 0 % or 100 % unless it is exactly that."""
        if value is None:
            return UNKNOWN
        step = 10 ** -(digits + 2)
        pattern = "#,##0" + ("." + "0" * digits if digits else "") + "%"
        if 0 < value < step / 2:
            return f"< {format_percent(step, format=pattern, locale=self.locale)}"
        if 1 - step / 2 < value < 1:
            return f"> {format_percent(1 - step, format=pattern, locale=self.locale)}"
        return format_percent(value, format=pattern, locale=self.locale)

    def days(self, value: float | None, digits: int = 0) -> str:
        """Return a number of days with its unit."""
        if value is None:
            return UNKNOWN
        text = self.number(value, digits)
        return f"{text} day" if text in {"1", "-1"} else f"{text} days"

    def day(self, value: date | None) -> str:
        """Return a day with its weekday, as in ``Mon 23 Nov 2026``; a dash when there is none."""
        if value is None:
            return UNKNOWN
        return format_date(value, format="EEE d MMM y", locale=self.locale)

    def moment(self, value: datetime | None, zone: ZoneInfo | None = None) -> str:
        """Return a moment to the minute in the reader's or the given time zone."""
        if value is None:
            return UNKNOWN
        local = value.astimezone(zone or self.zone)
        return format_datetime(local, format="EEE d MMM y, HH:mm", locale=self.locale)

    def window(self, start: datetime | None, end: datetime | None, zone: ZoneInfo | None = None) -> str:
        """Return a period in words, the day named once when it starts and ends on the same day."""
        zone = zone or self.zone
        if start is None and end is None:
            return UNKNOWN
        if start is None:
            return f"until {self.moment(end, zone)}"
        if end is None:
            return f"from {self.moment(start, zone)}"
        first, last = start.astimezone(zone), end.astimezone(zone)
        if first.date() == last.date():
            clock = f"{format_time(first, 'HH:mm', locale=self.locale)}–{format_time(last, 'HH:mm', locale=self.locale)}"
            return f"{self.day(first.date())}, {clock}"
        return f"{self.moment(first, zone)} to {self.moment(last, zone)}"
