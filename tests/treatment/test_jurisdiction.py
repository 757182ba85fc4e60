"""Packs are complete, sourced, and found for the customers they are for."""

from datetime import date

import polars as pl
import pytest

from segmentation.domain.errors import UsageError
from segmentation.treatment.jurisdiction import assign_packs, load_pack, load_reference_rates, pack_names


def test_the_packs_that_ship():
    assert pack_names() == ("be_consumer", "eu_business", "nl_consumer", "strictest")


@pytest.mark.parametrize("name", pack_names())
def test_every_pack_names_its_sources_and_says_that_it_is_no_legal_advice(name):
    pack = load_pack(name)
    assert pack.pack == name
    assert "not legal advice" in pack.status
    assert len(pack.sources) >= 3
    assert 0 <= pack.hours.open_hour < pack.hours.close_hour <= 24


def test_the_strictest_pack_is_as_narrow_as_any():
    strictest = load_pack("strictest")
    for pack in map(load_pack, pack_names()):
        assert strictest.waiting.days >= pack.waiting.days
        assert strictest.hours.open_hour >= pack.hours.open_hour
        assert strictest.hours.close_hour <= pack.hours.close_hour
        assert set(strictest.hours.closed_weekdays) >= set(pack.hours.closed_weekdays)
        assert set(strictest.consent_channels) >= set(pack.consent_channels)
        assert strictest.max_calls_per_week <= pack.max_calls_per_week
        assert strictest.costs.maximum <= pack.costs.maximum


@pytest.mark.parametrize(
    ("country", "party_type", "expected"),
    [
        ("BE", "consumer", "be_consumer"),
        ("be", "consumer", "be_consumer"),
        ("NL", "consumer", "nl_consumer"),
        ("DE", "consumer", "strictest"),
        ("BE", "legal_person", "eu_business"),
        ("FR", "public_body", "eu_business"),
        ("NL", "sole_trader", "eu_business"),
        ("US", "legal_person", "strictest"),
        ("BE", None, "strictest"),
        (None, "consumer", "strictest"),
        ("391", None, "strictest"),
    ],
)
def test_which_pack_a_customer_falls_under(country, party_type, expected):
    frame = pl.DataFrame(
        {"customer_id": ["C"], "country": [country], "party_type": [party_type]},
        schema={"customer_id": pl.String, "country": pl.String, "party_type": pl.String},
    )
    assert assign_packs(frame, date(2026, 3, 2), "strictest")["jurisdiction"].to_list() == [expected]


def test_a_pack_is_not_used_before_it_is_in_force():
    frame = pl.DataFrame({"customer_id": ["C"], "country": ["BE"], "party_type": ["consumer"]})
    packs = assign_packs(frame, date(2023, 8, 31), "strictest")
    assert packs["jurisdiction"].to_list() == ["strictest"]


def test_an_unknown_pack_is_refused_with_the_names_of_the_known_ones():
    with pytest.raises(UsageError, match="be_consumer, eu_business"):
        load_pack("mars_consumer")


def test_reference_rates_are_in_order_and_end_on_a_stated_day():
    for rate in load_reference_rates().values():
        assert max(rate.rates) <= rate.known_until
        assert rate.source
