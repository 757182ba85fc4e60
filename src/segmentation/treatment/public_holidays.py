"""Public holidays of countries and their regions, corrected by a file of overrides.

Belongs here: which days are holidays where. Does not belong here: what is closed on them (contact_hours).
"""

from collections import Counter
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import yaml

_WIDELY_KEPT_SHARE = 0.25
"""Share of a country's regions that keep a holiday which is closed where the region is not known: the August holiday
of England is, the day of each of Italy's patron saints, a hundred in a year, is not."""


@cache
def _overrides() -> dict[str, Any]:
    path = resources.files("segmentation.treatment").joinpath("holiday_overrides.yaml")
    countries: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["countries"]
    return countries


@cache
def supported_countries() -> dict[str, frozenset[str]]:
    """Return the regions with holidays of their own, by ISO 3166-1 alpha-2 code of the countries that are known."""
    import holidays

    return {country: frozenset(regions) for country, regions in holidays.list_supported_countries().items()}


@cache
def holiday_place(country: str | None, region: str | None) -> str | None:
    """Return where a customer's public holidays are kept: ``DE-BY``, or ``DE``; None where nothing is known of it.

    Parameters
    ----------
    country, region : of the customer; a region with or without its country (``DE-BY``, ``BY``).
    """
    own = country.upper() if country else ""
    if own not in supported_countries():
        return None
    part = (region or "").upper().removeprefix(f"{own}-")
    return f"{own}-{part}" if part in supported_countries()[own] else own


@cache
def list_holidays(place: str, year: int) -> frozenset[date]:
    """Return the public holidays of a place in a year, corrected by the override file.

    Parameters
    ----------
    place : of ``holiday_place``; of a country without a region, those of a quarter of its regions count too.
    year : calendar year.

    Raises
    ------
    KeyError
        When nothing is known about the country.
    """
    import holidays

    country, _, region = place.partition("-")
    days = set(holidays.country_holidays(country, subdiv=region or None, years=year))
    if not region:
        regions = supported_countries()[country]
        kept = Counter(
            day for subdiv in regions for day in holidays.country_holidays(country, subdiv=subdiv, years=year)
        )
        days |= {day for day, count in kept.items() if count >= _WIDELY_KEPT_SHARE * len(regions)}
    override = _overrides().get(country, {})
    days |= {date(year, entry["month"], entry["day"]) for entry in override.get("every_year", [])}
    days |= {entry["date"] for entry in override.get("add", []) if entry["date"].year == year}
    days -= {entry["date"] for entry in override.get("remove", [])}
    return frozenset(days)
